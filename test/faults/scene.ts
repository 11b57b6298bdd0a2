import type { Oracle } from './oracle.ts';
import type { SeededRandom } from './random.ts';
import type { World } from './world.ts';

/** Where steps are made, what may be expected afterwards, and the chance that chooses them. */
export interface Scene {
  readonly world: World;
  readonly oracle: Oracle;
  readonly random: SeededRandom;
}

/** Something that clients, nodes, managers or the store may do. */
export interface Step {
  readonly name: string;
  readonly weight: number;
  readonly isPossible?: (scene: Scene) => boolean;
  /** Resolves with what was done, in words. */
  readonly run: (scene: Scene) => Promise<string>;
}

/** The label of all that is made here. */
export const FAULTS_LABEL = 'test.faults';

/** Throws when there is nothing to pick from. */
export function pick<T>(values: readonly T[], random: SeededRandom): T {
  const picked = random.pick(values);
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
}
