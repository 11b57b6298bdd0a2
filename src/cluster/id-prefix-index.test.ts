import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdPrefixIndex } from './id-prefix-index.ts';

/** Few digits, so that prefixes and whole IDs collide. */
const id = fc.string({ unit: fc.constantFrom('a', 'b', '1'), minLength: 1, maxLength: 6 });
const step = fc.record({ does: fc.constantFrom('add', 'add', 'remove'), id, item: fc.nat(3) });

describe('IdPrefixIndex', () => {
  it('finds what a search through everything finds, after any additions and removals', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), id, (steps, prefix) => {
        const index = new IdPrefixIndex<number>();
        const plain: { readonly id: string; readonly item: number }[] = [];
        for (const { does, id, item } of steps) {
          const at = plain.findIndex((each) => each.id === id && each.item === item);
          if (does === 'add' && at < 0) {
            index.add(id, item);
            plain.push({ id, item });
          } else if (does === 'remove') {
            index.remove(id, item);
            if (at >= 0) plain.splice(at, 1);
          }
        }
        for (const start of [prefix, prefix.slice(0, 1), prefix.slice(0, 3), '']) {
          const found = plain.filter((each) => each.id.startsWith(start)).map(({ item }) => item);
          expect([...index.startingWith(start)].sort()).toEqual(found.sort());
        }
        expect([...index].sort()).toEqual(plain.map(({ item }) => item).sort());
      }),
    );
  });
});
