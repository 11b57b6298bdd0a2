import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerReader } from './answer-reader.ts';

const GET = { method: 'GET', maxBytes: 1_000_000 } as const;
const chunked = (...pieces: string[]): string =>
  `${pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;

/** Feeds a text in pieces over one memory that is overwritten each time, as a connection reads. */
function feedAll(reader: AnswerReader, pieces: readonly Buffer[]): number {
  const memory = Buffer.alloc(Math.max(...pieces.map(({ length }) => length), 1));
  let used = 0;
  for (const piece of pieces) {
    piece.copy(memory);
    used += reader.feed(memory.subarray(0, piece.length));
    memory.fill('!');
  }
  return used;
}

/** What an answer in one piece gives. */
function read(text: string, method: string = 'GET'): ReturnType<AnswerReader['take']> & { used: number } {
  const reader = new AnswerReader({ ...GET, method });
  const used = reader.feed(Buffer.from(text));
  const whole = reader.take();
  if (!whole) throw new Error('not whole');
  return { ...whole, used };
}

describe('the end of an answer', () => {
  test.each([
    ['a length', `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello`, 'GET', 'hello'],
    ['chunks', `HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n${chunked('he', 'llo')}`, 'GET', 'hello'],
    ['a length of none', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 'GET', ''],
    ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', 'POST', ''],
    ['not modified', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', 'POST', ''],
    ['only a head', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', 'HEAD', ''],
    ['an early 100', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx', 'GET', 'x'],
  ])('is told by %s', (_what, text, method, body) => {
    const { answer, isLast, used } = read(`${text}NEXT`, method);
    expect([answer.body.toString(), isLast, used]).toEqual([body, false, text.length]);
  });

  test('is the end of the connection without either', () => {
    const reader = new AnswerReader(GET);
    reader.feed(Buffer.from('HTTP/1.0 500 no\r\n\r\nthe '));
    reader.feed(Buffer.from('reason'));
    expect(reader.take()).toBeUndefined();
    expect(reader.takeAtEnd()).toMatchObject({ statusCode: 500, body: Buffer.from('the reason') });
  });

  test('is none when the connection ends before', () => {
    const reader = new AnswerReader(GET);
    reader.feed(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'));
    expect([reader.take(), reader.takeAtEnd()]).toEqual([undefined, undefined]);
  });

  test('ends the connection when the engine says so', () => {
    expect(read('HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n').isLast).toBe(true);
  });
});

test('an answer is the same in whatever pieces it comes', () => {
  const answers = fc
    .record({ isChunked: fc.boolean(), parts: fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 6 }) })
    .map(({ isChunked, parts }) => {
      const head = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${Buffer.byteLength(parts.join(''))}`;
      const body = isChunked ? chunked(...parts) : parts.join('');
      return { text: Buffer.from(`HTTP/1.1 200 OK\r\nX-Some: thing\r\n${head}\r\n\r\n${body}`), body: parts.join('') };
    });
  fc.assert(
    fc.property(answers, fc.array(fc.nat(200), { maxLength: 10 }), ({ text, body }, cuts) => {
      const at = [...new Set(cuts.map((cut) => cut % text.length))].sort((a, b) => a - b);
      const pieces = [...at, text.length].map((end, i) => text.subarray(at[i - 1] ?? 0, end));
      const reader = new AnswerReader(GET);
      expect(feedAll(reader, pieces)).toBe(text.length);
      expect(reader.take()?.answer.body.toString()).toBe(body);
    }),
  );
});

test.each([
  ['HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'malformed Content-Length'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'malformed chunk size'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n', 'larger than 1000000 bytes'],
  [
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked('x'.repeat(1_000_001))}`,
    'larger than 1000000 bytes',
  ],
  ['SSH-2.0-OpenSSH_9\r\n\r\n', 'did not answer in HTTP'],
])('%.60j is refused', (text, message) => {
  expect(() => new AnswerReader(GET).feed(Buffer.from(text))).toThrow(message);
});
