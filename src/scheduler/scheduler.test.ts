import { describe, expect, it } from 'vitest';
import type { NodeSpec } from '../../test/fakes/fixture-cluster.ts';
import { FixtureCluster, GIB, outcomeOf, seeded } from '../../test/fakes/fixture-cluster.ts';
import { slotsOf } from './filters/container-slots.ts';
import { parsePlacement } from './placement.ts';
import { toError } from './refusal.ts';
import { NOTHING } from './reservation.ts';
import type { SchedulerChoices } from './scheduler.ts';
import { schedule, schedulerOptions } from './scheduler.ts';

const BEES: readonly NodeSpec[] = [
  { name: 'queen', labels: { storage: 'ssd', region: 'us-east' }, images: ['redis:7', 'nginx:latest'] },
  { name: 'worker-1', labels: { storage: 'disk', region: 'us-east' }, images: ['redis:7'] },
  { name: 'worker-2', labels: { storage: 'ssd', region: 'eu-west', node: 'blue' }, builtins: { ostype: 'windows' } },
];

/** Three nodes; `frontend` runs on worker-1, `db` on worker-2, and queen is the busiest. */
function bees(): FixtureCluster {
  const cluster = new FixtureCluster(BEES);
  const web = { ...NOTHING, ports: [{ protocol: 'tcp', ip: '', port: 80 }] } as const;
  cluster.add('worker-1', 'frontend', web, { 'com.example.type': 'frontend' });
  cluster.add('worker-2', 'db', NOTHING, { 'com.example.type': 'backend', tier: '1' });
  cluster.add('queen', 'busy-1', NOTHING);
  cluster.add('queen', 'busy-2', NOTHING);
  return cluster;
}

function runEnv(...env: string[]): string {
  return outcomeOf(bees().run({ Image: 'redis', Env: env }, 'new'));
}

describe('strategies', () => {
  const three: readonly NodeSpec[] = [{ name: 'rainha' }, { name: 'operaria-1' }, { name: 'operaria-2' }];

  it('spread puts four redis on three equal nodes as 2+1+1', () => {
    const cluster = new FixtureCluster(three);
    for (let i = 1; i <= 4; i += 1) cluster.run({ Image: 'redis' }, `redis_${i}`);
    expect(cluster.nodes.map(({ containerCount }) => containerCount)).toEqual([2, 1, 1]);
  });

  it.each([
    ['spread', ['rainha', 'operaria-1', 'operaria-2', 'rainha']],
    ['binpack', ['rainha', 'rainha', 'operaria-1', 'operaria-1']],
    ['binpacking', ['rainha', 'rainha', 'operaria-1', 'operaria-1']],
  ])('%s with 1 GiB each on nodes of 2 GiB', (strategy, expected) => {
    const cluster = new FixtureCluster(three);
    const placed = expected.map((_, i) => outcomeOf(cluster.run(memory(1), `c${i}`, { strategy })));
    expect(placed).toEqual(expected);
  });

  it('spread compares shares of a node, not bytes', () => {
    const cluster = new FixtureCluster([{ name: 'small' }, { name: 'large', memoryBytes: 16 * GIB }]);
    const placed = [1, 2, 3].map((i) => outcomeOf(cluster.run(memory(1), `c${i}`)));
    expect(placed).toEqual(['large', 'large', 'large']);
  });

  it('spread adds the shares of memory and of CPUs', () => {
    const cluster = new FixtureCluster(three);
    cluster.add('rainha', 'a', { ...NOTHING, nanoCpus: 1e9 });
    cluster.add('operaria-1', 'b', { ...NOTHING, nanoCpus: 5e8, memoryBytes: GIB });
    cluster.add('operaria-2', 'c', { ...NOTHING, memoryBytes: 1.5 * GIB });
    const at = (HostConfig: unknown): string =>
      outcomeOf(schedule(parsePlacement({ HostConfig }).request, cluster, schedulerOptions()));
    expect(at({ NanoCpus: 5e8 })).toBe('operaria-2');
    expect(at({ Memory: GIB / 4 })).toBe('rainha');
    expect(at({ NanoCpus: 5e8, Memory: GIB / 4 })).toBe('rainha');
  });

  it('binpack without any request fills the node with most containers', () => {
    expect(outcomeOf(bees().run({}, 'new', { strategy: 'binpack' }))).toBe('queen');
  });

  it('random reaches every node and repeats itself for a seed', () => {
    const sequence = (seed: number): string[] => {
      const cluster = new FixtureCluster(three);
      const random = seeded(seed);
      return Array.from({ length: 60 }, (_, i) => outcomeOf(cluster.run({}, `c${i}`, { strategy: 'random', random })));
    };
    expect(new Set(sequence(7))).toEqual(new Set(['rainha', 'operaria-1', 'operaria-2']));
    expect(sequence(7)).toEqual(sequence(7));
    expect(sequence(7)).not.toEqual(sequence(8));
  });

  it.each([
    [{ strategy: 'best' }, "Unknown strategy 'best': use one of spread, binpack, random, cheapest"],
    [{ filters: ['health', 'disk'] }, "Unknown filter 'disk': use one of health, port, containerslots, dependency"],
  ])('%j is a usage error', (choices, message) => {
    expect(() => schedulerOptions(choices)).toThrow(message);
    expect(() => schedulerOptions(choices)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('constraints', () => {
  it.each([
    ['storage==ssd', 'worker-2'],
    ['storage!=ssd', 'worker-1'],
    ['region==us-east', 'worker-1'],
    ['region==us-*', 'worker-1'],
    ['region!=us-*', 'worker-2'],
    ['region==/^eu/', 'worker-2'],
    ['node==queen', 'queen'],
    ['node==id-of-queen', 'queen'],
    ['node!=worker-1', 'worker-2'],
    ['node==blue', 'worker-2'],
    ['node==/worker-[23]/', 'worker-2'],
    ['node==/(?i)QUEEN/', 'queen'],
    ['node!=/worker/', 'queen'],
    ['ostype==windows', 'worker-2'],
    ['OSType==windows', 'worker-2'],
    ['operatingsystem==Debian*', 'worker-1'],
    ['storagedriver!=overlay2', /constraint storagedriver!=overlay2 is not met \(3 of 3 nodes/],
    ['rack!=a', 'worker-1'],
    ['rack!=*', 'worker-1'],
    ['rack==*', /constraint rack==\* is not met: no node has the label rack/],
    ['storage==tape', /no node has storage=tape/],
    ['storage==~tape', 'worker-1'],
    ['storage==~ssd', 'worker-2'],
  ])('%s', (expression, expected) => {
    const outcome = runEnv(`constraint:${expression}`);
    if (typeof expected === 'string') expect(outcome).toBe(expected);
    else expect(outcome).toMatch(expected);
  });

  it('must all hold', () => {
    expect(runEnv('constraint:storage==ssd', 'constraint:region==us-east')).toBe('queen');
    expect(runEnv('constraint:storage==disk', 'constraint:region==eu-west')).toBe(
      'Unable to find a node that satisfies the following conditions: constraint storage==disk is not met on 2 of ' +
        'them and constraint region==eu-west is not met on 2 of them (3 of 3 nodes: queen, worker-1, worker-2)',
    );
  });
});

describe('affinities', () => {
  it.each([
    ['container==frontend', 'worker-1'],
    ['container==/frontend', 'worker-1'],
    ['container==worker-1/frontend', 'worker-1'],
    ['container==c00000000000', 'worker-1'],
    ['container!=frontend', 'worker-2'],
    ['container==front*', 'worker-1'],
    ['container!=/^(frontend|db)$/', 'queen'],
    ['container==busy-*', 'queen'],
    ['container==gone', /affinity container==gone is not met: no such container/],
    ['container==gone*', /no container matches/],
    ['container==~gone', 'worker-1'],
    ['container!=gone', 'worker-1'],
    ['image==redis', 'worker-1'],
    ['image==redis:7', 'worker-1'],
    ['image!=redis', 'worker-2'],
    ['image==ngin*', 'queen'],
    ['image==/^redis:/', 'worker-1'],
    ['image==/^redis$/', 'worker-1'],
    ['image==postgres', /no node has the image/],
    ['image==~postgres', 'worker-1'],
    ['com.example.type==frontend', 'worker-1'],
    ['com.example.type!=frontend', 'worker-2'],
    ['com.example.type==back*', 'worker-2'],
    ['com.example.type==cache', /no container has this value of the label com\.example\.type/],
    ['com.example.other==x', /no container has the label com\.example\.other/],
    ['com.example.other!=x', 'worker-1'],
  ])('%s', (expression, expected) => {
    const outcome = runEnv(`affinity:${expression}`);
    if (typeof expected === 'string') expect(outcome).toBe(expected);
    else expect(outcome).toMatch(expected);
  });

  it('say so when a container reference is ambiguous', () => {
    expect(runEnv('affinity:container==c0000')).toContain(
      'the name is ambiguous, it can be worker-1/frontend, worker-2/db, queen/busy-1 and 1 more',
    );
  });
});

describe('soft expressions', () => {
  const dropped = (...env: string[]): [string, string[]] => {
    const placement = bees().run({ Env: env }, 'new');
    return [outcomeOf(placement), placement.kind === 'placed' ? placement.dropped.map(({ text }) => text) : []];
  };

  it.each([
    [['constraint:storage==~ssd', 'constraint:region==~us-east'], 'queen', []],
    [['constraint:storage==~tape', 'constraint:region==~eu-west'], 'worker-2', ['storage==~tape']],
    [['constraint:storage==~disk', 'constraint:region==~eu-west'], 'worker-1', ['region==~eu-west']],
    [['constraint:region==~eu-west', 'constraint:storage==~disk'], 'worker-2', ['storage==~disk']],
    [['constraint:node==~worker-2', 'affinity:container==~frontend'], 'worker-1', ['node==~worker-2']],
    [['constraint:node!=worker-1', 'constraint:node==~worker-1'], 'worker-2', ['node==~worker-1']],
    [
      ['constraint:node==~worker-1', 'constraint:storage==~ssd', 'constraint:region==~eu-west'],
      'worker-2',
      ['node==~worker-1'],
    ],
  ])('%j', (env, node, given) => {
    expect(dropped(...env)).toEqual([node, given]);
  });

  it('are bounded', () => {
    const env = Array.from({ length: 41 }, (_, i) => `constraint:key${i}==~x`);
    expect(() => runEnv(...env)).toThrow('More than 40 soft (~) expressions');
  });
});

describe('ports', () => {
  const publish = (HostPort: string, containerPort = '80/tcp', HostIp = '') => ({
    Image: 'nginx',
    HostConfig: { PortBindings: { [containerPort]: [{ HostIp, HostPort }] } },
  });

  it('place one container per node, then explain', () => {
    const cluster = new FixtureCluster(BEES);
    const placed = [1, 2, 3].map((i) => outcomeOf(cluster.run(publish('80'), `web_${i}`)));
    expect(placed.toSorted()).toEqual(['queen', 'worker-1', 'worker-2']);
    expect(outcomeOf(cluster.run(publish('80'), 'web_4'))).toBe(
      'Unable to find a node that satisfies the following conditions: host port 80/tcp is taken ' +
        '(3 of 3 nodes: queen, worker-1, worker-2)',
    );
  });

  it.each([
    ['another protocol is free', publish('80', '80/udp'), 'worker-1'],
    ['the same port is taken', publish('80'), 'worker-2'],
    ['one address of it too', publish('80', '80/tcp', '10.0.0.1'), 'worker-2'],
    ['a range has room', publish('80-81'), 'worker-1'],
    ['the engine chooses', publish(''), 'worker-1'],
    ['host network', { ExposedPorts: { '80/tcp': {} }, HostConfig: { NetworkMode: 'host' } }, 'worker-2'],
  ])('%s', (_name, body, expected) => {
    expect(outcomeOf(bees().run(body, 'new'))).toBe(expected);
  });

  it('say which port and address is missing', () => {
    const cluster = new FixtureCluster([{ name: 'only' }]);
    const body = { HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '::1', HostPort: '80-81' }] } } };
    for (const name of ['a', 'b']) cluster.run(body, name);
    expect(outcomeOf(cluster.run(body, 'c'))).toContain('host port [::1]:80-81/tcp is taken');
  });
});

describe('a port on one host address', () => {
  const hosts = (): FixtureCluster =>
    new FixtureCluster(['a', 'b', 'c'].map((name, i) => ({ name, address: `10.0.0.${i + 1}` })));
  const on = (...addresses: string[]): object => ({
    HostConfig: { PortBindings: { '80/tcp': addresses.map((HostIp) => ({ HostIp, HostPort: '80' })) } },
  });

  it('goes to the node that has it', () => {
    const cluster = hosts();
    expect(outcomeOf(cluster.run(on('10.0.0.3'), 'x'))).toBe('c');
    expect(outcomeOf(cluster.run(on('10.0.0.2'), 'y'))).toBe('b');
    expect(outcomeOf(cluster.run(on('10.0.0.3'), 'z'))).toMatch(
      /does not have the host address 10\.0\.0\.3 \(2 of 3 nodes: a, b\); host port 10\.0\.0\.3:80\/tcp is taken \(1 of 3 nodes: c\)/,
    );
  });

  it.each([[''], ['0.0.0.0'], ['::'], ['127.0.0.1'], ['127.0.1.1'], ['::1'], ['[::1]']])('%j is every node’s', (ip) => {
    const cluster = hosts();
    expect([1, 2, 3].map((i) => outcomeOf(cluster.run(on(ip), `c${i}`)))).toEqual(['a', 'b', 'c']);
    expect(outcomeOf(cluster.run(on(ip), 'c4'))).toContain('is taken');
  });

  it('of no known node is refused, unless the container is bound to a node', () => {
    expect(outcomeOf(hosts().run(on('10.9.9.9'), 'x'))).toContain(
      'no known node has the host address 10.9.9.9: publish on an address of a node, or name the node that has it',
    );
    expect(outcomeOf(hosts().run({ ...on('10.9.9.9'), Env: ['constraint:node==b'] }, 'x'))).toBe('b');
    expect(outcomeOf(hosts().run({ ...on('10.0.0.3'), Env: ['constraint:node==b'] }, 'x'))).toContain(
      'does not have the host address',
    );
  });

  it('on two nodes’ addresses fits nowhere', () => {
    expect(outcomeOf(hosts().run(on('10.0.0.1', '10.0.0.3'), 'x'))).toContain('does not have the host address');
  });
});

describe('dependencies', () => {
  it.each([
    ['--volumes-from', { VolumesFrom: ['frontend:ro'] }, 'worker-1'],
    ['--link', { Links: ['db:database'] }, 'worker-2'],
    ['--net', { NetworkMode: 'container:busy-1' }, 'queen'],
    ['--pid', { PidMode: 'container:db' }, 'worker-2'],
    ['--ipc', { IpcMode: 'container:queen/busy-2' }, 'queen'],
    ['two on one node', { Links: ['busy-1:a', 'busy-2:b'] }, 'queen'],
    ['two on two nodes', { Links: ['db:a', 'busy-2:b'] }, /--link db is on worker-2, --link busy-2 is on queen/],
    ['unknown', { Links: ['gone:a'] }, /--link gone: no such container/],
    ['links that are names in a network', { NetworkMode: 'front', Links: ['gone:a', 'db:b'] }, /^worker-1$/],
    ['ambiguous', { VolumesFrom: ['c000'] }, /--volumes-from c000 is ambiguous: it can be worker-1\/frontend,/],
  ])('%s', (_name, HostConfig, expected) => {
    const outcome = outcomeOf(bees().run({ HostConfig }, 'new'));
    if (typeof expected === 'string') expect(outcome).toBe(expected);
    else expect(outcome).toMatch(expected);
  });
});

describe('the other filters', () => {
  it('containerslots', () => {
    const cluster = new FixtureCluster([{ name: 'tiny', labels: { containerslots: '1' } }]);
    expect(outcomeOf(cluster.run({}, 'a'))).toBe('tiny');
    expect(outcomeOf(cluster.run({}, 'b'))).toContain('all container slots are in use (label containerslots=1)');
  });

  it.each([
    ['3', 3],
    ['0', 0],
    ['many', undefined],
    ['-1', undefined],
    ['1.5', undefined],
  ])('containerslots=%s', (label, slots) => {
    expect(slotsOf(new Map([['containerslots', label]]))).toBe(slots);
  });

  it('whitelist', () => {
    expect(runEnv('whitelist:node==queen|worker-2')).toBe('worker-2');
    expect(runEnv('whitelist:node==queen|worker-2', 'whitelist:node==queen')).toBe('queen');
    expect(runEnv('whitelist:node==nobody')).toContain('not in the whitelist node==nobody');
  });

  it('platform', () => {
    const at = (platform: string): string => {
      const { request } = parsePlacement({}, { platform });
      return outcomeOf(bees().place(request, 'new'));
    };
    expect(at('windows/amd64')).toBe('worker-2');
    expect(at('linux/amd64')).toBe('worker-1');
    expect(at('linux/arm64')).toContain('does not run linux/arm64 (3 of 3 nodes');
  });

  it('home and exclusion', () => {
    const { request } = parsePlacement({});
    const homes = [{ nodeId: 'id-of-queen', reason: 'volume data is on queen' }];
    expect(outcomeOf(bees().place({ ...request, homes }, 'new'))).toBe('queen');
    const excluded = new Map([['id-of-queen', 'image not found']]);
    expect(outcomeOf(bees().place({ ...request, homes, excluded }, 'new'))).toContain(
      'volume data is on queen (2 of 3 nodes: worker-1, worker-2); image not found (1 of 3 nodes: queen)',
    );
  });

  it('can be left out', () => {
    const filters = ['health', 'port'];
    expect(outcomeOf(bees().run({ Env: ['constraint:storage==tape'] }, 'new', { filters }))).toBe('worker-1');
    const sick = new FixtureCluster([{ name: 'sick', isHealthy: false }]);
    expect(outcomeOf(sick.run({}, 'new', { filters: ['port'] }))).toBe('sick');
  });
});

describe('resources', () => {
  it.each([
    ['what fits exactly with the overcommit', memory(2.1), {}, 'bee'],
    ['no byte more', { HostConfig: { Memory: 2.1 * GIB + 2 } }, {}, /no resources available/],
    ['no overcommit', memory(2.1), { overcommit: 0 }, /no resources available/],
    ['double', memory(4), { overcommit: 1 }, 'bee'],
    ['CPUs with the overcommit, also below 20', { HostConfig: { NanoCpus: 2.1e9 } }, {}, 'bee'],
    ['CPUs beyond it', { HostConfig: { NanoCpus: 2.2e9 } }, {}, /2\.2 CPUs requested, at most 2\.1 free on bee/],
    ['a soft reservation', { HostConfig: { MemoryReservation: 3 * GIB } }, {}, /3 GiB of memory requested/],
    ['random checks too', memory(4), { strategy: 'random' }, /4 GiB of memory requested, at most 2\.1 GiB free on bee/],
  ] as const)('%s', (_name, body, choices: SchedulerChoices, expected) => {
    const outcome = outcomeOf(new FixtureCluster([{ name: 'bee' }]).run(body, 'new', choices));
    if (typeof expected === 'string') expect(outcome).toBe(expected);
    else expect(outcome).toMatch(expected);
  });

  it('names the roomiest node', () => {
    const cluster = new FixtureCluster([{ name: 'a' }, { name: 'b', memoryBytes: 8 * GIB }]);
    expect(outcomeOf(cluster.run(memory(16), 'new', { overcommit: 0 }))).toBe(
      'no resources available to schedule container: 16 GiB of memory requested, at most 8 GiB free on b ' +
        '(2 of 2 nodes: a, b)',
    );
  });
});

describe('refusals', () => {
  it.each([
    ['NO_NODES', [], {}, /^No nodes available in the cluster/],
    [
      'NO_HEALTHY_NODE',
      [{ name: 'a', isHealthy: false }],
      {},
      /^No healthy node available in the cluster: unhealthy \(1/,
    ],
    [
      'NO_RESOURCES',
      [{ name: 'a', isHealthy: false }, { name: 'b' }],
      memory(64),
      /^no resources available to schedule/,
    ],
    [
      'NO_NODE',
      [{ name: 'a' }],
      { Env: ['constraint:storage==ssd'] },
      /^Unable to find a node that satisfies the foll/,
    ],
    [
      'NO_NODE',
      [
        { name: 'a', availability: 'pause' as const },
        { name: 'b', isHealthy: false },
      ],
      { Env: ['constraint:storage==ssd'] },
      /: (paused \(1 of 2 nodes: a\); unhealthy|unhealthy \(1 of 2 nodes: b\); paused) \(1 of 2/,
    ],
  ])('%s', (code, specs, body, message) => {
    const placement = new FixtureCluster(specs).run(body, 'new');
    if (placement.kind !== 'refused') throw new Error('expected a refusal');
    expect(placement.message).toMatch(message);
    expect(toError(placement)).toMatchObject({ code, status: 500, message: placement.message });
  });

  it('read as the documentation shows', () => {
    const cluster = new FixtureCluster([
      { name: 'rainha', labels: { storage: 'ssd' } },
      { name: 'operaria-1' },
      { name: 'operaria-2' },
    ]);
    const body = {
      Env: ['constraint:storage==ssd'],
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '80' }] } },
    };
    expect(outcomeOf(cluster.run(body, 'a'))).toBe('rainha');
    expect(outcomeOf(cluster.run(body, 'b'))).toBe(
      'Unable to find a node that satisfies the following conditions: constraint storage==ssd is not met ' +
        '(2 of 3 nodes: operaria-1, operaria-2); host port 80/tcp is taken (1 of 3 nodes: rainha)',
    );
  });

  it('start with the most frequent reason and name a few nodes', () => {
    const specs = Array.from({ length: 6 }, (_, i) => ({ name: `n${i}`, isHealthy: i > 0 }));
    const placement = new FixtureCluster(specs).run({ Env: ['constraint:storage==ssd'] }, 'new');
    expect(outcomeOf(placement)).toBe(
      'Unable to find a node that satisfies the following conditions: constraint storage==ssd is not met: no node has ' +
        'the label storage (5 of 6 nodes: n1, n2, n3 and 2 more); unhealthy (1 of 6 nodes: n0)',
    );
  });

  it('never say no while a lower ranked node would do', () => {
    const specs = Array.from({ length: 50 }, (_, i) => ({ name: `n${i}`, labels: { last: String(i === 49) } }));
    const cluster = new FixtureCluster(specs);
    const { request } = parsePlacement({ Env: ['constraint:last==true'] });
    for (let i = 0; i < 5; i += 1) cluster.add('n49', `c${i}`, NOTHING);
    expect(outcomeOf(schedule(request, cluster, schedulerOptions()))).toBe('n49');
  });
});

function memory(gib: number): unknown {
  return { HostConfig: { Memory: gib * GIB } };
}
