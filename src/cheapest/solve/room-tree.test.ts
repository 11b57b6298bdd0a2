import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RoomTree } from './room-tree.ts';

it('finds the first place with room that looking at each finds', () => {
  const free = fc.oneof(fc.integer({ min: -1, max: 5 }), fc.constant(-Infinity));
  const asked = fc.tuple(fc.nat(5), fc.nat(5));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(free, free), { minLength: 1, maxLength: 9 }),
      fc.nat(9),
      asked,
      (places, from, sizes) => {
        const tree = new RoomTree(places.length, 2);
        for (const [place, room] of places.entries()) tree.set(place, (figure) => room[figure] ?? 0);
        const hasRoom = (room: readonly number[]): boolean =>
          sizes.every((size, figure) => (size === 0 ? room[figure] !== -Infinity : (room[figure] ?? 0) >= size));
        const expected = places.findIndex((room, place) => place >= from && hasRoom(room));
        expect(tree.next(from, sizes)).toBe(expected);
      },
    ),
    { numRuns: 500 },
  );
});
