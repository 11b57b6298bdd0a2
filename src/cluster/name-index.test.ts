import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MIN_INDEXED_CHARS, NameIndex } from './name-index.ts';

const name = fc.string({ unit: fc.constantFrom('a', 'b', '1', '2', '-'), minLength: 1, maxLength: 14 });

describe('NameIndex', () => {
  it('finds exactly the names that contain the text, after any additions and removals', () => {
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 40 }),
        fc.array(fc.nat(39), { maxLength: 20 }),
        name,
        (names, gone, part) => {
          const index = new NameIndex<{ readonly name: string }>();
          const items = names.map((each) => ({ name: each }));
          for (const item of items) index.add(item);
          const removed = new Set(gone.flatMap((at) => items[at] ?? []));
          for (const item of removed) index.remove(item);
          const text = part.padEnd(MIN_INDEXED_CHARS, 'a');
          const naive = items.filter((item) => !removed.has(item) && item.name.includes(text));
          expect(new Set(index.containing(text))).toEqual(new Set(naive));
        },
      ),
    );
  });

  it('finds a text at every alignment', () => {
    const index = new NameIndex<{ readonly name: string }>();
    const items = ['redis', 'xredis', 'xxredis', 'xxxredis'].map((each) => ({ name: each }));
    for (const item of items) index.add(item);
    expect(index.containing('redis').size).toBe(4);
  });
});
