import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

test('holds what was added and not removed, in whatever order that happened', () => {
  const step = fc.record({ adds: fc.boolean(), which: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const slots = new Slots<{ readonly id: number }>();
      const present: { readonly item: { readonly id: number }; readonly place: number }[] = [];
      for (const [id, { adds, which }] of steps.entries()) {
        if (adds) {
          const item = { id };
          present.push({ item, place: slots.add(item) });
        } else {
          for (const { place } of present.splice(which, 1)) slots.remove(place);
        }
      }
      expect(new Set(slots)).toEqual(new Set(present.map(({ item }) => item)));
      expect([...slots]).toHaveLength(present.length);
    }),
  );
});

test('may be changed while it is walked', () => {
  const slots = new Slots<{ readonly place: number[] }>();
  for (let i = 0; i < 3; i++) {
    const item = { place: [] as number[] };
    item.place.push(slots.add(item));
  }
  for (const { place } of slots) slots.remove(place[0] ?? 0);
  expect([...slots]).toEqual([]);
});
