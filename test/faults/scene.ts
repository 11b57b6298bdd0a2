import type { Oracle } from './oracle.ts';
import type { SeededRandom } from './random.ts';
import type { World } from './world.ts';

/** Where steps are made, what may be expected afterwards, and the chance that chooses them. */
export interface Scene {
  readonly world: World;
  readonly oracle: Oracle;
  readonly random: SeededRandom;
}

/** The label of all that is made here. */
export const FAULTS_LABEL = 'test.faults';

/** Throws when there is nothing to pick from. */
export function pick<T>(values: readonly T[], random: SeededRandom): T {
  const picked = random.pick(values);
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
}
