import type { Duplex } from 'node:stream';

/**
 * Datagrams of one UDP flow over a stream of an agent's connection: each follows its length in bytes, two of them, big-endian. What both ends must
 * agree on.
 */
const HEAD_BYTES = 2;

/** Flows of one agent at a time; each is a stream, and calls to the engine need some, too. */
export const MOST_FLOWS = 1_024;
/** Those that one end begins, of all ports and of one: some less, since the other end may not know yet that one has ended. */
export const MOST_BEGUN = 960;
export const MOST_BEGUN_PER_PORT = 512;

/** Largest payload that a datagram of UDP has over IPv4, in bytes (RFC 768: 65,535 less both headers). */
const MAX_DATAGRAM_BYTES = 65_507;
/** What may wait to be sent of one flow, in bytes, two of the longest datagrams: those beyond are lost, as in a router. An agent that stalls costs 128 MiB. */
const MAX_WAITING_BYTES = 128 * 1024;

/** The next datagram is lost rather than kept where the stream does not take it. */
export function sendDatagram(stream: Duplex, datagram: Buffer): void {
  if (stream.destroyed || stream.writableEnded || datagram.length > MAX_DATAGRAM_BYTES) return;
  if (stream.writableLength + HEAD_BYTES + datagram.length > MAX_WAITING_BYTES) return;
  const frame = Buffer.allocUnsafe(HEAD_BYTES + datagram.length);
  frame.writeUInt16BE(datagram.length);
  datagram.copy(frame, HEAD_BYTES);
  stream.write(frame);
}

/** Reads datagrams from now on. What is no datagram destroys the stream; so does its end, since a flow has no half. */
export function receiveDatagrams(stream: Duplex, onDatagram: (datagram: Buffer) => void): void {
  let head: Buffer = Buffer.alloc(0);
  let body: Buffer | undefined;
  let filled = 0;
  const take = (bytes: Buffer): void => {
    let at = 0;
    while (at < bytes.length || (body && filled === body.length)) {
      if (!body) {
        const missing = bytes.subarray(at, at + HEAD_BYTES - head.length);
        head = head.length === 0 ? missing : Buffer.concat([head, missing]);
        at += missing.length;
        if (head.length < HEAD_BYTES) return;
        const length = head.readUInt16BE();
        if (length > MAX_DATAGRAM_BYTES) return void stream.destroy();
        [head, body, filled] = [Buffer.alloc(0), Buffer.allocUnsafe(length), 0];
      }
      const copied = bytes.copy(body, filled, at);
      [at, filled] = [at + copied, filled + copied];
      if (filled < body.length) return;
      const datagram = body;
      body = undefined;
      onDatagram(datagram);
    }
  };
  stream.on('data', take);
  stream.once('end', () => stream.destroy());
}
