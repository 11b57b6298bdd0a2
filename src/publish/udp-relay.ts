import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../common/clock.ts';
import type { Timer } from '../common/timer.ts';
import type { Connections } from './connections.ts';
import { ownHost } from './own-host.ts';
import type { Target, Targets } from './target.ts';

/** A flow in which no datagram passes for this long ends, and between two looks at them, in milliseconds. */
const IDLE_MS = 60_000;
const LOOK_MS = 10_000;
/** Datagrams of a flow that wait until its socket is there. */
const MAX_EARLY = 16;

export interface UdpRelayDeps {
  readonly targets: Targets;
  readonly connections: Connections;
  readonly clock: Clock;
}

/** What one client, by its address and port, and one target say to each other. */
interface Flow {
  readonly target: Target;
  readonly socket: Socket;
  /** What came before the socket was there; undefined from then on. */
  early: Buffer[] | undefined;
  usedMs: number;
  readonly end: () => void;
}

/**
 * One UDP port: the datagrams of a client go to one target as long as they come, and what that answers goes back. A flow that is idle, or whose
 * target takes no traffic any more, ends; the client's next datagram begins another one.
 */
export class UdpRelay {
  readonly #deps: UdpRelayDeps;
  /** By the client's address; the one that was idle for longest first. */
  readonly #flows = new Map<string, Flow>();
  readonly #timer: Timer;
  readonly #isOwnHost: ReturnType<typeof ownHost>;
  #socket: Socket | undefined;
  #port: number | undefined;

  constructor(deps: UdpRelayDeps) {
    this.#deps = deps;
    this.#isOwnHost = ownHost(deps.clock);
    this.#timer = deps.clock.coarseTimer(() => this.#sweep());
  }

  /** Resolves with the port once it takes datagrams. Rejects as the system says. */
  listen(host: string, port: number): Promise<number> {
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close(noop);
        reject(error);
      });
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        socket.on('error', noop); // Of one datagram: others may pass.
        socket.on('message', (datagram, from) => this.#take(datagram, from));
        this.#timer.start(LOOK_MS);
        const { port: got } = socket.address();
        this.#port = got;
        this.#deps.connections.udpPorts.add(got);
        resolve(got);
      });
    });
  }

  /** Ends all flows. Idempotent. */
  close(): void {
    this.#timer.stop();
    const socket = this.#socket;
    this.#socket = undefined;
    if (this.#port !== undefined) this.#deps.connections.udpPorts.delete(this.#port);
    this.#port = undefined;
    for (const flow of this.#flows.values()) flow.end();
    socket?.close(noop);
  }

  #take(datagram: Buffer, from: RemoteInfo): void {
    // A sender that wants no answer; Node throws at sending to it.
    if (from.port === 0) return;
    const key = `${from.address} ${from.port}`;
    const flow = this.#current(key) ?? this.#begin(key, from);
    if (!flow) return;
    flow.usedMs = this.#deps.clock.elapsed();
    if (!flow.early) return void flow.socket.send(datagram, noop);
    if (flow.early.length < MAX_EARLY) flow.early.push(datagram);
  }

  /** The client's flow, as the one that was used last. */
  #current(key: string): Flow | undefined {
    const flow = this.#flows.get(key);
    if (!flow) return undefined;
    if (!this.#deps.targets.has(flow.target)) {
      flow.end();
      return undefined;
    }
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    return flow;
  }

  #begin(key: string, from: RemoteInfo): Flow | undefined {
    const { targets, connections, clock } = this.#deps;
    if (this.#isOwn(from)) return undefined;
    const target = targets.next(new Set());
    if (!target) {
      connections.tally.failed += 1;
      return undefined;
    }
    const socket = createSocket({ type: isIPv6(target.host) ? 'udp6' : 'udp4' });
    const isTaken = (): (() => void) | undefined => connections.take(this, { destroy: () => flow.end() });
    const flow: Flow = { target, socket, early: [], usedMs: clock.elapsed(), end: () => end() };
    const release = this.#makeRoom(isTaken);
    if (!release) {
      socket.close(noop);
      return undefined;
    }
    const end = (): void => {
      if (this.#flows.get(key) !== flow) return;
      this.#flows.delete(key);
      release();
      socket.close(noop);
    };
    this.#flows.set(key, flow);
    // Refused by the node, for one.
    socket.on('error', end);
    socket.on('message', (datagram) => {
      flow.usedMs = clock.elapsed();
      this.#socket?.send(datagram, from.port, from.address, noop);
    });
    // Given to `connect`, it would be called for a failure, too.
    socket.once('connect', () => {
      const early = flow.early ?? [];
      flow.early = undefined;
      if (this.#flows.get(key) === flow) for (const datagram of early) socket.send(datagram, noop);
    });
    socket.connect(target.port, target.host);
    return flow;
  }

  /** Whether it says to come from a port of a relay here: two that answer each other, begun by one forged datagram, would go on for ever. */
  #isOwn({ address, port }: RemoteInfo): boolean {
    return this.#deps.connections.udpPorts.has(port) && this.#isOwnHost({ address: address.replace(/^::ffff:/i, '') });
  }

  /** Where there are too many flows, the one that was idle for longest ends. */
  #makeRoom(take: () => (() => void) | undefined): (() => void) | undefined {
    const release = take();
    if (release) return release;
    const [oldest] = this.#flows.values();
    if (!oldest) return undefined;
    oldest.end();
    return take();
  }

  #sweep(): void {
    const idleMs = this.#deps.clock.elapsed() - IDLE_MS;
    for (const flow of this.#flows.values()) if (flow.usedMs <= idleMs) flow.end();
    this.#timer.start(LOOK_MS);
  }
}

function noop(): void {
  // Nothing to do.
}
