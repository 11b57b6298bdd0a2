import type { ClusterView, PlacementRequest } from './types.ts';

/** Negative when a container of the group is better off on the node of `row`, positive on that of `other`, 0 when it is the same. */
export type CompareRows = (row: number, other: number) => number;

/**
 * Compares nodes by how many of the request's group are in the same domains, the widest first, and then, `byNode`, on the node itself.
 * Undefined when that makes no difference. What the request replaces does not count.
 */
export function spreadingOf(request: PlacementRequest, cluster: ClusterView, byNode: boolean): CompareRows | undefined {
  const { domains, nodes } = cluster;
  const depth = domains.labels.length;
  if (request.group === undefined || depth === 0) return undefined;
  const members = cluster.groupMembers(request.group, request.replaces);
  if (members.length === 0) return undefined;
  const inDomain = new Int32Array(domains.size);
  const onNode = new Int32Array(nodes.length);
  for (const [row, count] of members) {
    for (let level = 0; level < depth; level++) add(inDomain, domains.domain(row, level), count);
    if (byNode) add(onNode, row, count);
  }
  return (row, other) => {
    for (let level = 0; level < depth; level++) {
      const difference = at(inDomain, domains.domain(row, level)) - at(inDomain, domains.domain(other, level));
      if (difference !== 0) return difference;
    }
    return at(onNode, row) - at(onNode, other);
  };
}

function at(counts: Int32Array, i: number): number {
  return counts[i] ?? 0;
}

function add(counts: Int32Array, i: number, count: number): void {
  counts[i] = at(counts, i) + count;
}
