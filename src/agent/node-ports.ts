import { createServer, type Server, type Socket } from 'node:net';
import { reasonOf } from '../common/errors.ts';
import { keptBecause } from '../common/kept-ports.ts';
import { type RelayLimits, relayLimits } from '../common/relay-limits.ts';
import type { PortRefusal, PortsAnswer } from '../engine/dialled/visits.ts';
import type { NodeSocket } from './node-socket.ts';
import type { PublishedPorts } from './published-ports.ts';
import { VisitDesk } from './visit-desk.ts';

/** Ports that are open at a time, and connections as far as this process has the descriptors. */
const MAX_PORTS = 4_096;
const MAX_CONNECTIONS = 3_072;
/** Ports stay open without their manager for this long, and all does that one that is back says nothing of, in milliseconds. */
const LOST_MS = 60_000;
/** Connections that the system keeps until they are taken up. */
const BACKLOG = 1_024;
const ANY = '::';
const ANY_V4 = '0.0.0.0';

export interface NodePortsDeps {
  /** What the engine of this host publishes, which nobody else opens. */
  readonly published: Pick<PublishedPorts, 'find' | 'isAwaited'>;
  /** By which containers reach the manager; undefined: they do not. */
  readonly socket?: NodeSocket | undefined;
  /** Default: what the process has the descriptors for. */
  readonly limits?: RelayLimits;
}

/**
 * The TCP ports that managers want open at this host. Each manager says all that it wants, at its own desk; a port is open while one of them wants it, and
 * its connections are led as the one says that wanted it last.
 */
export class NodePorts {
  readonly #deps: NodePortsDeps;
  readonly #host: string;
  readonly #open = new Map<number, Server>();
  /** The latest last. */
  #wants: readonly { readonly desk: VisitDesk; readonly ports: ReadonlySet<number> }[] = [];
  readonly #limits: RelayLimits;
  readonly #sockets = new Set<Socket>();
  readonly #perPort = new Map<number, number>();
  readonly #losses = new Map<VisitDesk, NodeJS.Timeout>();
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** @param host an IP address of this host; undefined: every one */
  constructor(deps: NodePortsDeps, host: string | undefined) {
    this.#deps = deps;
    this.#limits = deps.limits ?? relayLimits(MAX_CONNECTIONS);
    this.#host = host === undefined || host === ANY_V4 ? ANY : host;
  }

  /** For a manager to say at what it wants. */
  desk(): VisitDesk {
    return new VisitDesk(this.#deps.published);
  }

  /** A manager says what it wants. Resolves when all is open or refused. */
  async want(desk: VisitDesk, numbers: readonly unknown[], wantsSocket: boolean = false): Promise<PortsAnswer> {
    clearTimeout(this.#losses.get(desk));
    this.#losses.delete(desk);
    const { socket } = this.#deps;
    const [{ refused }, why] = await Promise.all([this.#wantPorts(desk, numbers), socket?.want(desk, wantsSocket)]);
    const socketRefused = wantsSocket && !socket ? 'its agent opens none' : why;
    return { refused, socketRefused };
  }

  /**
   * The connection of a manager ended: its ports stay open for a while, and connections wait for it to come back. The socket stays: containers have
   * mounted this very one, and would not reach another.
   */
  lose(desk: VisitDesk): void {
    this.#later(desk, () => this.#wantPorts(desk, []));
  }

  /** A manager has a connection: it says in a while what it wants, or wants nothing. */
  meet(desk: VisitDesk): void {
    this.#later(desk, () => this.want(desk, []));
  }

  #later(desk: VisitDesk, act: () => Promise<unknown>): void {
    clearTimeout(this.#losses.get(desk));
    this.#losses.set(desk, setTimeout(() => void act().catch(() => undefined), LOST_MS).unref());
  }

  /** Closes all, and ends what passes. Idempotent. */
  close(): void {
    this.#isClosed = true;
    void this.#deps.socket?.close(); // Never rejects.
    for (const timer of this.#losses.values()) clearTimeout(timer);
    for (const server of this.#open.values()) server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#open.clear();
  }

  #wantPorts(desk: VisitDesk, numbers: readonly unknown[]): Promise<PortsAnswer> {
    const wanted = numbers.filter((each): each is number => isPort(each)).slice(0, MAX_PORTS);
    const others = this.#wants.filter((each) => each.desk !== desk);
    this.#wants = wanted.length === 0 ? others : [...others, { desk, ports: new Set(wanted) }];
    const done = this.#last.then(() => this.#settle(wanted));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #settle(asked: readonly number[]): Promise<PortsAnswer> {
    const wanted = new Set(this.#wants.flatMap(({ ports }) => [...ports]));
    for (const [port, server] of this.#open) {
      if (wanted.has(port)) continue;
      this.#open.delete(port);
      // Connections go on; the number is free when this resolves.
      server.close();
    }
    const refused: Record<string, PortRefusal> = {};
    for (const port of asked) {
      const refusal = this.#open.has(port) ? undefined : await this.#openPort(port);
      if (refusal) refused[port] = refusal;
    }
    return { refused };
  }

  async #openPort(port: number): Promise<PortRefusal | undefined> {
    const kept = keptBecause('tcp', port);
    if (kept) return { isOfEngine: false, why: kept };
    try {
      const { published } = this.#deps;
      if (await published.find('', port)) return { isOfEngine: true, why: 'its engine publishes it' };
      if (await published.isAwaited(port))
        return { isOfEngine: true, why: 'its engine restarts a container that has it' };
    } catch (error) {
      return { isOfEngine: false, why: `its engine does not say whether it has it (${reasonOf(error)})` };
    }
    try {
      const server = await this.#listen(port);
      if (this.#isClosed) server.close();
      else this.#open.set(port, server);
      return undefined;
    } catch (error) {
      return { isOfEngine: false, why: openingReason(error) };
    }
  }

  async #listen(port: number): Promise<Server> {
    try {
      return await this.#listenAt(this.#host, port);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (this.#host !== ANY || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
      return await this.#listenAt(ANY_V4, port);
    }
  }

  #listenAt(host: string, port: number): Promise<Server> {
    return new Promise((resolve, reject) => {
      const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true };
      const server = createServer(options, (socket) => this.#serve(socket, port));
      server.once('error', reject);
      server.listen({ host, port, backlog: BACKLOG, exclusive: true }, () => {
        // Descriptors may run out while it accepts: the next connection is taken again.
        server.off('error', reject).on('error', () => undefined);
        resolve(server);
      });
    });
  }

  #serve(socket: Socket, port: number): void {
    socket.on('error', () => undefined);
    const desk = this.#wants.findLast(({ ports }) => ports.has(port))?.desk;
    const ofPort = this.#perPort.get(port) ?? 0;
    const isFull = this.#sockets.size >= this.#limits.total || ofPort >= this.#limits.perPort;
    if (!desk || isFull) return void socket.resetAndDestroy();
    this.#sockets.add(socket);
    this.#perPort.set(port, ofPort + 1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#perPort.get(port) ?? 1) - 1;
      if (left > 0) this.#perPort.set(port, left);
      else this.#perPort.delete(port);
    });
    void desk.lead(socket, port); // Never rejects.
  }
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

function openingReason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'another process has it';
    case 'EACCES':
      return 'its agent may not open it';
    case 'EADDRNOTAVAIL':
      return 'its host does not have the address of --publish-address';
    case 'EMFILE':
    case 'ENFILE':
      return 'its agent has no file descriptors left';
    default:
      return reasonOf(error);
  }
}
