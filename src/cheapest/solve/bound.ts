import type { Problem } from './problem.ts';

/** Shares of weight between two figures that are tried: each gives a bound, and the highest holds. */
const MIXES = [0, 0.25, 0.5, 0.75, 1] as const;

/**
 * What no answer can cost less than, in millionths of the currency: what each figure's sum needs, if nodes could be had by the fraction
 * and what stays anyway were full. Moves are counted as free.
 */
export function lowerBound(problem: Problem): number {
  const { nodes, items } = problem;
  const figures = nodes[0]?.capacities.length ?? 0;
  const demand = Array.from({ length: figures }, (_, figure) => sum(items.map(({ sizes }) => sizes[figure] ?? 0)));
  const room = roomOf(problem, figures);
  const fixed = sum(nodes.map(({ mustStay, costMicros }) => (mustStay ? costMicros : 0)));
  const scale = demand.map((each) => (each > 0 ? 1 / each : 0));
  let best = fixed;
  for (let a = 0; a < figures; a++) {
    for (let b = a; b < figures; b++) {
      for (const mix of a === b ? [1] : MIXES) {
        const weightOf = (row: number): number =>
          mix * (room[row]?.[a] ?? 0) * (scale[a] ?? 0) + (1 - mix) * (room[row]?.[b] ?? 0) * (scale[b] ?? 0);
        const asked =
          a === b ? Math.sign(demand[a] ?? 0) : mix * Math.sign(demand[a] ?? 0) + (1 - mix) * Math.sign(demand[b] ?? 0);
        best = Math.max(best, fixed + cover(problem, weightOf, asked));
      }
    }
  }
  const apart = fixed + cover(problem, () => 1, mostApart(problem));
  return Math.ceil(Math.max(best, apart, fixed + dearestNeed(problem)) - 1e-3);
}

/** What a node can hold in any answer: it may keep what is on it already. */
function roomOf({ nodes, items, classes }: Problem, figures: number): readonly (readonly number[])[] {
  const used = nodes.map(() => new Float64Array(figures));
  for (const { node, sizes } of items)
    for (const [figure, size] of sizes.entries()) {
      const row = used[node];
      if (row) row[figure] = (row[figure] ?? 0) + size;
    }
  const takes = nodes.map((_, row) => classes.some((kind) => kind[row]));
  return nodes.map(({ capacities }, row) =>
    capacities.map((capacity, figure) => Math.max(takes[row] ? capacity : 0, used[row]?.[figure] ?? 0)),
  );
}

/** The least cost of nodes, by the fraction, whose weights add up to what is asked beyond those that stay anyway. */
function cover({ nodes }: Problem, weightOf: (row: number) => number, asked: number): number {
  let missing = asked - sum(nodes.map(({ mustStay }, row) => (mustStay ? weightOf(row) : 0)));
  const choices = nodes
    .flatMap(({ mustStay, costMicros }, row) => {
      const weight = weightOf(row);
      return mustStay || weight <= 0 ? [] : [{ costMicros, weight }];
    })
    .sort((x, y) => x.costMicros / x.weight - y.costMicros / y.weight);
  let cost = 0;
  for (const { costMicros, weight } of choices) {
    if (missing <= 1e-12) break;
    const share = Math.min(1, missing / weight);
    cost += share * costMicros;
    missing -= weight;
  }
  return cost;
}

/** Some node that may take it is needed for each item: the cheapest ones, of the item for which they are dearest. */
function dearestNeed({ nodes, items, classes }: Problem): number {
  const cheapest = classes.map((kind) =>
    nodes.reduce(
      (least, { mustStay, costMicros }, row) => (kind[row] ? Math.min(least, mustStay ? 0 : costMicros) : least),
      Infinity,
    ),
  );
  return items.reduce((dearest, { kind, node }) => {
    const own = nodes[node];
    const stay = own === undefined || own.mustStay ? 0 : own.costMicros;
    return Math.max(dearest, Math.min(stay, cheapest[kind] ?? Infinity));
  }, 0);
}

/** The most items of which no two can share a node: they publish one port on all addresses, or keep away from each other. */
function mostApart({ items }: Problem): number {
  // Those that share a node at first may go on doing so: one of each node is counted.
  const nodesOf = new Map<string, Set<number>>();
  const count = (key: string, node: number): void => {
    nodesOf.set(key, (nodesOf.get(key) ?? new Set()).add(node));
  };
  for (const { ports, claims, tags, repels, node } of items) {
    for (const { protocol, first, last, ip } of claims.length > 0 ? ports : [])
      if (first === last && ip === '') count(`${first}/${protocol}`, node);
    for (const tag of tags) if (repels.includes(tag)) count(`tag ${tag}`, node);
  }
  return Math.max(0, ...[...nodesOf.values()].map(({ size }) => size));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
