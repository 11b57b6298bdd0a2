import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import type { Services } from '../api/call.ts';
import { EngineStream } from '../api/engine-stream.ts';
import { isRawStream } from '../api/hijack.ts';
import type { Container } from '../cluster/container.ts';
import { requireHealthy } from '../cluster/reachable.ts';
import { BadRequestError, ClusterError, EngineError, NotFoundError, reasonOf } from '../common/errors.ts';
import { latest } from '../common/latest.ts';
import type { Timer } from '../common/timer.ts';
import { fieldsOf } from '../scheduler/json.ts';
import { assertWebSocketRequest, ServerWebSocket, type WebSocketListener } from '../web/web-socket.ts';
import { assertOwnOrigin, type Gate, ReadOnlyError } from './gate.ts';
import { targetOf } from './page-site.ts';
import { numberOf } from './params.ts';
import { TooManyError } from './passed-calls.ts';
import type { ExecEnd } from './protocol.ts';
import { API_ROOT } from './protocol-version.ts';
import { Pulse } from './pulse.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import type { Session } from './sessions.ts';

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
/** What a shell gets to end in, once nobody looks. */
const LEAVE_MS = 1_000;
const CALL_MS = 10_000;
/** Ctrl-C and Ctrl-D: what runs is interrupted, and the shell ends. Engines leave it running else. */
const LEAVE = '\u0003\u0004';
const SHELL: readonly string[] = ['/bin/sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash; exec sh'];

interface Wanted extends Size {
  readonly command: readonly string[];
}

/** A terminal that is open. */
interface Open {
  readonly session: Session;
  readonly pulse: Pulse;
  /** Aborted when the page left. */
  readonly left: AbortController;
  onInput: (data: Buffer) => void;
  onSize: (size: Size) => void;
}

/** An open one with its connection. */
interface Terminal {
  readonly socket: ServerWebSocket;
  readonly open: Open;
}

interface Size {
  readonly cols: number;
  readonly rows: number;
}

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
      const end = await this.#run({ socket, open }, container, wanted);
      socket.sendText(JSON.stringify(end));
      socket.close(1000, 'it ended');
    } catch (error) {
      if (!(error instanceof ClusterError) && !open.left.signal.aborted)
        logger.error({ err: error }, 'a terminal failed');
      socket.close(1011, reasonOf(error));
    }
  }

  /** Resolves when the command has ended. Rejects when it cannot be run. */
  async #run({ socket, open }: Terminal, container: Container, wanted: Wanted): Promise<ExecEnd> {
    const { signal } = open.left;
    const { client } = container.node;
    const { command, cols, rows } = wanted;
    const body = JSON.stringify({
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
      Env: ['TERM=xterm-256color'],
      Cmd: command,
    });
    const path = `/containers/${container.engineId}/exec`;
    const headers = { 'Content-Type': 'application/json' };
    const made = await client.json<unknown>({ method: 'POST', path, headers, body, signal, timeoutMs: CALL_MS });
    const id = String(fieldsOf(made).Id);
    if (!/^[0-9a-f]{64}$/.test(id)) throw new EngineError('the engine made an exec without an ID');
    const stream = await startExec(container, id, signal);
    const resize = latest(async (to: Size) => {
      const target = `/exec/${id}/resize?h=${to.rows}&w=${to.cols}`;
      await client.request({ method: 'POST', path: target, timeoutMs: CALL_MS }).catch(() => undefined);
    });
    const goOn = (): void => {
      open.pulse.release();
      socket.resume();
    };
    try {
      open.onSize = (size) => void resize(size);
      open.onInput = (data) => {
        // What was read already is written all the same: it is bounded, and more is not read.
        if (stream.socket.write(data) || open.pulse.isHeld) return;
        open.pulse.hold();
        socket.pause();
        stream.socket.once('drain', goOn);
      };
      goOn();
      await resize({ cols, rows });
      const how = await stream.relayTo(new TerminalOutput(socket, open));
      if (how === 'receiver left') await leave(stream);
      return { exitCode: await this.#exitCode(container, id) };
    } finally {
      stream.destroy();
    }
  }

  /** Null when it is not known. */
  async #exitCode({ node }: Container, id: string): Promise<number | null> {
    const asked = node.client.json<unknown>({ method: 'GET', path: `/exec/${id}/json`, timeoutMs: CALL_MS });
    const code = fieldsOf(await asked.catch(() => undefined)).ExitCode;
    return typeof code === 'number' ? code : null;
  }
}

async function startExec({ node, name }: Container, id: string, signal: AbortSignal): Promise<EngineStream> {
  const body = JSON.stringify({ Detach: false, Tty: true });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'Upgrade',
    Upgrade: 'tcp',
  };
  const stream = await EngineStream.send(node.client, {
    method: 'POST',
    path: `/exec/${id}/start`,
    headers,
    body,
    signal,
  });
  try {
    const head = await stream.head(signal);
    if (isRawStream(head)) return stream;
    throw new EngineError(`the engine of ${node.name} starts no terminal in ${name} (status ${head.statusCode})`);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** Resolves when the shell had its time to end. */
function leave(stream: EngineStream): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LEAVE_MS);
    stream.socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    stream.socket.end(LEAVE);
  });
}

/** What is shown, as fast as the browser takes it. */
class TerminalOutput extends Duplex {
  readonly #terminal: ServerWebSocket;
  readonly #open: Open;

  constructor(terminal: ServerWebSocket, open: Open) {
    super();
    this.#terminal = terminal;
    this.#open = open;
    const left = open.left.signal;
    if (left.aborted) this.destroy();
    else left.addEventListener('abort', () => this.destroy(), { once: true });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#terminal.sendBinary(chunk, () => {
      this.#open.pulse.heard();
      done();
    });
  }

  override _read(): void {
    // What is typed goes straight to the engine.
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
