/** What is moved, and what that needs on the same node. */
export interface Needing {
  /** IDs, also of those that are not moved. */
  readonly needs: readonly string[];
  /** IDs of those that must be on its node as well, in whatever order; default none. */
  readonly near?: readonly string[];
}

/** Those that share a node, directly or through others, in groups; in each, what others need comes before them. */
export function groupsOf<T extends Needing>(all: readonly T[], idOf: (each: T) => string): T[][] {
  const byId = new Map(all.map((each) => [idOf(each), each]));
  const neighbours = new Map<T, T[]>(all.map((each) => [each, []]));
  for (const each of all) {
    for (const id of [...each.needs, ...(each.near ?? [])]) {
      const needed = byId.get(id);
      if (!needed || needed === each) continue;
      neighbours.get(each)?.push(needed);
      neighbours.get(needed)?.push(each);
    }
  }
  const seen = new Set<T>();
  return all.flatMap((each) => (seen.has(each) ? [] : [inOrder(reachedFrom(each, neighbours, seen), byId)]));
}

function reachedFrom<T>(first: T, neighbours: ReadonlyMap<T, readonly T[]>, seen: Set<T>): T[] {
  const reached = [first];
  seen.add(first);
  for (const each of reached) {
    for (const next of neighbours.get(each) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      reached.push(next);
    }
  }
  return reached;
}

function inOrder<T extends Needing>(group: readonly T[], byId: ReadonlyMap<string, T>): T[] {
  const ordered = new Set<T>();
  const visiting = new Set<T>();
  const visit = (each: T): void => {
    if (visiting.has(each)) return;
    visiting.add(each);
    for (const id of each.needs) {
      const needed = byId.get(id);
      if (needed) visit(needed);
    }
    ordered.add(each);
  };
  for (const each of group) visit(each);
  return [...ordered];
}
