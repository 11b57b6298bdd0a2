import type { Duplex } from 'node:stream';
import type { Clock } from '../common/clock.ts';
import { RateBound } from '../common/rate-bound.ts';
import { MOST_FLOWS, receiveDatagrams, sendDatagram } from '../engine/dialled/datagrams.ts';
import type { Visit } from '../engine/dialled/visits.ts';
import type { EndableFlow } from '../relay/fair-flows.ts';
import type { Client } from '../relay/target.ts';
import { openWay } from '../relay/udp-way.ts';
import { lineOf, refuse, type VisitDeps } from './visit.ts';

/** A flow in which no datagram passes for this long ends, in milliseconds; agents end theirs before. */
const IDLE_MS = 120_000;
/** Datagrams a second of one agent's flows, whatever it sends: it may send empty ones, of two bytes each. */
const DATAGRAMS_PER_SECOND = 40_000;

/** What one agent may bring of UDP. Its own bounds are tighter; it may not keep them. */
export class UdpVisitBounds {
  readonly #datagrams: RateBound;
  #flows = 0;

  constructor(clock: Clock) {
    this.#datagrams = new RateBound(DATAGRAMS_PER_SECOND, () => clock.elapsed());
  }

  /** Takes in one more flow; undefined when there are too many, else what ends it. To be called once. */
  take(): (() => void) | undefined {
    if (this.#flows >= MOST_FLOWS) return undefined;
    this.#flows += 1;
    return () => {
      this.#flows -= 1;
    };
  }

  /** Whether one more datagram may pass now. */
  admits(): boolean {
    return this.#datagrams.admits();
  }
}

export interface UdpVisitDeps extends Pick<VisitDeps, 'ringOf' | 'connections' | 'clock'> {
  /** Whether datagrams that say to come from there come from a published port: two that answer each other would go on for ever. */
  readonly isPublished: (client: Client) => boolean;
  readonly bounds: UdpVisitBounds;
}

/** Carries one flow of UDP that begins at an agent's port to a container, for as long as that takes it. `visit` is the first line. */
export function serveUdpVisit(stream: Duplex, visit: Visit, deps: UdpVisitDeps): void {
  if (stream.destroyed) return;
  const { connections, isPublished, bounds, clock } = deps;
  const { remoteAddress: address = '', remotePort: port = 0 } = visit;
  const ring = deps.ringOf(`${visit.port}/udp`);
  if (!ring || isPublished({ address, port })) return refuse(stream);
  const leave = bounds.take();
  if (!leave) return refuse(stream);
  // One that is refused counts until its stream has ended.
  stream.once('close', leave);
  const target = ring.next(new Set());
  const flow: EndableFlow = { port: ring, address, end: () => end() };
  const release = target && connections.takeFlow(ring, flow);
  if (!target) connections.tally.failed += 1;
  if (!release) return refuse(stream);
  const uncarry = target.connect && connections.carry(target.nodeId, flow);
  const leaveShares = (): void => {
    uncarry?.();
    release();
  };
  // What takes its place comes before the stream tells that it has closed.
  const end = (): void => {
    leaveShares();
    stream.destroy();
  };
  let usedMs = clock.elapsed();
  const idle = clock.coarseTimer(() => {
    const leftMs = usedMs + IDLE_MS - clock.elapsed();
    if (leftMs > 0) idle.start(leftMs);
    else stream.destroy();
  });
  idle.start(IDLE_MS);
  const use = (): void => {
    usedMs = clock.elapsed();
    connections.use(flow, target.nodeId);
  };
  const way = openWay(
    target,
    { address, port },
    {
      onOpen: () => {
        if (stream.destroyed) return;
        stream.write(lineOf({ carry: true }));
        receiveDatagrams(stream, (datagram) => {
          if (!bounds.admits()) return;
          use();
          if (ring.has(target)) way.send(datagram);
          else stream.destroy();
        });
      },
      onDatagram: (datagram) => {
        use();
        sendDatagram(stream, datagram);
      },
      onEnd: (isOpened) => {
        if (isOpened) return void stream.destroy();
        connections.tally.failed += 1;
        refuse(stream);
      },
    },
  );
  stream.once('close', () => {
    idle.stop();
    leaveShares();
    way.close();
  });
}
