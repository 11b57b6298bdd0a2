import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Services } from '../api/call.ts';
import type { Container } from '../cluster/container.ts';
import { requireHealthy } from '../cluster/reachable.ts';
import { BadRequestError, ClusterError, NotFoundError, reasonOf } from '../common/errors.ts';
import type { Timer } from '../common/timer.ts';
import { fieldsOf } from '../scheduler/json.ts';
import { assertWebSocketRequest, ServerWebSocket, type WebSocketListener } from '../web/web-socket.ts';
import { assertOwnOrigin, type Gate, ReadOnlyError } from './gate.ts';
import { targetOf } from './page-site.ts';
import { numberOf } from './params.ts';
import { TooManyError } from './passed-calls.ts';
import { API_ROOT } from './protocol-version.ts';
import { Pulse } from './pulse.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import type { Session } from './sessions.ts';
import { type Open, runInTerminal, type Size, type Terminal, type Wanted } from './terminal.ts';

const PROTOCOL = 'enxame.exec.v1';
const PATH = new RegExp(`^${API_ROOT}containers/([^/]{1,300})/exec$`);
/** Terminals of one session, and of all. */
const OF_SESSION = 8;
const IN_ALL = 32;
/** What is typed or pasted at once, in bytes. */
const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_WORDS = 64;
const MAX_SIZE = 1_000;
/** A browser that answers no ping in this time is gone. */
const BEAT_MS = 15_000;
const SHELL: readonly string[] = ['/bin/sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash; exec sh'];

/** Terminals in containers, over WebSockets: `docker exec -it` for pages that may act. */
export class ExecTerminals {
  readonly #services: Services;
  readonly #gate: Gate;
  readonly #terminals = new Set<Terminal>();
  readonly #beat: Timer;

  constructor(services: Services, gate: Gate) {
    this.#services = services;
    this.#gate = gate;
    this.#beat = services.clock.timer(() => {
      for (const { socket, open } of this.#terminals) {
        if (open.pulse.beat()) socket.terminate();
        socket.ping();
      }
      if (this.#terminals.size > 0) this.#beat.start(BEAT_MS);
    });
  }

  /** Answers a request to leave HTTP. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      const { session, container, wanted } = this.#admit(req);
      const terminal = this.#accept(req, socket, head, session);
      // Never rejects.
      void this.#serve(terminal, container, wanted, req.socket.remoteAddress);
    } catch (error) {
      refuseUpgrade(socket, error, this.#services.logger);
    }
  }

  /** Ends the terminals of a session that ended. */
  endOf(session: Session): void {
    for (const { socket, open } of this.#terminals)
      if (open.session === session) socket.close(1008, 'the session has ended');
  }

  /** Idempotent. */
  close(): void {
    this.#beat.stop();
    for (const { socket } of this.#terminals) {
      socket.close(1001, 'the manager stops');
      socket.terminate();
    }
  }

  #accept(req: IncomingMessage, socket: Duplex, head: Buffer, session: Session): Terminal {
    const open: Open = {
      session,
      pulse: new Pulse(),
      left: new AbortController(),
      onInput: () => undefined,
      onSize: () => undefined,
    };
    const listener: WebSocketListener = {
      onBinary: (data) => open.onInput(data),
      onText: (text) => {
        const size = sizeIn(text);
        if (size) open.onSize(size);
      },
      onPong: () => {
        open.pulse.heard();
      },
      onClose: () => {
        this.#terminals.delete(terminal);
        open.left.abort(new ClusterError('the page left', { code: 'CLIENT_LEFT', status: 499 }));
      },
    };
    const options = { protocol: PROTOCOL, maxBytes: MAX_MESSAGE_BYTES, listener };
    const terminal: Terminal = { open, socket: new ServerWebSocket(req, socket, head, options) };
    // What is typed before the command runs waits for it.
    terminal.socket.pause();
    open.pulse.hold();
    this.#terminals.add(terminal);
    if (this.#terminals.size === 1) this.#beat.start(BEAT_MS);
    return terminal;
  }

  /** Throws for who may not, and for what is not there. */
  #admit(req: IncomingMessage): { readonly session: Session; readonly container: Container; readonly wanted: Wanted } {
    const { path, query } = targetOf(req);
    const protocols = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
    const token = protocols.find((each) => each.startsWith('token.'))?.slice('token.'.length);
    const session = this.#gate.session(req, token);
    assertOwnOrigin(req);
    const reference = PATH.exec(path)?.[1];
    if (reference === undefined) throw new NotFoundError('there is no such terminal', 'NO_SUCH_CALL');
    if (!session.actions) throw new ReadOnlyError();
    assertWebSocketRequest(req);
    if (!protocols.includes(PROTOCOL))
      throw new BadRequestError(`the subprotocol should be ${PROTOCOL}`, 'BAD_SUBPROTOCOL');
    const own = [...this.#terminals].filter(({ open }) => open.session === session).length;
    if (own >= OF_SESSION || this.#terminals.size >= IN_ALL)
      throw new TooManyError(
        `${own} terminals of this session are open and ${this.#terminals.size} in all: close some`,
      );
    const command = query.getAll('command').slice(0, MAX_WORDS);
    const size = { least: 1, most: MAX_SIZE };
    return {
      session,
      container: this.#services.cluster.container(decoded(reference)),
      wanted: {
        command: command.length > 0 ? command : SHELL,
        cols: numberOf(query, 'cols', { ...size, otherwise: 80 }),
        rows: numberOf(query, 'rows', { ...size, otherwise: 24 }),
      },
    };
  }

  async #serve({ socket, open }: Terminal, found: Container, wanted: Wanted, from: string | undefined): Promise<void> {
    const { logger, lifecycle } = this.#services;
    try {
      const container = await lifecycle.use(found);
      const { name, node, engineId } = container;
      requireHealthy(node, `container ${name}`, node.waitingReason(engineId));
      logger.info({ container: name, node: node.name, from }, 'a page opens a terminal');
      const end = await runInTerminal({ socket, open }, container, wanted);
      socket.sendText(JSON.stringify(end));
      socket.close(1000, 'it ended');
    } catch (error) {
      if (!(error instanceof ClusterError) && !open.left.signal.aborted)
        logger.error({ err: error }, 'a terminal failed');
      socket.close(1011, reasonOf(error));
    }
  }
}

function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    throw new BadRequestError('the path is not percent-encoded as it should be', 'BAD_PATH');
  }
}

function sizeIn(text: string): Size | undefined {
  try {
    const { cols, rows } = fieldsOf(JSON.parse(text));
    return isSize(cols) && isSize(rows) ? { cols, rows } : undefined;
  } catch {
    return undefined;
  }
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_SIZE;
}
