import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { type CloseEvent, WebSocket } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assertWebSocketRequest, ServerWebSocket } from './web-socket.ts';
import { FrameReader, frameHead, Opcode } from './web-socket-frames.ts';

/** A frame as a client sends it. */
function masked(opcode: Opcode, data: Buffer, isLast = true): Buffer {
  const head = frameHead(opcode, data.length);
  if (!isLast) head[0] = (head[0] ?? 0) & 0x7f;
  head[1] = (head[1] ?? 0) | 0x80;
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([head, mask, data.map((byte, at) => byte ^ (mask[at & 3] ?? 0))]);
}

const NOTHING = Buffer.alloc(0);
const EMPTY_PIECE = masked(Opcode.more, NOTHING, false);

describe('frames', () => {
  test('are read however they are cut, in pieces or whole', () => {
    const aMessage = fc.record({ text: fc.string({ maxLength: 70_000 }), pieces: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(aMessage, { maxLength: 4 }), fc.integer({ min: 1, max: 5_000 }), (messages, cut) => {
        const sent = Buffer.concat(
          messages.flatMap(({ text, pieces }) => {
            const data = Buffer.from(text);
            const size = Math.ceil(data.length / pieces) || 1;
            const parts = Array.from({ length: pieces }, (_, at) => data.subarray(at * size, (at + 1) * size));
            return parts.flatMap((part, at) => [
              masked(at === 0 ? Opcode.text : Opcode.more, Buffer.from(part), at === pieces - 1),
              masked(Opcode.ping, Buffer.from('between')),
            ]);
          }),
        );
        const reader = new FrameReader(1_000_000);
        const read: string[] = [];
        for (let at = 0; at < sent.length; at += cut)
          for (const { opcode, data } of reader.feed(sent.subarray(at, at + cut)))
            if (opcode === Opcode.text) read.push(data.toString());
        expect(read).toEqual(messages.map(({ text }) => Buffer.from(text).toString()));
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ['is not masked', frameHead(Opcode.text, 1)],
    ['no known kind', Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    ['no known kind', Buffer.from([0xc1, 0x80, 0, 0, 0, 0])],
    ['control frame', Buffer.from([0x89, 0xfe, 0, 200, 0, 0, 0, 0])],
    ['control frame', Buffer.from([0x09, 0x80, 0, 0, 0, 0])],
    ['mixed', masked(Opcode.more, Buffer.from('x'))],
    ['mixed', Buffer.concat([masked(Opcode.text, Buffer.from('x'), false), masked(Opcode.text, Buffer.from('y'))])],
    ['longer than 1000', masked(Opcode.text, Buffer.alloc(1_001))],
    ['1024 pieces', Buffer.concat([masked(Opcode.text, NOTHING, false), ...Array(1_024).fill(EMPTY_PIECE)])],
    ['longer than 1000', Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
  ])('that are wrong are refused: %s', (why, bytes) => {
    expect(() => [...new FrameReader(1_000).feed(bytes)]).toThrow(why);
  });
});

describe('a WebSocket', () => {
  let server: Server;
  let port: number;
  let opened: ServerWebSocket | undefined;
  let closed: Promise<void>;

  beforeEach(async () => {
    server = createServer();
    server.on('upgrade', (req, socket, head) => {
      assertWebSocketRequest(req);
      closed = new Promise((resolve) => {
        const listener = {
          onBinary: (data: Buffer) => opened?.sendBinary(data),
          onText: (text: string) => opened?.sendText(text.toUpperCase()),
          onPong: () => opened?.sendText('pong'),
          onClose: resolve,
        };
        opened = new ServerWebSocket(req, socket, head, { protocol: 'one', maxBytes: 100_000, listener });
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });

  afterEach(() => {
    opened?.terminate();
    server.close();
  });

  test('speaks with a client of another make', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, ['one', 'two']);
    client.binaryType = 'arraybuffer';
    await once(client, 'open');
    expect(client.protocol).toBe('one');
    const next = async (): Promise<unknown> => ((await once(client, 'message'))[0] as MessageEvent).data;
    client.send('olá');
    expect(await next()).toBe('OLÁ');
    const big = Buffer.alloc(90_000, 'x');
    client.send(big);
    expect(Buffer.from((await next()) as ArrayBuffer).equals(big)).toBe(true);
    opened?.ping();
    expect(await next()).toBe('pong');
    const ended = once(client, 'close');
    opened?.close(1008, 'é'.repeat(200));
    const { code, wasClean, reason } = (await ended)[0] as CloseEvent;
    expect([code, wasClean, reason]).toEqual([1008, true, 'é'.repeat(61)]);
    await closed;
    expect(opened?.isOpen).toBe(false);
  });

  test.each([
    ['a text that is none', masked(Opcode.text, Buffer.from([0xff, 0xfe])), 1007],
    ['what is too long', masked(Opcode.binary, Buffer.alloc(100_001)), 1009],
    ['what is not masked', frameHead(Opcode.binary, 3), 1002],
    ['a close', masked(Opcode.close, Buffer.from([3, 232])), 1000],
  ])('ends at %s', async (_, bytes, code) => {
    const socket = connect(port, '127.0.0.1');
    const head = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
    const key = Buffer.alloc(16).toString('base64');
    // The first frame comes with the request.
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\n${head.join('\r\n')}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
    socket.write(bytes);
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    await once(socket, 'close');
    const answer = Buffer.concat(pieces);
    const close = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
    expect([close[0], close.readUInt16BE(2)]).toEqual([0x80 | Opcode.close, code]);
    await closed;
  });
});
