import { describe, expect, it } from 'vitest';
import { planCheapest } from './plan-cheapest.ts';
import { DEFAULT_OPTIONS, type Snapshot, type SnapshotContainer, type SnapshotNode } from './snapshot.ts';

const GIB = 2 ** 30;
const FILTERS = ['health', 'port', 'containerslots', 'dependency', 'affinity', 'constraint', 'whitelist'];

/** `dear` costs 30 a month, `cheap` 5; both have 4 CPUs and 8 GiB. */
function node(
  name: string,
  monthly: number | string,
  labels: Record<string, string> = {},
  more: Partial<SnapshotNode> = {},
): SnapshotNode {
  return {
    id: `id-${name}`,
    name,
    isHealthy: true,
    availability: 'active',
    labels: Object.entries(labels),
    builtins: { storagedriver: '', kernelversion: '', operatingsystem: '', ostype: 'linux', architecture: 'x86_64' },
    slots: undefined,
    totalMemoryBytes: 8 * GIB,
    totalNanoCpus: 4e9,
    price: typeof monthly === 'string' ? { unknown: monthly } : { micros: monthly * 1e6, source: 'label' },
    otherMemoryBytes: 0,
    otherNanoCpus: 0,
    otherContainers: 0,
    ...more,
  };
}

let bundles = 0;

function container(name: string, on: string, more: Partial<SnapshotContainer> = {}): SnapshotContainer {
  bundles += 1;
  return {
    key: `key-${name}`,
    id: `id-${name}`,
    name,
    nodeId: `id-${on}`,
    generation: 0,
    bundle: bundles,
    memoryBytes: GIB,
    nanoCpus: 0,
    ports: [],
    claims: [],
    constraints: [],
    affinities: [],
    whitelists: [],
    homes: [],
    labels: {},
    how: 'start-first',
    loses: ['writable layer'],
    spans: false,
    copies: [],
    downtimeMs: 0,
    priority: 0,
    ...more,
  };
}

function plan(nodes: readonly SnapshotNode[], containers: readonly SnapshotContainer[], more: Partial<Snapshot> = {}) {
  return planCheapest({
    currency: 'EUR',
    nodes,
    containers,
    refusals: [],
    addresses: [],
    images: [],
    places: nodes.map((_, row) => row),
    egressMicrosPerGb: [],
    filters: FILTERS,
    overcommit: 0.05,
    forbidden: [],
    options: DEFAULT_OPTIONS,
    ...more,
  });
}

/** `name>node` of each move. */
function moves({ moves: all }: ReturnType<typeof plan>): readonly string[] {
  return all.map(({ container: { name }, to }) => `${name}>${to.name}`);
}

function fates({ nodes }: ReturnType<typeof plan>): Record<string, string> {
  return Object.fromEntries(nodes.map(({ name, fate }) => [name, fate]));
}

const DEAR = node('dear', 30, { provider: 'aws' });
const CHEAP = node('cheap', 5, { provider: 'hetzner' });
const PORT_80 = [{ protocol: 'tcp', ip: '', first: 80, last: 80 }] as const;
const HOLDS_80 = [{ protocol: 'tcp', ip: '', port: 80 }] as const;

describe('planCheapest', () => {
  it('moves what is on the dear node to the cheap one, and says what that saves', () => {
    const made = plan([DEAR, CHEAP], [container('web', 'dear'), container('db', 'cheap')]);
    expect(moves(made)).toEqual(['web>cheap']);
    expect(fates(made)).toEqual({ dear: 'goes', cheap: 'stays' });
    expect(made.cost).toEqual({ currency: 'EUR', monthlyBefore: 35, monthlyAfter: 5, once: 0 });
    expect(made.bound).toEqual({ kind: 'proven', monthlyLeast: 5, gap: 0 });
    expect(made.moves[0]?.why).toBe('dear is not needed any more');
    expect(made.stays.map(({ container: { name }, why }) => [name, why])).toEqual([['db', 'cheap is kept']]);
  });

  it('is the same for the same cluster, and another one after a move', () => {
    const containers = [container('web', 'dear'), container('db', 'cheap')];
    const first = plan([DEAR, CHEAP], containers);
    expect(plan([DEAR, CHEAP], containers)).toEqual(first);
    const moved = containers.map((each) => ({ ...each, generation: 1 }));
    expect(plan([DEAR, CHEAP], moved).digest).not.toBe(first.digest);
  });

  it.each([
    { what: 'a constraint', more: { constraints: ['provider==aws'] }, why: 'dear is kept' },
    { what: 'a policy', more: { hindrance: 'rescheduling is off' }, why: 'rescheduling is off' },
    { what: 'a home', more: { homes: [{ nodeId: 'id-dear', reason: 'volume "x" lives there' }] }, why: 'dear is kept' },
    { what: 'a whitelist', more: { whitelists: [{ text: 'node==dear', names: ['dear'] }] }, why: 'dear is kept' },
    { what: 'a platform', more: { platform: { os: 'windows' } }, why: 'dear is kept' },
    { what: 'the room there is', more: { memoryBytes: 8.3 * GIB }, why: 'dear is kept' },
    { what: 'a port', more: { ports: PORT_80, claims: HOLDS_80 }, why: 'dear is kept' },
    { what: 'an anti-affinity', more: { affinities: ['tier!=data'] }, why: 'dear is kept' },
  ])('keeps $what', ({ more }) => {
    const db = container('db', 'cheap', { ports: PORT_80, claims: HOLDS_80, labels: { tier: 'data' } });
    const made = plan([DEAR, node('cheap', 5)], [container('web', 'dear', more), db]);
    expect(moves(made)).not.toContain('web>cheap');
    expect(fates(made).dear).toBe('stays');
  });

  it('keeps an anti-affinity that the others wrote', () => {
    const db = container('db', 'cheap', { affinities: ['container!=web*'], memoryBytes: 0 });
    const heavy = container('heavy', 'cheap', { memoryBytes: 8 * GIB });
    const made = plan([DEAR, CHEAP], [container('web-1', 'dear'), db, heavy]);
    expect(moves(made)).toEqual([]);
  });

  it('keeps together what is near each other', () => {
    const front = container('front', 'dear', { affinities: ['tier==data'] });
    const data = container('data', 'dear', { labels: { tier: 'data' } });
    const made = plan([DEAR, CHEAP], [front, data]);
    expect(moves(made)).toEqual(['data>cheap', 'front>cheap']);
    expect(made.moves[1]?.after).toEqual(['key-data']);
  });

  it('moves a bundle whole or not at all', () => {
    const shared = { bundle: -7 };
    const [a, b] = [
      container('a', 'dear', shared),
      container('b', 'dear', { ...shared, hindrance: 'it is a one-off' }),
    ];
    const made = plan([DEAR, CHEAP], [a, b]);
    expect(moves(made)).toEqual([]);
    expect(made.stays.find(({ container: { name } }) => name === 'a')?.why).toMatch(/shares its node with b.*one-off/);
    const both = plan([DEAR, CHEAP], [a, container('b', 'dear', shared)]);
    expect(both.moves.map(({ container: { name }, after }) => [name, after])).toEqual([
      ['a', undefined],
      ['b', ['key-a']],
    ]);
  });

  it('leaves a node without a price out of the decision, and says so', () => {
    const made = plan([DEAR, node('odd', 'no label'), CHEAP], [container('web', 'dear'), container('x', 'odd')]);
    expect(fates(made)).toEqual({ dear: 'goes', odd: 'left-out', cheap: 'stays' });
    expect(made.nodes.find(({ name }) => name === 'odd')).toMatchObject({ monthly: null, price: 'no label' });
    expect(made.stays[0]?.why).toBe('the price of its node is not known: no label');
    expect(made.cost.monthlyBefore).toBe(35);
  });

  it('keeps a node with data that nobody takes along', () => {
    const held = node('dear', 30, {}, { keptFor: 'volume "old" is on it' });
    const made = plan([held, CHEAP], [container('web', 'cheap')]);
    expect(made.nodes[0]).toMatchObject({ fate: 'stays', why: 'volume "old" is on it' });
    // What is on the other one can come to it, then.
    expect(moves(made)).toEqual(['web>dear']);
  });

  it('does nothing for less than the least saving', () => {
    const options = { ...DEFAULT_OPTIONS, minSaving: { share: 0.9 } };
    const made = plan([DEAR, CHEAP], [container('web', 'dear')], { options });
    expect(made).toMatchObject({ moves: [], monthlySaving: 0, cost: { monthlyAfter: 35 } });
    expect(made.idle).toBe('it would save 30.00 a month, less than the least saving of 31.50');
  });

  it('counts what moving costs once against what a month saves', () => {
    const data = container('db', 'dear', {
      how: 'stop-first',
      downtimeMs: 20_000,
      copies: [{ volume: 'd', bytes: 1e12 }],
    });
    const cheaper = plan([DEAR, CHEAP], [data], { egressMicrosPerGb: [[0, 0.02e6]] });
    expect(cheaper).toMatchObject({ cost: { monthlyBefore: 35, monthlyAfter: 5, once: 20 }, downtimeMs: 20_000 });
    const staying = plan([DEAR, CHEAP], [data], { egressMicrosPerGb: [[0, 0.09e6]] });
    expect(fates(staying)).toEqual({ dear: 'stays', cheap: 'goes' });
  });

  it.each([
    { by: 'provider', expected: { aws1: 'stays', aws2: 'goes', hetzner1: 'stays', hetzner2: 'goes' } },
    { by: 'node', expected: { aws1: 'goes', aws2: 'goes', hetzner1: 'stays', hetzner2: 'stays' } },
  ])('keeps nodes and replicas in two values of $by', ({ by, expected }) => {
    const nodes = [
      node('aws1', 29, { provider: 'aws' }),
      node('aws2', 30, { provider: 'aws' }),
      node('hetzner1', 5, { provider: 'hetzner' }),
      node('hetzner2', 6, { provider: 'hetzner' }),
    ];
    const web = [
      container('web-1', 'aws1', { group: 'compose\0shop\0web' }),
      container('web-2', 'aws2', { group: 'compose\0shop\0web' }),
    ];
    const options = { ...DEFAULT_OPTIONS, minDomains: [{ label: by, least: 2 }] };
    expect(fates(plan(nodes, web, { options }))).toEqual(expected);
    const alone = plan(nodes, web);
    expect(alone.notes).toEqual([
      'all replicas of shop/web would be on one node: --min-domains node=2 keeps them apart',
    ]);
  });

  it('says which service cannot keep a rule about domains, and keeps it as far as it can', () => {
    const group = 'compose\0shop\0web';
    const options = { ...DEFAULT_OPTIONS, minDomains: [{ label: 'provider', least: 2 }] };
    const web = ['dear', 'cheap'].map((on) => container(`web-${on}`, on, { group, constraints: ['provider==aws'] }));
    const made = plan([DEAR, node('cheap', 5, { provider: 'aws' }), node('other', 9, { provider: 'ovh' })], web, {
      options,
    });
    expect(made.notes[0]).toBe(
      'shop/web cannot be in 2 values of provider: its constraints, or what binds it, leave 1',
    );
    expect(fates(made)).toEqual({ dear: 'goes', cheap: 'stays', other: 'stays' });
  });

  it.each([
    { minDomains: [{ label: 'provider', least: 3 }], why: /at least 3 values of provider.*2: aws, hetzner\. Lower/ },
    { headroomNodes: 2, why: /no set of nodes keeps every rule: room for the loss of 2 nodes/ },
  ])('refuses what no nodes can keep: $why', ({ why, ...asked }) => {
    const options = { ...DEFAULT_OPTIONS, ...asked };
    expect(() => plan([DEAR, CHEAP], [container('web', 'dear')], { options })).toThrow(why);
  });

  it.each([
    { headroom: { headroomShare: 0.5 }, expected: 'stays' },
    { headroom: { headroomShare: 0.1 }, expected: 'goes' },
    { headroom: { headroomNodes: 1 }, expected: 'stays' },
  ])('leaves headroom: $headroom', ({ headroom, expected }) => {
    const options = { ...DEFAULT_OPTIONS, ...headroom };
    const full = [container('a', 'dear', { memoryBytes: 3 * GIB }), container('b', 'cheap', { memoryBytes: 3 * GIB })];
    expect(fates(plan([DEAR, CHEAP], full, { options })).dear).toBe(expected);
  });

  it('counts what was used as well, when asked', () => {
    const busy = [1, 2].map((each) =>
      container(`x${each}`, 'dear', { memoryBytes: 0, usedMemoryBytes: 5 * GIB, usedNanoCpus: 0 }),
    );
    expect(moves(plan([DEAR, CHEAP], busy))).toHaveLength(2);
    expect(plan([DEAR, CHEAP], busy).notes[0]).toMatch(/^2 of 2 containers reserve neither memory nor CPUs/);
    const options = { ...DEFAULT_OPTIONS, by: 'usage' as const };
    expect(moves(plan([DEAR, CHEAP], busy, { options }))).toEqual([]);
  });

  it('keeps services off nodes that can be taken back, or a part of their replicas', () => {
    const spot = node('spot', 1, { spot: 'true' });
    const web = (share: number | undefined) =>
      ['a', 'b', 'c', 'd'].map((name) =>
        container(name, 'dear', { group: 'group\0g', ...(share !== undefined && { spotShare: share }) }),
      );
    expect(fates(plan([DEAR, spot], web(0)))).toEqual({ dear: 'stays', spot: 'goes' });
    expect(fates(plan([DEAR, spot], web(undefined)))).toEqual({ dear: 'goes', spot: 'stays' });
    const half = plan(
      [DEAR, CHEAP, spot],
      web(0.5).map((each) => ({ ...each, memoryBytes: 2.8 * GIB })),
    );
    expect(moves(half).filter((each) => each.endsWith('spot'))).toHaveLength(2);
  });

  it('plans machines that could be made, and only as many as are needed', () => {
    const made = ['n1', 'n2', 'n3'].map((name) => node(name, 4, {}, { isNew: true }));
    const big = [container('a', 'dear', { memoryBytes: 6 * GIB }), container('b', 'dear', { memoryBytes: 2 * GIB })];
    expect(fates(plan([DEAR, ...made], big))).toEqual({ dear: 'goes', n1: 'made' });
    expect(fates(plan([DEAR, ...made], [...big, container('c', 'dear', { memoryBytes: 2 * GIB })]))).toEqual({
      dear: 'goes',
      n1: 'made',
      n2: 'made',
    });
  });

  it('leaves out moves that were found impossible', () => {
    const other = node('other', 9);
    const made = plan([DEAR, CHEAP, other], [container('web', 'dear')], { forbidden: ['key-web id-cheap'] });
    expect(moves(made)).toEqual(['web>other']);
  });

  it('leaves alone what is on a node that does not answer, or is paused or drained', () => {
    const away = node('away', 30, {}, { isHealthy: false });
    const paused = node('paused', 2, {}, { availability: 'pause' });
    const made = plan([DEAR, away, paused, CHEAP], [container('web', 'dear'), container('x', 'away')]);
    expect(fates(made)).toEqual({ dear: 'goes', away: 'stays', paused: 'goes', cheap: 'stays' });
    expect(moves(made)).toEqual(['web>cheap']);
  });
});

it('says that no price is known, and takes no node for free', () => {
  const answer = plan([node('one', 'no label'), node('two', 'no label')], [container('web', 'one')]);
  expect(answer.moves).toEqual([]);
  expect(answer.idle).toBe('the price of no node is known');
  expect(answer.nodes.map(({ fate, monthly }) => [fate, monthly])).toEqual([
    ['left-out', null],
    ['left-out', null],
  ]);
});

describe('containers that share volumes', () => {
  const together = ['key-data', 'key-app'];
  const shared = { bundle: -1, how: 'stop-first', together, downtimeMs: 12_000 } as const;

  it('move as one, their volumes counted once', () => {
    const copies = [{ volume: 'data', bytes: 100e9 }];
    const answer = plan(
      [node('dear', 30, { provider: 'a' }), node('cheap', 5, { provider: 'b' })],
      [container('data', 'dear', { ...shared, copies }), container('app', 'dear', shared)],
      { egressMicrosPerGb: [[0, 90_000], []] },
    );
    expect(answer.moves.map(({ container: { name } }) => name)).toEqual(['data', 'app']);
    expect(answer.moves.map((each) => each.together)).toEqual([together, together]);
    expect(answer.moves.map((each) => each.after)).toEqual([undefined, undefined]);
    expect(answer.cost?.once).toBeCloseTo(9);
    expect(answer.moves.map(({ estimate }) => estimate)).toEqual([{ downtimeMs: 12_000 }, { downtimeMs: 12_000 }]);
  });

  it('say for none how long it takes where a size is not known', () => {
    const answer = plan(
      [node('dear', 30), node('cheap', 5)],
      [container('data', 'dear', { ...shared, copies: [{ volume: 'data' }] }), container('app', 'dear', shared)],
    );
    expect(answer.moves.map(({ estimate }) => estimate)).toEqual([undefined, undefined]);
  });

  it('stay together, and say because of whom', () => {
    const answer = plan(
      [node('dear', 30), node('cheap', 5)],
      [
        container('data', 'dear', { ...shared, hindrance: 'its rescheduling policy is off' }),
        container('app', 'dear', shared),
      ],
    );
    expect(answer.moves).toEqual([]);
    expect(answer.stays.find(({ container: { name } }) => name === 'app')?.why).toBe(
      'it shares its node with data, which stays: its rescheduling policy is off',
    );
  });
});
