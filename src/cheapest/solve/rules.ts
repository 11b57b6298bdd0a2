import type { Packing } from './packing.ts';
import type { Problem } from './problem.ts';

/** Whether these nodes are in as many domains as the rules say. */
export function areSpread({ nodes, rules }: Problem, open: Uint8Array): boolean {
  return rules.every((rule, index) => {
    const domains = new Set<number>();
    for (const [row, node] of nodes.entries()) if (open[row]) domains.add(node.domains[index] ?? 0);
    return domains.size >= rule.least;
  });
}

/**
 * Whether the kept nodes have room for what any so many of them hold, figure by figure: those that hold most, and the room of the others
 * added up.
 */
export function haveSpare({ nodes, spareNodes }: Problem, packing: Packing, open: Uint8Array): boolean {
  if (spareNodes === 0) return true;
  const kept = nodes.flatMap((node, row) => (open[row] ? [{ node, row }] : []));
  const figures = nodes[0]?.capacities.length ?? 0;
  for (let figure = 0; figure < figures; figure++) {
    // Without a node its load is to be placed and its room is gone: both count against it.
    const weights = kept.map(({ node, row }) => Math.max(node.capacities[figure] ?? 0, packing.used(row, figure)));
    const room = kept.reduce(
      (sum, { node, row }) => sum + Math.max(0, (node.capacities[figure] ?? 0) - packing.used(row, figure)),
      0,
    );
    const largest = weights.sort((a, b) => b - a).slice(0, spareNodes);
    if (room < largest.reduce((sum, each) => sum + each, 0)) return false;
  }
  return kept.length > spareNodes;
}

/** By item and wish: whether another item on its first node has what it wants. What is not so at first need not be so where it stays. */
export function wishesAtFirst(problem: Problem, packing: Packing): readonly (readonly boolean[])[] {
  return problem.items.map((item) =>
    item.wants.map((tag) => packing.tagged(item.node, tag) - (item.tags.includes(tag) ? 1 : 0) > 0),
  );
}

/** Whether each item has near it what it wants. */
export function haveWishes(
  problem: Problem,
  packing: Packing,
  placement: Int32Array,
  atFirst: readonly (readonly boolean[])[],
): boolean {
  return problem.items.every((item, at) => {
    if (item.wants.length === 0) return true;
    const row = placement[at] ?? item.node;
    return item.wants.every((tag, index) => {
      const others = packing.tagged(row, tag) - (item.tags.includes(tag) ? 1 : 0);
      return others > 0 || (row === item.node && !atFirst[at]?.[index]);
    });
  });
}
