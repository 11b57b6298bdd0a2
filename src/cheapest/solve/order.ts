import { Packing } from './packing.ts';
import type { Problem } from './problem.ts';

/** A move of an item, and those that must have been made before it. */
export interface OrderedMove {
  readonly item: number;
  readonly to: number;
  /** Items whose leaving makes room, or that must be there first. */
  readonly after: readonly number[];
}

/**
 * An order in which every move finds room when it is made, with all else where it is by then. Undefined when there is none without a
 * detour: moves wait for each other in a circle.
 */
export function orderMoves(problem: Problem, placement: Int32Array): readonly OrderedMove[] | undefined {
  const { items } = problem;
  const packing = new Packing(problem);
  for (const [at, { node }] of items.entries()) packing.add(at, node);
  let waiting = items.flatMap(({ node }, at) => ((placement[at] ?? node) === node ? [] : [at]));
  const ordered: OrderedMove[] = [];
  const leftBefore = new Map<number, number[]>();
  while (waiting.length > 0) {
    const blocked: number[] = [];
    for (const at of waiting) {
      const from = items[at]?.node ?? 0;
      const to = placement[at] ?? from;
      const wants = items[at]?.wants ?? [];
      if (!packing.fits(at, to) || !wants.every((tag) => packing.tagged(to, tag) > 0)) {
        blocked.push(at);
        continue;
      }
      packing.add(at, to);
      packing.remove(at, from);
      // What came to its node earlier is there for it; what left made room.
      const arrived = wants.length === 0 ? [] : ordered.flatMap((each) => (each.to === to ? each.item : []));
      ordered.push({ item: at, to, after: [...(leftBefore.get(to) ?? []), ...arrived] });
      leftBefore.set(from, [...(leftBefore.get(from) ?? []), at]);
    }
    if (blocked.length === waiting.length) return undefined;
    waiting = blocked;
  }
  return ordered;
}
