import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../common/clock.ts';
import { RateBound } from '../common/rate-bound.ts';
import type { Timer } from '../common/timer.ts';
import type { Connections } from './connections.ts';
import type { EndableFlow } from './fair-flows.ts';
import { ownHost } from './own-host.ts';
import type { Client, Target, Targets } from './target.ts';
import { MAX_WAITING_BYTES, openWay, type Way } from './udp-way.ts';

/** A flow in which no datagram passes for this long ends, and between two looks at them, in milliseconds. */
const IDLE_MS = 60_000;
const LOOK_MS = 10_000;
/** Datagrams of a flow that wait until its way is there; and bytes of all flows of the port. */
const MAX_EARLY = 16;
const MAX_EARLY_BYTES = 1024 * 1024;
/** Datagrams a second from agents' connections to one port, whatever an agent sends. */
const ANSWERS_PER_SECOND = 20_000;

export interface UdpRelayDeps {
  readonly targets: Targets;
  readonly connections: Connections;
  readonly clock: Clock;
  /** Whether datagrams that say to come from there come from a published port elsewhere; default never. */
  readonly isPublished?: ((client: Client) => boolean) | undefined;
}

/** What one client, by its address and port, and one target say to each other. */
interface Flow {
  /** As others may end it. */
  readonly shared: EndableFlow;
  readonly target: Target;
  readonly client: RemoteInfo;
  readonly way: Way;
  /** What came before the way was there; undefined from then on. */
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
  /** By the client's address and port. */
  readonly #flows = new Map<string, Flow>();
  readonly #timer: Timer;
  readonly #isOwnHost: ReturnType<typeof ownHost>;
  readonly #answers: RateBound;
  #earlyBytes = 0;
  #socket: Socket | undefined;
  #port: number | undefined;

  constructor(deps: UdpRelayDeps) {
    this.#deps = deps;
    this.#isOwnHost = ownHost(deps.clock);
    this.#answers = new RateBound(ANSWERS_PER_SECOND, () => deps.clock.elapsed());
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
    if (!flow.early) return flow.way.send(datagram);
    if (flow.early.length >= MAX_EARLY || this.#earlyBytes + datagram.length > MAX_EARLY_BYTES) return;
    flow.early.push(datagram);
    this.#earlyBytes += datagram.length;
  }

  /** The client's flow, as the one that was used last. */
  #current(key: string): Flow | undefined {
    const flow = this.#flows.get(key);
    if (!flow) return undefined;
    if (!this.#deps.targets.has(flow.target)) {
      flow.end();
      return undefined;
    }
    this.#deps.connections.use(flow.shared, flow.target.nodeId);
    return flow;
  }

  #begin(key: string, from: RemoteInfo): Flow | undefined {
    const { targets, connections, clock } = this.#deps;
    if (this.#isPublished(from)) return undefined;
    const target = targets.next(new Set());
    if (!target) {
      connections.tally.failed += 1;
      return undefined;
    }
    const shared: EndableFlow = { port: this, address: from.address, end: () => end() };
    const release = connections.takeFlow(this, shared);
    if (!release) return undefined;
    const uncarry = target.connect && connections.carry(target.nodeId, shared);
    const way = openWay(target, from, {
      onOpen: () => this.#open(flow),
      onDatagram: (datagram) => {
        if (!target.connect || this.#answers.admits()) this.#answer(flow, datagram);
      },
      onEnd: (isOpened) => {
        if (!isOpened && target.connect) connections.tally.failed += 1;
        flow.end();
      },
    });
    const end = (): void => {
      if (this.#flows.get(key) !== flow) return;
      this.#flows.delete(key);
      this.#takeEarly(flow);
      uncarry?.();
      release();
      way.close();
    };
    const flow: Flow = { shared, target, client: from, way, early: [], usedMs: clock.elapsed(), end };
    this.#flows.set(key, flow);
    return flow;
  }

  /** The way is there. */
  #open(flow: Flow): void {
    for (const datagram of this.#takeEarly(flow)) flow.way.send(datagram);
  }

  #takeEarly(flow: Flow): readonly Buffer[] {
    const early = flow.early ?? [];
    flow.early = undefined;
    for (const { length } of early) this.#earlyBytes -= length;
    return early;
  }

  #answer(flow: Flow, datagram: Buffer): void {
    const socket = this.#socket;
    flow.usedMs = this.#deps.clock.elapsed();
    if (!socket || socket.getSendQueueSize() > MAX_WAITING_BYTES) return;
    socket.send(datagram, flow.client.port, flow.client.address, noop);
  }

  /** Whether it says to come from a published port: two that answer each other, begun by one forged datagram, would go on for ever. */
  #isPublished(from: RemoteInfo): boolean {
    const { connections, isPublished } = this.#deps;
    return (connections.udpPorts.has(from.port) && this.#isOwnHost(from)) || isPublished?.(from) === true;
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
