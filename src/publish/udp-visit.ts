import type { Duplex } from 'node:stream';
import { receiveDatagrams, sendDatagram } from '../engine/dialled/datagrams.ts';
import type { Visit } from '../engine/dialled/visits.ts';
import type { Client } from '../relay/target.ts';
import { openWay } from '../relay/udp-way.ts';
import { lineOf, refuse, type VisitDeps } from './visit.ts';

export interface UdpVisitDeps extends Pick<VisitDeps, 'ringOf' | 'connections'> {
  /** Whether datagrams that say to come from there come from a published port: two that answer each other would go on for ever. */
  readonly isPublished: (client: Client) => boolean;
}

/** Carries one flow of UDP that begins at an agent's port to a container, for as long as that takes it. `visit` is the first line. */
export function serveUdpVisit(stream: Duplex, visit: Visit, deps: UdpVisitDeps): void {
  const { connections, isPublished } = deps;
  const { remoteAddress: address = '', remotePort: port = 0 } = visit;
  const ring = deps.ringOf(`${visit.port}/udp`);
  if (!ring || isPublished({ address, port })) return refuse(stream);
  const target = ring.next(new Set());
  const release = target && connections.take(ring, stream);
  if (!target) connections.tally.failed += 1;
  if (!release) return refuse(stream);
  const way = openWay(
    target,
    { address, port },
    {
      onOpen: () => {
        if (stream.destroyed) return;
        stream.write(lineOf({ carry: true }));
        receiveDatagrams(stream, (datagram) => {
          if (ring.has(target)) way.send(datagram);
          else stream.destroy();
        });
      },
      onDatagram: (datagram) => sendDatagram(stream, datagram),
      onEnd: (isOpened) => {
        if (isOpened) return void stream.destroy();
        connections.tally.failed += 1;
        refuse(stream);
      },
    },
  );
  const end = (): void => {
    release();
    way.close();
  };
  stream.once('close', end);
  if (stream.destroyed) end();
}
