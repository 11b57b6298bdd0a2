import { describe, expect, test } from 'vitest';
import { FixtureCluster, GIB, type NodeSpec } from '../../test/fakes/fixture-cluster.ts';
import { parseSpec } from '../desired/container-spec.ts';
import { groupOf } from '../scheduler/groups.ts';
import { reservationFor } from '../scheduler/reservation.ts';
import { schedule, schedulerOptions } from '../scheduler/scheduler.ts';
import type { Plan } from './plan.ts';
import type { MoveCandidate } from './plan-move.ts';
import { planRebalance, type RebalanceInput } from './plan-rebalance.ts';

interface Placed {
  readonly node: string;
  readonly name: string;
  readonly group?: string;
  readonly memory?: number;
  readonly env?: readonly string[];
  /** It has no leave to move. */
  readonly isBound?: boolean;
}

function planOf(nodes: readonly NodeSpec[], placed: readonly Placed[], options: Partial<RebalanceInput> = {}): Plan {
  const cluster = new FixtureCluster(nodes);
  const all = placed.map(({ node, name, group, memory = 0, env = [], isBound = false }) => {
    const Labels = group === undefined ? {} : { 'io.enxame.group': group };
    const value = { Image: 'redis', Labels, Env: env, HostConfig: { Memory: memory } };
    const spec = parseSpec({ text: JSON.stringify(value), api: '1.44', largestNodeCpus: 2 }, value, name);
    const { id } = cluster.node(node);
    cluster.add(node, name, reservationFor(spec.placement, cluster.node(node)), spec.labels);
    const current = { nodeId: id, engineId: name, attempt: name, generation: 0 };
    const terms = { restart: 'always', priority: 0 };
    const candidate: MoveCandidate = {
      record: { format: 1, key: name, id: name, name, current, wanted: 'running', terms },
      spec,
      from: { id, name: node },
      isWell: true,
      copies: [],
      dependents: [],
      estimate: {},
    };
    return { candidate, isBound };
  });
  return planRebalance({
    nodes: cluster.nodes.map((node) => ({
      ...node,
      domains: ['provider', 'region'].map((label) => node.labels.get(label) ?? ''),
      takes: node.isHealthy && node.availability === 'active',
      reservedMemoryBytes: node.reservedMemoryBytes,
      reservedNanoCpus: node.reservedNanoCpus,
      containerCount: node.containerCount,
    })),
    members: all.flatMap(({ candidate: { spec, from } }) => {
      const group = groupOf(spec.labels);
      return group === undefined ? [] : [{ group, nodeId: from.id }];
    }),
    candidates: all.flatMap(({ candidate, isBound }) => (isBound ? [] : candidate)),
    stays: all.flatMap(({ candidate: { record, from }, isBound }) =>
      isBound
        ? [
            {
              container: { key: record.key, id: record.key, name: record.name },
              node: from,
              why: 'bound',
              waits: false,
            },
          ]
        : [],
    ),
    spreadsOverNodes: true,
    maxMoves: 100,
    stage: {
      decide: (request) => schedule(request, cluster, schedulerOptions()),
      place: (node, request, labels) =>
        cluster.add(node.name, `placed-${request.name}`, reservationFor(request, node), labels),
    },
    questions: {
      idOf: () => undefined,
      nameOf: (id) => id,
      homesOf: () => [],
      refusalsFor: () => new Map(),
      spans: () => false,
    },
    ...options,
  });
}

function linesOf({ moves, stays }: Plan): string[] {
  return [
    ...moves.map(({ container, from, to }) => `${container.name}: ${from.name} -> ${to.name}`),
    ...stays.map(({ container, why }) => `${container.name} stays: ${why}`),
  ];
}

const some = (node: string, prefix: string, count: number, more: Partial<Placed> = {}): Placed[] =>
  Array.from({ length: count }, (_, i) => ({ node, name: `${prefix}${i + 1}`, ...more }));

const PROVIDERS: readonly NodeSpec[] = [
  { name: 'a1', labels: { provider: 'a' } },
  { name: 'a2', labels: { provider: 'a' } },
  { name: 'b1', labels: { provider: 'b' } },
];

describe('a rebalance', () => {
  test('moves nothing where all is spread', () => {
    const placed = [
      ...some('a1', 'w', 1, { group: 'w' }),
      ...some('b1', 'v', 1, { group: 'w' }),
      ...some('a2', 'x', 1),
    ];
    expect(linesOf(planOf(PROVIDERS, placed))).toEqual([]);
  });

  test('brings a service to both providers with one move, though the other node of its own is empty', () => {
    const placed = [...some('a1', 'w', 2, { group: 'w' }), ...some('b1', 'x', 1), ...some('a2', 'y', 1)];
    expect(linesOf(planOf(PROVIDERS, placed))).toEqual(['w1: a1 -> b1']);
  });

  test('fills a new node, one container less than the others have at most', () => {
    const nodes = ['a', 'b', 'c'].map((name) => ({ name }));
    const plan = planOf(nodes, [...some('a', 'x', 3), ...some('b', 'y', 3)]);
    expect(plan.moves).toHaveLength(2);
    expect(new Set(plan.moves.map(({ to }) => to.name))).toEqual(new Set(['c']));
  });

  test('weighs what containers reserve against what nodes have', () => {
    const nodes = [
      { name: 'small', memoryBytes: 2 * GIB },
      { name: 'large', memoryBytes: 16 * GIB },
    ];
    const plan = planOf(nodes, some('small', 'x', 3, { memory: 0.6 * GIB }));
    expect(plan.moves.map(({ to }) => to.name)).toEqual(['large', 'large', 'large']);
    expect(planOf(nodes, some('large', 'x', 2, { memory: 0.6 * GIB })).moves).toEqual([]);
  });

  test('stops at the number of moves that was given, the worst first', () => {
    const nodes = ['a', 'b', 'c'].map((name) => ({ name }));
    const placed = [...some('a', 'x', 6), ...some('b', 'w', 2, { group: 'w' })];
    expect(linesOf(planOf(nodes, placed, { maxMoves: 1 }))).toEqual(['w1: b -> c']);
  });

  test('leaves what has no leave, and says so', () => {
    const nodes = [{ name: 'a' }, { name: 'b' }];
    expect(linesOf(planOf(nodes, [...some('a', 'x', 2, { isBound: true }), ...some('a', 'y', 1)]))).toEqual([
      'y1: a -> b',
      'x1 stays: bound',
      'x2 stays: bound',
    ]);
  });

  test('says why one cannot go although its node is full', () => {
    const nodes = [{ name: 'a', labels: { disk: 'ssd' } }, { name: 'b' }];
    const [line] = linesOf(planOf(nodes, some('a', 'x', 2, { env: ['constraint:disk==ssd'] })));
    expect(line).toMatch(/^x1 stays: no other node can take it: .*disk==ssd/);
  });

  test('moves nothing to a paused node, and nothing but services with another strategy', () => {
    expect(planOf([{ name: 'a' }, { name: 'b', availability: 'pause' }], some('a', 'x', 4)).moves).toEqual([]);
    expect(planOf([{ name: 'a' }, { name: 'b' }], some('a', 'x', 4), { spreadsOverNodes: false }).moves).toEqual([]);
  });

  test('ends: carried out, a second one moves nothing', () => {
    const nodes = Array.from({ length: 7 }, (_, i) => ({ name: `n${i}`, labels: { provider: `p${i % 3}` } }));
    let placed = Array.from(
      { length: 40 },
      (_, i): Placed => ({
        node: `n${(i * i) % 4}`,
        name: `c${i}`,
        ...(i % 3 === 0 ? {} : { group: `g${i % 5}` }),
      }),
    );
    const first = planOf(nodes, placed);
    expect(first.moves.length).toBeGreaterThan(0);
    const to = new Map(first.moves.map(({ container, to: { name } }) => [container.name, name]));
    placed = placed.map((each) => ({ ...each, node: to.get(each.name) ?? each.node }));
    expect(linesOf(planOf(nodes, placed))).toEqual([]);
  });
});
