import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MIN_INDEXED_CHARS, NamePartIndex } from './name-part-index.ts';

const name = fc.string({ unit: fc.constantFrom('a', 'b', '1', '2', '-'), minLength: 1, maxLength: 14 });

describe('NamePartIndex', () => {
  it('finds exactly the names that contain the text, after any additions and removals', () => {
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 40 }),
        fc.array(fc.nat(39), { maxLength: 20 }),
        name,
        fc.boolean(),
        (names, gone, part, isAskedFirst) => {
          const present = new Set<{ readonly name: string }>();
          const index = new NamePartIndex(() => present);
          const items = names.map((each) => ({ name: each }));
          const removed = new Set(gone.flatMap((at) => items[at] ?? []));
          // Grams are gathered from what is there, or kept while it changes.
          if (isAskedFirst) for (const early of ['aaaaa', 'aaaaaaaa']) index.containing(early);
          for (const item of items) {
            present.add(item);
            index.add(item);
          }
          for (const item of removed) {
            present.delete(item);
            index.remove(item);
          }
          const text = part.padEnd(MIN_INDEXED_CHARS, 'a');
          const naive = items.filter((item) => !removed.has(item) && item.name.includes(text));
          expect(new Set(index.containing(text))).toEqual(new Set(naive));
        },
      ),
    );
  });

  it('finds a text at every alignment', () => {
    const items = ['redis-17', 'xredis-17', 'xxredis-17', 'xxxredis-17'].map((each) => ({ name: each }));
    const index = new NamePartIndex(() => items);
    for (const text of ['redis', 'redis-1', 'redis-17', 'xredis-17']) {
      expect(index.containing(text).size).toBe(items.filter((item) => item.name.includes(text)).length);
    }
  });
});
