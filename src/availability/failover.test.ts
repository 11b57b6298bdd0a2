import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import type { Notice } from '../notify/notice.ts';
import { Placer } from '../scheduler/placer.ts';
import { schedulerOptions } from '../scheduler/scheduler.ts';
import { DRILL_REASON } from './drills.ts';
import { Failover } from './failover.ts';
import { KnownHealthy } from './known-healthy.ts';
import { planLost } from './plan-lost.ts';
import { TcpWitness, type Witness } from './witness.ts';

const CALL = { api: '1.44', signal: new AbortController().signal } as const;
const ALWAYS = { HostConfig: { RestartPolicy: { Name: 'always' } } };

interface World {
  readonly world: FakeLifecycle;
  readonly failover: Failover;
  readonly told: Notice[];
  /** The names in each plan so far. */
  readonly planned: string[][];
  run(name: string, body?: object): Promise<string>;
  lose(...indexes: readonly number[]): Promise<void>;
  /** Somebody sets the machine's clock. */
  setClock(byMs: number): void;
}

async function inWorld(count: number, act: (world: World) => Promise<void>, witness?: Witness): Promise<void> {
  await using world = await FakeLifecycle.start(Array.from({ length: count }, () => ({ images: ['redis:latest'] })));
  const { cluster } = world.fake;
  const told: Notice[] = [];
  const planned: string[][] = [];
  const placer = new Placer(cluster, schedulerOptions());
  let setMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + setMs };
  const setClock = (byMs: number): void => {
    setMs += byMs;
  };
  const shared = { cluster, desired: world.desired, clock, logger: silentLogger() };
  const known = await KnownHealthy.open({ ...memoryRecords(), cluster });
  for (const node of world.fake.nodes) cluster.setState(node, 'Unhealthy', 'for the test');
  for (const node of world.fake.nodes) cluster.setState(node, 'Healthy', '');
  await waitUntil(() => known.nodes().length === count);
  const leases = { never: () => undefined, notYet: () => undefined, refusals: () => new Map() };
  const failover = new Failover(
    {
      ...shared,
      lifecycle: world.lifecycle,
      known,
      witness,
      plan: (nodes, records) => {
        planned.push(records.map(({ name }) => name).sort());
        return planLost(
          { ...shared, placer, leases, networks: world.networks, volumes: world.volumes },
          'auto',
          { kind: 'failover', ...nodes },
          records,
        );
      },
      tell: (notice) => void told.push(notice),
    },
    { graceMs: 50 },
  );
  failover.start();
  const run = async (name: string, body: object = ALWAYS): Promise<string> => {
    const id = await world.made(name, body);
    await world.lifecycle.operate(cluster.container(id), { kind: 'start', search: '' }, CALL);
    return id;
  };
  const lose = async (...indexes: readonly number[]): Promise<void> => {
    await Promise.all(indexes.map((index) => world.fake.at(index).engine.apply({ kind: 'refuse' })));
    await waitUntil(() => indexes.every((index) => !world.fake.at(index).node.isHealthy));
  };
  try {
    await act({ world, failover, told, planned, run, lose, setClock });
  } finally {
    await failover.stop();
  }
}

describe('when a node is back without its data', () => {
  test('what should run there is made anew, there too, and what would begin with an empty volume says so', async () => {
    await inWorld(1, async ({ world, told, run, failover }) => {
      const { node, engine } = world.fake.at(0);
      const id = await run('web');
      const db = await run('db', { HostConfig: { ...ALWAYS.HostConfig, Binds: ['data:/data'] } });
      await run('once', {});
      const created = await world.made('created');
      for (const container of [...engine.state.containers.values()]) engine.state.remove(container);
      await node.refreshAllContainers();
      for (const { key } of [...world.desired.all()])
        await world.desired.change(key, (record) => ({ ...record, dataLostMs: Date.now() }));
      const { cluster } = world.fake;
      await waitUntil(
        () => cluster.findContainer('web')?.state === 'running' && cluster.findContainer('created') !== undefined,
      );
      expect([cluster.container('web').id, cluster.container('created').id]).toEqual([id, created]);
      expect(cluster.container('created').state).toBe('created');
      await waitUntil(() => eventsOf(told, 'waiting').length >= 2);
      expect([cluster.findContainer(db), cluster.findContainer('once')]).toEqual([undefined, undefined]);
      expect(eventsOf(told, 'waiting').sort()).toEqual(['db', 'once']);
      expect([...failover.problems()].sort()).toEqual([
        expect.stringMatching(/^WARNING: container db of node node-1 is gone: .*would begin without volume "data"/),
        expect.stringMatching(/^WARNING: container once of node node-1 is gone: .*docker rm once/),
      ]);
      await waitUntil(() => [...world.desired.all()].every(({ stale }) => stale === undefined));
    });
  });
});

function eventsOf(told: readonly Notice[], event: Notice['event']): string[] {
  return told.flatMap((notice) => (notice.event === event ? (notice.container?.name ?? notice.node ?? '') : []));
}

describe('when a node is lost', () => {
  test('what should run there runs elsewhere, and the rest says once why it waits', async () => {
    await inWorld(3, async ({ world, told, run, lose, failover }) => {
      const on = { Env: ['constraint:node==node-1'] };
      const id = await run('web');
      await run('pinned', { ...ALWAYS, ...on });
      await run('once', on);
      await world.made('created', on);
      expect(world.nodeOf('web')).toBe('node-1');
      await lose(0);
      await waitUntil(
        () => world.nodeOf('web') !== 'node-1' && world.fake.cluster.container('web').state === 'running',
      );
      expect(world.fake.cluster.container('web').id).toBe(id);
      const { node } = world.fake.at(0);
      const reasonOf = (name: string): string | undefined =>
        node.waitingReason(world.fake.cluster.container(name).engineId);
      await waitUntil(() => reasonOf('pinned') !== undefined && reasonOf('once') !== undefined);
      expect(reasonOf('pinned')).toMatch(/node==node-1/);
      expect(reasonOf('once')).toMatch(/^stays: its restart policy is no/);
      expect(reasonOf('created')).toBeUndefined();
      failover.resume(); // Plans again at once.
      await waitUntil(() => eventsOf(told, 'moved').length > 0);
      expect(eventsOf(told, 'moved')).toEqual(['web']);
      expect(eventsOf(told, 'node-lost')).toEqual(['node-1']);
      // What its client keeps there is nobody's worry.
      expect(eventsOf(told, 'waiting')).toEqual(['pinned']);
      await world.fake.at(0).engine.apply({ kind: 'none' });
      await waitUntil(() => node.isHealthy);
      expect(reasonOf('pinned')).toBeUndefined();
      expect(eventsOf(told, 'node-back')).toEqual(['node-1']);
    });
  });

  test('those that share a node are planned together again, and say why they wait once', async () => {
    await inWorld(3, async ({ world, told, planned, run, lose }) => {
      await run('once', { Env: ['constraint:node==node-1'] });
      const HostConfig = { ...ALWAYS.HostConfig, NetworkMode: 'container:once' };
      for (const name of ['s1', 's2', 's3', 's4', 's5']) await run(name, { HostConfig });
      expect(world.nodeOf('s5')).toBe('node-1');
      await lose(0);
      await waitUntil(() => planned.length >= 3);
      for (const names of planned) expect(names).toEqual(['once', 's1', 's2', 's3', 's4', 's5']);
      expect(eventsOf(told, 'waiting').sort()).toEqual(['s1', 's2', 's3', 's4', 's5']);
    });
  });

  test('what Compose is about to replace is left to it, until the replacement was given up', async () => {
    await inWorld(3, async ({ world, failover, run, lose }) => {
      const Labels = {
        'com.docker.compose.project': 'p',
        'com.docker.compose.service': 'web',
        'com.docker.compose.container-number': '1',
      };
      await run('p-web-1', { ...ALWAYS, Labels });
      await world.made('new', {
        ...ALWAYS,
        Labels: { ...Labels, 'com.docker.compose.replace': 'web-1' },
        Env: ['constraint:node==node-2'],
      });
      expect(world.nodeOf('p-web-1')).toBe('node-1');
      await lose(0);
      const old = world.fake.cluster.container('p-web-1');
      await waitUntil(() => old.node.waitingReason(old.engineId) !== undefined);
      expect(old.node.waitingReason(old.engineId)).toBe('waits: new is about to replace it');
      const [made] = [...world.fake.at(1).engine.state.containers.values()];
      if (!made) throw new Error('no replacement');
      Object.assign(made, { createdAt: made.createdAt - 600_000 });
      await world.fake.at(1).node.refreshContainers([made.id]);
      failover.resume(); // Plans again at once.
      await waitUntil(() => world.nodeOf('p-web-1') !== 'node-1');
    });
  });

  test('notices of a drill say so', async () => {
    await inWorld(3, async ({ world, told }) => {
      const { node } = world.fake.at(0);
      world.fake.cluster.setState(node, 'Unhealthy', DRILL_REASON);
      await waitUntil(() => eventsOf(told, 'node-lost').length > 0);
      world.fake.cluster.setState(node, 'Healthy', '');
      await waitUntil(() => eventsOf(told, 'node-back').length > 0);
      expect(told.map(({ text }) => text)).toEqual([
        'node node-1 is lost: drill: treated as lost',
        'node node-1 is back from a drill',
      ]);
    });
  });

  test.each([
    ['', 0],
    [', also when the clock is set back meanwhile', -3_600_000],
    [', also when the clock is set forward meanwhile', 3_600_000],
  ])(
    'a move that fails is tried again until it succeeds%s',
    async (_, byMs) => {
      await inWorld(3, async ({ world, told, run, lose, setClock }) => {
        await run('web');
        let failures = 0;
        const ends = [1, 2].map((index) =>
          world.fake.at(index).engine.on('POST /containers/create', (exchange) => {
            failures += 1;
            exchange.error(500, 'no space left on device');
            return true;
          }),
        );
        await lose(0);
        await waitUntil(() => failures > 0 && eventsOf(told, 'waiting').length > 0);
        expect(told.find(({ event }) => event === 'waiting')?.why).toMatch(/no space left/);
        setClock(byMs);
        for (const end of ends) end();
        await waitUntil(() => world.nodeOf('web') !== 'node-1');
      });
    },
    30_000,
  );

  test('a node that is back keeps what was not moved yet', async () => {
    await inWorld(2, async ({ world, run, lose }) => {
      const id = await run('web');
      const end = world.fake.at(1).engine.stall('POST /containers/create');
      await lose(0);
      await waitUntil(() => world.fake.at(1).engine.requestsTo('POST /containers/create').length > 0);
      await world.fake.at(0).engine.apply({ kind: 'none' });
      await waitUntil(() => world.fake.at(0).node.isHealthy);
      end();
      await waitUntil(() => world.desired.index.byId(id)?.move === undefined);
      expect(world.nodeOf('web')).toBe('node-1');
      await waitUntil(() => world.fake.at(1).engine.state.containers.size === 0);
    });
  });
});

describe('the brake', () => {
  test('holds while most nodes are silent, and ends when they are back', async () => {
    await inWorld(5, async ({ world, failover, told, run, lose }) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) await run(name);
      await lose(0, 1, 2);
      await waitUntil(() => failover.brake.why !== undefined);
      expect(failover.brake.why).toBe('2 of 5 nodes that were healthy answer');
      expect(failover.problems()[0]).toMatch(/enxame failover resume/);
      expect(eventsOf(told, 'brake-on')).toHaveLength(1);
      expect(eventsOf(told, 'moved')).toEqual([]);
      await world.fake.at(0).engine.apply({ kind: 'none' });
      await waitUntil(() => failover.brake.why === undefined);
      // The two that are still lost are dealt with now.
      await waitUntil(() => eventsOf(told, 'moved').length === 2);
    });
  }, 180_000);

  test('holds when nodes leave discovery because they do not answer', async () => {
    await inWorld(5, async ({ world, failover, told, run, lose }) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) await run(name);
      await lose(0, 1, 2);
      await waitUntil(() => failover.brake.why !== undefined);
      const { cluster } = world.fake;
      for (const index of [0, 1]) cluster.removeNode(world.fake.at(index).node);
      expect(await failover.brake.mayMove(new AbortController().signal)).toBe(false);
      await waitUntil(() => failover.brake.forecast(new Set()).of === 3);
      expect(failover.brake.why).toBe('2 of 5 nodes that were healthy answer');
      failover.resume();
      await waitUntil(() => eventsOf(told, 'moved').length === 1);
    });
  });

  test('is let go by an operator', async () => {
    await inWorld(3, async ({ world, failover, told, run, lose }) => {
      for (const name of ['a', 'b', 'c']) await run(name);
      await lose(0, 1);
      await waitUntil(() => failover.brake.why !== undefined);
      failover.resume();
      await waitUntil(() => eventsOf(told, 'moved').length === 2);
      expect(['a', 'b', 'c'].map((name) => world.nodeOf(name))).toEqual(Array(3).fill('node-3'));
      expect(eventsOf(told, 'brake-off')).toHaveLength(1);
    });
  });

  test('does not hold while a witness answers', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { readonly port: number };
    const witness = new TcpWitness({ host: '127.0.0.1', port }, systemClock);
    try {
      await inWorld(
        3,
        async ({ failover, told, run, lose }) => {
          for (const name of ['a', 'b', 'c']) await run(name);
          await lose(0, 1);
          await waitUntil(() => eventsOf(told, 'moved').length === 2);
          expect(failover.brake.why).toBeUndefined();
        },
        witness,
      );
    } finally {
      server.close();
    }
    expect(await witness.answers(AbortSignal.timeout(5_000))).toBe(false);
  });
});
