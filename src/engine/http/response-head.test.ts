import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EngineError } from '../../common/errors.ts';
import { endsConnection, HeadReader, type ResponseHead } from './response-head.ts';

/** The head of one text in pieces, over one memory that is overwritten each time, as a connection reads. */
function read(text: string, { cuts = [] as readonly number[], method = 'GET', mayUpgrade = false } = {}): ResponseHead {
  const bytes = Buffer.from(text, 'latin1');
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const reader = new HeadReader({ method, mayUpgrade });
  const memory = Buffer.alloc(bytes.length);
  for (const [index, start] of [0, ...places].entries()) {
    const piece = bytes.subarray(start, places[index] ?? bytes.length);
    piece.copy(memory);
    const head = reader.feed(memory.subarray(0, piece.length));
    if (head) return { ...head, rest: Buffer.concat([head.rest, bytes.subarray(start + piece.length)]) };
    memory.fill('!');
  }
  throw new Error('not whole');
}

const cuts = fc.array(fc.nat(), { maxLength: 20 });
const name = fc.stringMatching(/^X-[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/);
const value = fc.stringMatching(/^([!-~\x80-\xff]([\t -~\x80-\xff]{0,30}[!-~\x80-\xff])?)?$/);

test('a head is the same in whatever pieces it comes', () => {
  const interim = fc.array(
    fc.constantFrom('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'),
    { maxLength: 3 },
  );
  fc.assert(
    fc.property(
      interim,
      fc.integer({ min: 200, max: 599 }),
      fc.array(fc.tuple(name, value), { maxLength: 6 }),
      cuts,
      (before, status, fields, places) => {
        const lines = fields.map(([key, text]) => `${key}: \t${text} \r\n`).join('');
        const head = read(`${before.join('')}HTTP/1.1 ${status} Some words\r\n${lines}\r\nREST`, { cuts: places });
        expect([head.statusCode, head.statusText]).toEqual([status, 'Some words']);
        expect(head.rawHeaders).toEqual(fields.flat());
        expect(head.rest.toString()).toBe('REST');
      },
    ),
  );
});

test('any bytes give a head, nothing yet, or an EngineError', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.1 100',
      '\r\n',
      '\r\n\r\n',
      ':',
      ' ',
      'Content-Length',
      '5',
      'chunked',
      '\n',
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (texts) => {
      const reader = new HeadReader({ method: 'GET' });
      try {
        for (const text of ['HTTP/1.1 ', ...texts]) if (reader.feed(Buffer.from(text, 'latin1'))) return;
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }),
    { numRuns: 2_000 },
  );
});

describe('where the body ends', () => {
  test.each([
    ['a length', '200 OK\r\nContent-Length: 5', 'GET', { kind: 'sized', length: 5 }],
    [
      'the same length twice',
      '200 OK\r\nContent-Length: 5\r\ncontent-length: 5, 5',
      'GET',
      { kind: 'sized', length: 5 },
    ],
    ['chunks', '200 OK\r\ntransfer-encoding: Chunked', 'GET', { kind: 'chunked' }],
    ['neither', '200 OK', 'GET', { kind: 'until closed' }],
    ['HEAD', '200 OK\r\nContent-Length: 5', 'HEAD', { kind: 'none' }],
    ['204', '204 No Content', 'DELETE', { kind: 'none' }],
    ['304', '304 Not Modified\r\nContent-Length: 5', 'GET', { kind: 'none' }],
  ])('is told by %s', (_what, text, method, framing) => {
    expect(read(`HTTP/1.1 ${text}\r\n\r\n`, { method }).framing).toEqual(framing);
  });

  test('is nowhere behind an upgrade', () => {
    expect(read('HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n', { mayUpgrade: true }).framing).toEqual({
      kind: 'none',
    });
  });
});

describe('a connection ends with its answer', () => {
  test.each([
    ['HTTP/1.1 200 OK\r\nConnection: Close', true],
    ['HTTP/1.1 200 OK\r\nConnection: x, close', true],
    ['HTTP/1.1 200 OK\r\nConnection: closed', false],
    ['HTTP/1.1 200 OK', false],
    ['HTTP/1.0 200 OK', true],
    ['HTTP/1.0 200 OK\r\nConnection: keep-alive', false],
  ])('%j: %s', (text, isLast) => {
    expect(endsConnection(read(`${text}\r\n\r\n`))).toBe(isLast);
  });
});

describe('what is no head', () => {
  test.each([
    ['SSH-2.0-Open', 'did not answer in HTTP: "S'],
    ['H3', 'did not answer in HTTP'],
    ['\x15\x03\x01\x00\x02', 'did not answer in HTTP'],
    ['HTTP/1.1 20 OK\r\n\r\n', 'did not answer in HTTP'],
    ['HTTP/1.1 200\tOK\r\n\r\n', 'did not answer in HTTP'],
    ['HTTP/1.1 200 O\0K\r\n\r\n', 'did not answer in HTTP'],
    [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(66_000)}`, 'head over 64 KiB'],
    [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(66_000)}\r\n\r\n`, 'head over 64 KiB'],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(100_000), 'interim answers without end'],
    ['HTTP/1.1 101 Switching\r\n\r\n', 'switched protocols without being asked'],
  ])('%.60j is refused', (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text, { cuts: [1, 2, 3, 5, 8, 13, 21] })).toThrow(message);
  });
});
