import type { Node } from '../cluster/node.ts';

/** What the brake would see after a loss. */
export interface BrakeForecast {
  /** Nodes that would still answer. */
  readonly left: number;
  /** Of those that are known healthy. */
  readonly of: number;
  /** Whether that is fewer than half: nothing would be moved, unless a witness answers. */
  readonly holds: boolean;
  readonly hasWitness: boolean;
}

export function forecast(
  known: readonly Pick<Node, 'id' | 'isHealthy'>[],
  lost: ReadonlySet<string>,
  hasWitness: boolean,
): BrakeForecast {
  const left = known.filter(({ id, isHealthy }) => isHealthy && !lost.has(id)).length;
  return { left, of: known.length, holds: 2 * left < known.length, hasWitness };
}
