import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { receiveDatagrams, sendDatagram } from './datagrams.ts';

/** What passes through a stream, as one piece. */
function framesOf(...datagrams: readonly Buffer[]): Buffer {
  const stream = new PassThrough({ highWaterMark: 1024 * 1024 });
  for (const datagram of datagrams) sendDatagram(stream, datagram);
  const pieces: Buffer[] = [];
  // Node 26 gives each piece that was written by itself.
  for (let piece = stream.read() as Buffer | null; piece; piece = stream.read() as Buffer | null) pieces.push(piece);
  return Buffer.concat(pieces);
}

test.each([1, 2, 3, 7, 70_000])('datagrams arrive as they were sent, in pieces of %i bytes', (size) => {
  const sent = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(65_507, 7), Buffer.alloc(0), Buffer.from('z')];
  const bytes = framesOf(...sent);
  const stream = new PassThrough();
  const got: Buffer[] = [];
  receiveDatagrams(stream, (datagram) => got.push(datagram));
  for (let at = 0; at < bytes.length; at += size) stream.emit('data', bytes.subarray(at, at + size));
  expect(got).toEqual(sent);
});

test('datagrams that the other end does not take are lost, and none is kept beyond the bound', () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  for (let i = 0; i < 1_000; i++) sendDatagram(stream, Buffer.alloc(1_000));
  expect(stream.writableLength).toBeLessThanOrEqual(128 * 1024);
  expect(stream.writableLength).toBeGreaterThan(120 * 1024);
});

test('what is longer than a datagram can be is not sent, and ends a stream that says so', () => {
  expect(framesOf(Buffer.alloc(65_508))).toEqual(Buffer.alloc(0));
  const stream = new PassThrough();
  receiveDatagrams(stream, () => expect.fail('it is no datagram'));
  stream.emit('data', Buffer.from([0xff, 0xff]));
  expect(stream.destroyed).toBe(true);
});
