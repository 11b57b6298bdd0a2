import type { Snapshot } from './snapshot.ts';

/**
 * By container: whether it may be on a node that its provider may take back (label `spot=true`). Of a group with a share those that are on
 * such nodes already count first.
 */
export function spotAllowance({ nodes, containers }: Snapshot): readonly boolean[] {
  const spot = new Set(
    nodes.flatMap(({ id, labels }) => (labels.some(([key, value]) => key === 'spot' && value === 'true') ? [id] : [])),
  );
  const sizes = new Map<string, number>();
  for (const { group } of containers) if (group !== undefined) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const left = new Map<string, number>();
  const allowed = containers.map(({ spotShare }) => spotShare === undefined || spotShare >= 1);
  const inOrder = [...containers.entries()].sort(
    ([, a], [, b]) => Number(spot.has(b.nodeId)) - Number(spot.has(a.nodeId)),
  );
  for (const [at, { group, spotShare }] of inOrder) {
    if (spotShare === undefined || spotShare >= 1 || group === undefined) continue;
    const rest = left.get(group) ?? Math.floor((sizes.get(group) ?? 0) * spotShare + 1e-9);
    if (rest < 1) continue;
    left.set(group, rest - 1);
    allowed[at] = true;
  }
  return allowed;
}
