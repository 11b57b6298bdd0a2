import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter } from './line-splitter.ts';

/** Cuts bytes at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

const cuts = fc.array(fc.nat(), { maxLength: 20 });
const aText = fc.string({ unit: 'grapheme', maxLength: 40 });

describe('lines', () => {
  test('come whole however the bytes are cut, within characters too', () => {
    fc.assert(
      fc.property(
        fc.array(
          aText.map((text) => text.replaceAll('\n', '')),
          { maxLength: 8 },
        ),
        cuts,
        (texts, places) => {
          const seen: string[] = [];
          const splitter = new LineSplitter((line) => seen.push(line));
          for (const piece of pieces(Buffer.from(texts.map((text) => `${text}\n`).join('')), places))
            splitter.feed(piece);
          expect(seen).toEqual(texts.filter((text) => text.trim() !== ''));
        },
      ),
    );
  });

  test('an unfinished one is kept back', () => {
    const seen: string[] = [];
    const splitter = new LineSplitter((line) => seen.push(line));
    splitter.feed(Buffer.from('{"a":'));
    expect(seen).toEqual([]);
    splitter.feed(Buffer.from('1}\r\n'));
    expect(seen).toEqual(['{"a":1}\r']);
  });

  test('one without end is refused', () => {
    const splitter = new LineSplitter(() => undefined);
    const piece = Buffer.alloc(64 * 1024, 'x');
    expect(() => {
      for (let fed = 0; fed <= 17; fed += 1) splitter.feed(piece);
    }).toThrow('longer than 1 MiB');
  });
});
