import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdRewriter } from './id-rewriter.ts';

async function rewrite(text: string, cuts: readonly number[], from: string, to: string): Promise<string> {
  const borders = [0, ...cuts, text.length];
  const chunks = borders.slice(1).map((end, i) => Buffer.from(text.slice(borders[i], end)));
  const out: Buffer[] = [];
  for await (const chunk of Readable.from(chunks).pipe(new IdRewriter(from, to))) out.push(chunk as Buffer);
  return Buffer.concat(out).toString();
}

describe('IdRewriter', () => {
  const from = 'aab'.repeat(3);
  const to = 'xyz'.repeat(3);
  const text = `{"id":"${from}","aa":"aa${from}${from.slice(0, 5)}"}aabaab`;

  it('replaces at every split into three', async () => {
    const expected = text.replaceAll(from, to);
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second += 3) {
        expect(await rewrite(text, [first, second], from, to)).toBe(expected);
      }
    }
  });

  it('replaces whatever the text and the splits are', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 }),
        word,
        fc.array(fc.nat(40)),
        async (any, id, at) => {
          const cuts = at.map((cut) => Math.min(cut, any.length)).sort((a, b) => a - b);
          expect(await rewrite(any, cuts, id, 'X'.repeat(id.length))).toBe(any.replaceAll(id, 'X'.repeat(id.length)));
        },
      ),
    );
  });

  it('holds nothing back that cannot be a beginning', () => {
    const rewriter = new IdRewriter(from, to);
    rewriter.write('{"read":"now"}\n');
    expect((rewriter.read() as Buffer).toString()).toBe('{"read":"now"}\n');
  });

  it('refuses texts of different lengths', () => {
    expect(() => new IdRewriter('ab', 'a')).toThrow(RangeError);
  });
});
