import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerBound } from './bound.ts';
import { solveExactly } from './exact.ts';
import { groupsIn } from './group-domains.ts';
import { solveRoughly } from './heuristic.ts';
import { orderMoves } from './order.ts';
import { type Cost, isCheaper, type Problem, type ProblemItem, type ProblemNode } from './problem.ts';
import { solve } from './solve.ts';

/** Everything that can be answered, judged from the rules' words alone. */
function bruteForce(problem: Problem): Cost | undefined {
  let best: Cost | undefined;
  const rows = [...problem.nodes.keys()];
  const placement = problem.items.map(({ node }) => node);
  const walk = (at: number): void => {
    if (at < problem.items.length) {
      const item = problem.items[at] as ProblemItem;
      for (const row of rows) {
        if (row !== item.node && !problem.classes[item.kind]?.[row]) continue;
        placement[at] = row;
        walk(at + 1);
      }
      return;
    }
    for (let set = 0; set < 1 << rows.length; set++) {
      const open = rows.filter((row) => set & (1 << row));
      const cost = judge(problem, placement, open);
      if (cost && (!best || isCheaper(cost, best))) best = cost;
    }
  };
  walk(0);
  return best;
}

/** What an answer costs; undefined when a rule is broken. */
function judge(problem: Problem, placement: readonly number[], open: readonly number[]): Cost | undefined {
  const { nodes, items, rules, spareNodes } = problem;
  const isOpen = (row: number): boolean => open.includes(row);
  if (nodes.some(({ mustStay }, row) => mustStay && !isOpen(row))) return undefined;
  if (placement.some((row) => !isOpen(row))) return undefined;
  const used = (row: number, figure: number): number =>
    items.reduce((sum, { sizes }, at) => sum + (placement[at] === row ? (sizes[figure] ?? 0) : 0), 0);
  const has = (at: number): boolean => placement[at] !== items[at]?.node;
  for (const row of open) {
    const node = nodes[row] as ProblemNode;
    const here = [...items.keys()].filter((at) => placement[at] === row);
    const come = here.filter(has);
    for (const [figure, capacity] of node.capacities.entries())
      if (come.some((at) => (items[at]?.sizes[figure] ?? 0) > 0) && used(row, figure) > capacity) return undefined;
    if (come.length > 0 && here.reduce((sum, at) => sum + (items[at]?.count ?? 0), 0) > node.slots) return undefined;
    for (const a of here)
      for (const b of here) {
        if (a === b || (!has(a) && !has(b))) continue;
        const [x, y] = [items[a] as ProblemItem, items[b] as ProblemItem];
        if (x.repels.some((tag) => y.tags.includes(tag))) return undefined;
        if (x.claims.some(({ port }) => y.claims.some((other) => other.port === port))) return undefined;
      }
  }
  for (const [at, item] of items.entries())
    for (const tag of item.wants) {
      const near = (where: (other: number) => number | undefined, row: number | undefined): boolean =>
        items.some(({ tags }, other) => other !== at && where(other) === row && tags.includes(tag));
      const isNear = near((other) => placement[other], placement[at]);
      const wasNear = near((other) => items[other]?.node, item.node);
      if (!isNear && (has(at) || wasNear)) return undefined;
    }
  for (const [index, { least, ofGroups }] of rules.entries()) {
    const domains = (which: readonly number[]): number => new Set(which.map((row) => nodes[row]?.domains[index])).size;
    if (domains(open) < least) return undefined;
    for (const [group, asked] of ofGroups.entries())
      if (domains(items.flatMap(({ groups }, at) => (groups.includes(group) ? (placement[at] ?? 0) : []))) < asked)
        return undefined;
  }
  if (spareNodes > 0 && open.length <= spareNodes) return undefined;
  if (spareNodes > 0)
    for (const gone of open) {
      for (const figure of nodes[0]?.capacities.keys() ?? []) {
        const room = open
          .filter((row) => row !== gone)
          .reduce((sum, row) => sum + Math.max(0, (nodes[row]?.capacities[figure] ?? 0) - used(row, figure)), 0);
        if (room < used(gone, figure)) return undefined;
      }
    }
  let micros = open.reduce((sum, row) => sum + (nodes[row]?.costMicros ?? 0), 0);
  let burden = 0;
  for (const [at, item] of items.entries()) {
    if (!has(at)) continue;
    burden += item.burden;
    const to = placement[at] ?? 0;
    if (to !== item.node) micros += item.moveMicros[nodes[to]?.place ?? 0] ?? 0;
  }
  return { micros, burden };
}

const small = fc.integer({ min: 0, max: 3 });
const rare = (most: number): fc.Arbitrary<number[]> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<number[]>([]) },
    { weight: 1, arbitrary: fc.uniqueArray(fc.nat(most), { maxLength: 2 }) },
  );

const problems: fc.Arbitrary<Problem> = fc
  .record({
    nodes: fc.array(
      fc.record({
        costMicros: fc.integer({ min: 0, max: 9 }),
        capacities: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
        slots: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 4 })),
        mustStay: fc.integer({ min: 0, max: 5 }).map((each) => each === 0),
        domains: fc.tuple(fc.nat(1)),
        place: fc.nat(1),
        isNew: fc.integer({ min: 0, max: 4 }).map((each) => each === 0),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    items: fc.array(
      fc.record({
        sizes: fc.tuple(small, small),
        count: fc.integer({ min: 1, max: 2 }),
        node: fc.nat(3),
        kind: fc.integer({ min: -1, max: 2 }),
        port: fc.oneof(
          { weight: 3, arbitrary: fc.constant(0) },
          { weight: 1, arbitrary: fc.integer({ min: 80, max: 81 }) },
        ),
        tags: rare(2),
        repels: rare(2),
        wants: rare(2),
        groups: rare(1),
        moveMicros: fc.array(fc.nat(2), { maxLength: 2 }),
        burden: fc.integer({ min: 1, max: 4 }),
      }),
      { maxLength: 5 },
    ),
    classes: fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), { minLength: 3, maxLength: 3 }),
    least: fc.integer({ min: 0, max: 2 }),
    asked: fc.tuple(fc.nat(2), fc.nat(2)),
    spareNodes: fc.integer({ min: 0, max: 3 }).map((each) => (each === 3 ? 1 : 0)),
  })
  .map(({ nodes, items, classes, least, asked, spareNodes }) => {
    const there = nodes.map((node, row) =>
      row === 0 ? { ...node, isNew: false } : { ...node, mustStay: node.mustStay && !node.isNew },
    );
    const rows = [...there.keys()].filter((row) => !there[row]?.isNew);
    const placed = items.map(({ port, node, ...item }): ProblemItem => {
      const claim = { protocol: 'tcp', ip: '', port } as const;
      const ports = port === 0 ? [] : [{ protocol: 'tcp', ip: '', first: port, last: port } as const];
      return { ...item, node: rows[node % rows.length] ?? 0, ports, claims: port === 0 ? [] : [claim] };
    });
    const pinned = new Set(placed.flatMap(({ kind, node }) => (kind < 0 ? [node] : [])));
    return {
      nodes: there.map((node, row) => (pinned.has(row) ? { ...node, mustStay: true } : node)),
      items: placed,
      classes: classes.map((kind) => Uint8Array.from(kind.slice(0, nodes.length), Number)),
      rules: [
        {
          least,
          ofGroups: asked.map((each, group) => (placed.some(({ groups }) => groups.includes(group)) ? each : 0)),
        },
      ],
      spareNodes,
    };
  });

describe('the search', () => {
  it('finds what trying everything finds', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const { best, isProven } = solveExactly(problem, undefined);
        expect(isProven).toBe(true);
        expect(best?.cost).toEqual(bruteForce(problem));
        if (best) {
          const open = [...best.open.keys()].filter((row) => best.open[row]);
          expect(judge(problem, [...best.placement], open)).toEqual(best.cost);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('is never below its bound, and what is found roughly keeps every rule', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const best = bruteForce(problem);
        if (best) expect(lowerBound(problem)).toBeLessThanOrEqual(best.micros);
        const { best: rough, calm } = solveRoughly(problem);
        for (const each of [rough, calm]) {
          if (!each) continue;
          const open = [...each.open.keys()].filter((row) => each.open[row]);
          expect(judge(problem, [...each.placement], open)).toEqual(each.cost);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('answers with moves that can be made one after the other, the same ones each time', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const answer = solve(problem);
        expect(solve(structuredClone(problem))).toEqual(answer);
        if (!answer) return;
        expect(answer.boundMicros).toBeLessThanOrEqual(answer.solution.cost.micros);
        expect(orderMoves(problem, answer.solution.placement)).toEqual(answer.moves);
        const seen = new Set<number>();
        for (const { item, after } of answer.moves) {
          expect(after.every((each) => seen.has(each))).toBe(true);
          seen.add(item);
        }
        expect(groupsIn(problem)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 200 },
    );
  });
});
