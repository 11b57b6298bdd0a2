import type { MovingVolume } from '../desired/record.ts';
import type { PlannedCopy } from './plan.ts';

/** The volumes that go with a container, as plans have them. Those that are only made alike have nothing to be copied. */
export function copiesOf(carried: readonly MovingVolume[]): readonly PlannedCopy[] {
  return carried.map(({ volume, anonymousAt, isAlike }) => ({
    volume,
    ...(anonymousAt !== undefined && { isAnonymous: true }),
    ...(isAlike && { bytes: 0 }),
  }));
}

/** Those of several containers, each volume once. */
export function distinctCopies(copies: readonly PlannedCopy[]): readonly PlannedCopy[] {
  return [...new Map(copies.map((copy) => [copy.volume, copy])).values()];
}

/** With sizes, as far as the engine of their node told them. */
export function sizedCopies(
  copies: readonly PlannedCopy[],
  sizes: ReadonlyMap<string, number> | undefined,
): readonly PlannedCopy[] {
  return copies.map((copy) => {
    const bytes = copy.bytes ?? sizes?.get(copy.volume);
    return bytes === undefined ? copy : { ...copy, bytes };
  });
}
