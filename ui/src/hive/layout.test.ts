import { describe, expect, it } from 'vitest';
import { cellSpot, cellsIn, ringsFor } from './grid.ts';
import { Layouter, type PlacedNode } from './layout.ts';

function nodesOf(count: number, domainOf: (at: number) => readonly string[] = () => []): PlacedNode[] {
  return Array.from({ length: count }, (_, at) => ({ id: String(at), name: `node-${at}`, domain: domainOf(at) }));
}

/** Distance of the two nearest combs; their radius is 1. */
function nearest(spots: ReadonlyMap<string, { x: number; y: number }>): number {
  const all = [...spots.values()];
  return Math.min(...all.flatMap((a, i) => all.slice(i + 1).map((b) => Math.hypot(a.x - b.x, a.y - b.y))));
}

describe('the layout of the hive', () => {
  it.each([
    ['one node', nodesOf(1)],
    ['three without domains', nodesOf(3)],
    ['two domains', nodesOf(40, (at) => [at % 2 === 0 ? 'aws' : 'hetzner', 'one'])],
    ['domains of different depth', nodesOf(30, (at) => ['aws', 'eu', 'a'].slice(0, at % 4))],
    ['many', nodesOf(400, (at) => [`p${at % 3}`, `r${at % 5}`, `z${at % 2}`])],
  ])('places all combs apart, within their domains: %s', (_, nodes) => {
    const { spots, groups, bounds } = new Layouter().layout(nodes, 1.6);
    expect(spots.size).toBe(nodes.length);
    if (nodes.length > 1) expect(nearest(spots)).toBeGreaterThan(1.73);
    for (const { nodes: members, x, y, width, height } of groups) {
      for (const id of members) {
        const spot = spots.get(id);
        expect(spot && spot.x > x && spot.x < x + width && spot.y > y && spot.y < y + height).toBe(true);
      }
      expect(x >= bounds.x && x + width <= bounds.width + 1e-9 && y + height <= bounds.height + 1e-9).toBe(true);
    }
  });

  it('moves no other comb of a domain when one comes or goes', () => {
    const layouter = new Layouter();
    const before = layouter.layout(nodesOf(12), 1.5).spots;
    const [first, , ...others] = nodesOf(13);
    const after = layouter.layout(first ? [first, ...others] : others, 1.5).spots;
    const origin = { before: before.get('5'), after: after.get('5') };
    for (const id of ['0', '3', '7', '11']) {
      const [a, b] = [before.get(id), after.get(id)];
      expect((b?.x ?? 0) - (origin.after?.x ?? 0)).toBeCloseTo((a?.x ?? 0) - (origin.before?.x ?? 0));
      expect((b?.y ?? 0) - (origin.after?.y ?? 0)).toBeCloseTo((a?.y ?? 0) - (origin.before?.y ?? 0));
    }
  });
});

describe('the cells of a comb', () => {
  it('fill rings, and are apart', () => {
    expect([0, 1, 2, 3].map(cellsIn)).toEqual([1, 7, 19, 37]);
    expect([0, 1, 7, 8, 19, 20, 37, 38].map(ringsFor)).toEqual([1, 1, 1, 2, 2, 3, 3, 4]);
    const spots = new Map(Array.from({ length: 61 }, (_, slot) => [String(slot), cellSpot(slot)]));
    expect(nearest(spots)).toBeCloseTo(Math.sqrt(3));
  });
});
