/** The circles of a graph, as its strongly connected components of two nodes or more (Tarjan), each in order of name. */
export function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];
  const onPath = new Set<string>();
  const circles: string[][] = [];
  const lower = (node: string, value: number): void => {
    low.set(node, Math.min(low.get(node) ?? value, value));
  };

  const visit = (node: string): void => {
    const own = index.size;
    index.set(node, own);
    lower(node, own);
    path.push(node);
    onPath.add(node);
    for (const next of graph.get(node) ?? []) {
      const seen = index.get(next);
      if (seen === undefined) {
        visit(next);
        lower(node, low.get(next) ?? own);
      } else if (onPath.has(next)) lower(node, seen);
    }
    if (low.get(node) !== own) return;
    const circle = path.splice(path.indexOf(node));
    for (const member of circle) onPath.delete(member);
    if (circle.length > 1) circles.push(circle.sort());
  };

  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return circles.sort((a, b) => (a[0] ?? '').localeCompare(b[0] ?? ''));
}

/** A way of fewest steps from a member of a circle back to it. */
export function shortestRing(circle: readonly string[], graph: ReadonlyMap<string, readonly string[]>): string[] {
  const rings = circle.map((start) => ringFrom(start, circle, graph));
  return rings.reduce((best, ring) => (ring.length < best.length ? ring : best));
}

function ringFrom(start: string, circle: readonly string[], graph: ReadonlyMap<string, readonly string[]>): string[] {
  const ways = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const next of graph.get(way.at(-1) ?? '') ?? []) {
      if (next === start) return [...way, start];
      if (!circle.includes(next) || seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return [...circle];
}
