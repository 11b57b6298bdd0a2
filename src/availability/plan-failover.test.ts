import { describe, expect, test } from 'vitest';
import { FixtureCluster, type NodeSpec } from '../../test/fakes/fixture-cluster.ts';
import { parseSpec } from '../desired/container-spec.ts';
import type { MovePolicy, MoveTerms } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { reservationFor } from '../scheduler/reservation.ts';
import { schedule, schedulerOptions } from '../scheduler/scheduler.ts';
import { formatPlan } from './format-plan.ts';
import type { Plan } from './plan.ts';
import { type Candidate, type PlanQuestions, planFailover } from './plan-failover.ts';
import type { Stage } from './stage.ts';

const MIB = 2 ** 20;
const ALWAYS: MoveTerms = { restart: 'always', priority: 0 };

interface Lost {
  readonly name: string;
  readonly body?: object;
  readonly terms?: Partial<MoveTerms>;
  readonly record?: Partial<ContainerRecord>;
}

/** What becomes of containers that were on `lost`, each a line of the plan. */
function planOf(
  nodes: readonly NodeSpec[],
  containers: readonly Lost[],
  options: { readonly policy?: MovePolicy; readonly questions?: Partial<PlanQuestions> } = {},
): Plan {
  const all: NodeSpec[] = [{ name: 'lost', isHealthy: false }, ...nodes];
  const cluster = new FixtureCluster(all);
  const lost = cluster.node('lost');
  const candidates = containers.map(({ name, body = {}, terms, record }): Candidate => {
    const value = { Image: 'redis', ...body };
    const spec = parseSpec({ text: JSON.stringify(value), api: '1.44', largestNodeCpus: 2 }, value, name);
    cluster.add('lost', name, reservationFor(spec.placement, lost), spec.labels);
    const current = { nodeId: lost.id, engineId: `e-${name}`, attempt: name, generation: 0 };
    return {
      spec,
      record: {
        format: 1,
        key: name,
        id: name,
        name,
        current,
        wanted: 'running',
        terms: { ...ALWAYS, ...terms },
        ...record,
      },
    };
  });
  const stage: Stage = {
    decide: (request) => schedule(request, cluster, schedulerOptions()),
    place: (node, request, labels) =>
      cluster.add(node.name, `placed-${request.name}`, reservationFor(request, node), labels),
  };
  const names = new Set(containers.map(({ name }) => name));
  return planFailover({
    reason: { kind: 'failover', lost: [{ id: lost.id, name: 'lost' }] },
    candidates,
    policy: options.policy ?? 'auto',
    stage,
    questions: {
      idOf: (reference) => (names.has(reference) ? reference : undefined),
      homesOf: () => [],
      refusalsFor: () => new Map(),
      ...options.questions,
    },
  });
}

/** `name -> node` or `name: why`, in the plan's order. */
function linesOf({ moves, stays }: Plan): string[] {
  return [
    ...moves.map(({ container, to }) => `${container.name} -> ${to.name}`),
    ...stays.map(({ container, why, waits }) => `${container.name}${waits ? ' waits' : ''}: ${why}`),
  ];
}

const label = (key: string, value: string): object => ({ Labels: { [key]: value } });
const memory = (mib: number): object => ({ HostConfig: { Memory: mib * MIB } });

describe('what may move', () => {
  const nodes = [{ name: 'a' }];
  test.each<[string, Partial<MoveTerms>, Partial<ContainerRecord>, MovePolicy, string]>([
    ['one that is restarted', {}, {}, 'auto', 'c -> a'],
    ['a paused one', {}, { wanted: 'paused' }, 'auto', 'c -> a'],
    ['one of a Compose service', { restart: 'no', isOfService: true }, {}, 'auto', 'c -> a'],
    [
      'one without restart policy',
      { restart: 'no' },
      {},
      'auto',
      'c: its restart policy is no and its rescheduling policy does not say on-node-failure',
    ],
    ['the same, by its own policy', { restart: 'no', policy: 'on-node-failure' }, {}, 'off', 'c -> a'],
    ['the same, by the cluster’s', { restart: 'no' }, {}, 'on-node-failure', 'c -> a'],
    ['none, by its own policy', { policy: 'off' }, {}, 'auto', 'c: its rescheduling policy is off'],
    ['none, by the cluster’s', {}, {}, 'off', 'c: rescheduling is off'],
    [
      'a transient one',
      { isTransient: true, policy: 'on-node-failure' },
      {},
      'auto',
      'c: it is a one-off container, which is never made a second time',
    ],
    ['a stopped one', {}, { wanted: 'stopped' }, 'auto', 'c: it is not meant to run'],
    ['one never started', {}, { wanted: 'created' }, 'auto', 'c: it is not meant to run'],
    ['a finished one', {}, { ended: { exitCode: 3, atMs: 0 } }, 'auto', 'c: it has finished with exit code 3'],
    ['one with data', { boundBy: 'volume "data"' }, {}, 'auto', 'c waits: it is bound to its node by volume "data"'],
    ['one that discards its data', { boundBy: 'volume "data"', discardsData: true }, {}, 'auto', 'c -> a'],
  ])('%s', (_case, terms, record, policy, expected) => {
    expect(linesOf(planOf(nodes, [{ name: 'c', terms, record }], { policy }))).toEqual([expected]);
  });

  test('not one that must not move yet, or that cannot be read', () => {
    const strict: PlanQuestions['notYet'] = (record) =>
      record.terms.isStrict ? { why: 'it is fenced first', forMs: 3_000 } : undefined;
    const plan = planOf(nodes, [{ name: 'c', terms: { isStrict: true } }, { name: 'd' }], {
      questions: { notYet: strict },
    });
    expect(linesOf(plan)).toEqual(['d -> a', 'c waits: it is fenced first']);
    expect(plan.stays[0]?.forMs).toBe(3_000);
  });
});

test('what has data on the lost node waits for it', () => {
  const homesOf: PlanQuestions['homesOf'] = (_spec, discardsData) =>
    discardsData ? [] : [{ nodeId: 'id-of-lost', reason: 'volume "data" lives on lost' }];
  const lost = [{ name: 'c' }, { name: 'd', terms: { discardsData: true } }];
  expect(linesOf(planOf([{ name: 'a' }], lost, { questions: { homesOf } }))).toEqual([
    'd -> a',
    'c waits: it is bound to its node: volume "data" lives on lost',
  ]);
});

describe('where they go', () => {
  test('each counts in what is decided next', () => {
    const plan = planOf(
      [{ name: 'a' }, { name: 'b' }],
      [1, 2, 3, 4].map((i) => ({ name: `c${i}` })),
    );
    const places = plan.moves.map(({ to }) => to.name).sort();
    expect(places).toEqual(['a', 'a', 'b', 'b']);
  });

  test('the replicas of a service spread over domains, the lost ones not counted', () => {
    const nodes = ['p1', 'p2', 'p3'].map((provider) => ({ name: `on-${provider}`, labels: { provider } }));
    const plan = planOf(
      nodes,
      [1, 2, 3].map((i) => ({ name: `r${i}`, body: label('io.enxame.group', 'web') })),
    );
    expect(plan.moves.map(({ to }) => to.name).sort()).toEqual(['on-p1', 'on-p2', 'on-p3']);
  });

  test('the most important ones first, and the rest is told who has no room', () => {
    const nodes = [{ name: 'a', memoryBytes: 400 * MIB }];
    const lost = [
      { name: 'low', body: memory(300) },
      { name: 'high', body: memory(300), terms: { priority: 10 } },
    ];
    const [first, second] = linesOf(planOf(nodes, lost));
    expect(first).toBe('high -> a');
    expect(second).toMatch(/^low waits: .*memory/);
  });

  test('by constraints, ports and what others said of the nodes', () => {
    const nodes = [{ name: 'a', labels: { disk: 'ssd' } }, { name: 'b' }];
    const port = { ExposedPorts: { '80/tcp': {} }, HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } };
    const lost = [
      { name: 'c1', body: { Env: ['constraint:disk==ssd'], ...port } },
      { name: 'c2', body: { Env: ['constraint:disk==ssd'], ...port } },
      { name: 'c3' },
    ];
    const refusalsFor = (): ReadonlyMap<string, string> => new Map([['id-of-b', 'no cluster networks']]);
    const lines = linesOf(planOf(nodes, lost, { questions: { refusalsFor } }));
    expect(lines.slice(0, 2)).toEqual(['c1 -> a', 'c3 -> a']);
    expect(lines[2]).toMatch(/^c2 waits: .*80/);
  });

  test('a network that is not known is a reason to wait', () => {
    const homesOf = (): never => {
      throw new Error('network front not found');
    };
    expect(linesOf(planOf([{ name: 'a' }], [{ name: 'c' }], { questions: { homesOf } }))).toEqual([
      'c waits: network front not found',
    ]);
  });
});

describe('what depends on each other', () => {
  const shares = (name: string): object => ({ HostConfig: { NetworkMode: `container:${name}`, Memory: 100 * MIB } });

  test('goes together, and what is needed goes first', () => {
    const nodes = [
      { name: 'a', memoryBytes: 150 * MIB },
      { name: 'b', memoryBytes: 400 * MIB },
    ];
    const lost = [
      { name: 'sidecar', body: shares('web') },
      { name: 'web', body: memory(200) },
      { name: 'near', body: { Env: ['affinity:container==web'] } },
    ];
    const plan = planOf(nodes, lost);
    expect(linesOf(plan).slice(0, 2)).toEqual(['web -> b', 'sidecar -> b']);
    expect(linesOf(plan)[2]).toBe('near -> b');
    expect(plan.moves.map(({ after }) => after)).toEqual([undefined, ['web'], ['web']]);
  });

  test('stays together when there is no room for all', () => {
    const nodes = [{ name: 'a', memoryBytes: 250 * MIB }];
    const lines = linesOf(
      planOf(nodes, [
        { name: 'web', body: memory(200) },
        { name: 'sidecar', body: shares('web') },
      ]),
    );
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/waits: .*memory/);
  });

  test('stays with what may not move', () => {
    const lost = [
      { name: 'web', terms: { policy: 'off' } as const },
      { name: 'sidecar', body: shares('web') },
    ];
    expect(linesOf(planOf([{ name: 'a' }], lost))).toEqual([
      'web: its rescheduling policy is off',
      'sidecar waits: what it depends on stays: its rescheduling policy is off',
    ]);
  });
});

test('a plan says what is lost with each', () => {
  const body = {
    Volumes: { '/data': {} },
    HostConfig: { Binds: ['db:/db'], Mounts: [{ Type: 'volume', Target: '/x' }] },
  };
  const plan = planOf([{ name: 'a' }], [{ name: 'c', body, terms: { discardsData: true } }]);
  expect(formatPlan(plan).split('\n')[1]).toBe(
    '  move  c: lost -> a (lost is lost; loses writable layer, anonymous volume /data, anonymous volume /x, data of volume "db")',
  );
});
