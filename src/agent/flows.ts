import { createSocket } from 'node:dgram';
import type { ServerHttp2Stream } from 'node:http2';
import { isIPv6 } from 'node:net';
import { MOST_FLOWS, receiveDatagrams, sendDatagram } from '../engine/dialled/datagrams.ts';
import type { PublishedPort } from './published-ports.ts';

/** A flow in which no datagram passes for this long ends, in milliseconds; managers end theirs before. */
const IDLE_MS = 120_000;
/** What may wait in the system's queue of a socket, in bytes. */
const MAX_WAITING_BYTES = 256 * 1024;

/** UDP flows between one manager and ports that the engine of this host publishes: a stream and a socket each. */
export class Flows {
  #size = 0;

  /** Carries datagrams until the stream ends, the port refuses them, or none passes for two minutes. */
  carry(stream: ServerHttp2Stream, { host, port }: PublishedPort): void {
    if (stream.destroyed) return;
    if (this.#size >= MOST_FLOWS) return void stream.respond({ ':status': 503 }, { endStream: true });
    this.#size += 1;
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
    stream.once('close', () => {
      this.#size -= 1;
      socket.close(() => undefined);
    });
    stream.setTimeout(IDLE_MS, () => stream.close());
    socket.on('error', () => {
      if (stream.destroyed) return;
      if (stream.headersSent) stream.close();
      else stream.respond({ ':status': 502 }, { endStream: true });
    });
    socket.on('message', (datagram) => sendDatagram(stream, datagram));
    socket.once('connect', () => {
      if (stream.destroyed) return;
      stream.respond({ ':status': 200 });
      receiveDatagrams(stream, (datagram) => {
        if (stream.destroyed || socket.getSendQueueSize() > MAX_WAITING_BYTES) return;
        socket.send(datagram, () => undefined);
      });
    });
    socket.connect(port, host);
  }
}
