import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkReader } from './chunk-reader.ts';

/** Cuts bytes at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

const cuts = fc.array(fc.nat(), { maxLength: 20 });
describe('chunked answers', () => {
  const aChunk = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));

  function encode(chunks: readonly Buffer[], extension: string, trailer: string): Buffer {
    const framed = chunks.map((chunk) =>
      Buffer.concat([Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`), chunk, Buffer.from('\r\n')]),
    );
    return Buffer.concat([...framed, Buffer.from(`0\r\n${trailer}\r\n`)]);
  }

  test('give back what was framed however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(aChunk, { maxLength: 6 }),
        fc.constantFrom('', ';name=value', ' '),
        fc.constantFrom('', 'X-Sum: 1\r\n', 'A: 1\r\nB: 2\r\n'),
        cuts,
        (chunks, extension, trailer, places) => {
          const seen: Buffer[] = [];
          const decoder = new ChunkReader((data) => seen.push(Buffer.from(data)));
          for (const piece of pieces(encode(chunks, extension, trailer), places)) decoder.feed(piece);
          expect(Buffer.concat(seen).equals(Buffer.concat(chunks))).toBe(true);
          expect(decoder.isAtEnd).toBe(true);
        },
      ),
    );
  });

  test('are not at their end before their end', () => {
    fc.assert(
      fc.property(fc.array(aChunk, { maxLength: 4 }), fc.nat(), (chunks, cut) => {
        const bytes = encode(chunks, '', '');
        const decoder = new ChunkReader(() => undefined);
        decoder.feed(bytes.subarray(0, cut % bytes.length));
        expect(decoder.isAtEnd).toBe(false);
      }),
    );
  });

  test.each([
    ['no number', 'hello\r\n'],
    ['a negative one', '-1\r\n'],
    ['a huge one', '123456789abcdef\r\n'],
    ['a line without end', 'a'.repeat(2000)],
    ['a chunk that goes on after its end', '2\r\nabcd\r\n'],
  ])('refuse %s', (_name, text) => {
    const decoder = new ChunkReader(() => undefined);
    expect(() => decoder.feed(Buffer.from(text))).toThrow('engine sent');
  });
});
