import type { Problem } from './problem.ts';

/** How large items are: the largest of their shares of what all nodes together have. */
export function weightsOf({ nodes, items }: Problem): readonly number[] {
  const figures = nodes[0]?.capacities.length ?? 0;
  const scale = Array.from({ length: figures }, (_, figure) => {
    const room = nodes.reduce((sum, { capacities }) => sum + Math.max(0, capacities[figure] ?? 0), 0);
    return room > 0 ? 1 / room : 0;
  });
  return items.map(({ sizes }) => sizes.reduce((most, size, figure) => Math.max(most, size * (scale[figure] ?? 0)), 0));
}
