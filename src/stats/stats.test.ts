import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { Cluster } from '../cluster/cluster.ts';
import { Node } from '../cluster/node.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { History, limitsFor } from './history.ts';
import { Sampler, type SamplerOptions } from './sampler.ts';
import { NO_USAGE, readCounted, usageBetween } from './usage.ts';

/** What an engine with cgroup v1 answers, shortened. */
const ANSWER = {
  read: '2026-01-02T03:04:05.5Z',
  cpu_stats: { cpu_usage: { total_usage: 2_000_000_000 } },
  memory_stats: { usage: 10_000_000, limit: 64_000_000, stats: { total_inactive_file: 4_000_000, inactive_file: 1 } },
  networks: { eth0: { rx_bytes: 100, tx_bytes: 10 }, eth1: { rx_bytes: 5, tx_bytes: 1 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: 'Read', value: 4_096 },
      { op: 'Write', value: 8_192 },
      { op: 'Total', value: 12_288 },
    ],
  },
};

describe('what an engine counted', () => {
  test('is read with cgroup v1 and v2', () => {
    expect(readCounted(JSON.stringify(ANSWER))).toEqual({
      readMs: Date.parse('2026-01-02T03:04:05.5Z'),
      cpuNs: 2e9,
      memory: 6_000_000,
      memoryLimit: 64_000_000,
      received: 105,
      sent: 11,
      read: 4_096,
      written: 8_192,
    });
    const second = {
      ...ANSWER,
      memory_stats: { usage: 10, limit: 20, stats: { inactive_file: 3 } },
      blkio_stats: { io_service_bytes_recursive: [{ op: 'read', value: 1 }] },
    };
    expect(readCounted(JSON.stringify(second))).toMatchObject({ memory: 7, read: 1, written: 0 });
  });

  test.each([
    ['a container that does not run', { ...ANSWER, memory_stats: {} }],
    ['no time', { ...ANSWER, read: '0001-01-01T00:00:00Z' }],
    ['no CPU', { ...ANSWER, cpu_stats: null }],
    ['something else', []],
  ])('is nothing for %s', (_, answer) => {
    expect(readCounted(JSON.stringify(answer))).toBeUndefined();
  });

  test('never becomes a number that is none, whatever an engine says', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (a, b) => {
        const answer = {
          ...ANSWER,
          networks: JSON.parse(a),
          blkio_stats: { io_service_bytes_recursive: JSON.parse(b) },
        };
        for (const value of Object.values(readCounted(JSON.stringify(answer)) ?? {}))
          expect(Number.isFinite(value) && value >= 0).toBe(true);
      }),
    );
  });

  test('gives rates, unless the container was started anew in between', () => {
    const before = readCounted(JSON.stringify(ANSWER));
    if (!before) throw new Error('not read');
    const after = { ...before, readMs: before.readMs + 2_000, cpuNs: 3e9, received: 305, written: 0 };
    expect(usageBetween(before, after)).toEqual({ ...NO_USAGE, cpus: 0.5, memory: 6_000_000, received: 100 });
    expect(usageBetween(after, { ...before, readMs: after.readMs + 1 })).toBeUndefined();
    expect(usageBetween(before, before)).toBeUndefined();
  });
});

describe('a history', () => {
  const limits = limitsFor(1, 1e9);

  test('has an hour of samples and a day of means', () => {
    const history = new History();
    const from = 1_800_000_000;
    for (let second = 0; second <= 90_000; second += 10)
      history.add(from + second, { ...NO_USAGE, cpus: second % 600 < 300 ? 1 : 3 }, limits);
    const hour = history.hour(from + 90_000);
    expect(hour.length).toBeGreaterThan(350);
    expect(hour.at(-1)).toEqual([from + 90_000, 1, 0, 0, 0, 0, 0]);
    expect(hour[0]?.[0]).toBeGreaterThanOrEqual(from + 86_400);
    const day = history.day(from + 90_000);
    expect(day.length).toBeGreaterThan(280);
    expect(new Set(day.map(([, cpus]) => cpus))).toEqual(new Set([1, 3]));
    expect(day[0]?.[0]).toBeGreaterThanOrEqual(from + 3_600);
  });

  test('stays within its bound for any number of things, oldest points first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40_000 }), { maxLength: 60 }), (counts) => {
        const history = new History();
        let seconds = 1_800_000_000;
        let last = limitsFor(1, 1e6);
        for (const count of counts) {
          last = limitsFor(count, 1e6);
          for (let samples = 0; samples < 20; samples += 1) {
            seconds += 60;
            history.add(seconds, NO_USAGE, last);
          }
        }
        const points = history.hour(seconds);
        expect(points.length).toBeLessThanOrEqual(last.finePoints);
        const times = points.map(([time]) => time ?? 0);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
    );
    expect(limitsFor(30_000, 64e6).finePoints * 2 * 28 * 30_000).toBeLessThanOrEqual(64e6);
  });

  test('takes no more memory than its limits say', () => {
    const history = new History();
    for (let at = 0; at < 100_000; at += 10) history.add(1_800_000_000 + at, NO_USAGE, limits);
    expect(history.bytes).toBeLessThanOrEqual((limits.finePoints + limits.coarsePoints) * 28);
    const few = limitsFor(1_000_000, 1e6);
    for (let at = 0; at < 3 * 86_400; at += 60) history.add(1_800_200_000 + at, NO_USAGE, few);
    expect(history.bytes).toBeLessThanOrEqual((few.finePoints + few.coarsePoints) * 28);
    // A short history tells the whole hour and the whole day all the same.
    const now = 1_800_200_000 + 3 * 86_400;
    expect(now - (history.hour(now)[0]?.[0] ?? 0)).toBeGreaterThan(2_700);
    expect(now - (history.day(now)[0]?.[0] ?? 0)).toBeGreaterThan(64_800);
  });
});

const started: Sampler[] = [];
afterEach(() => {
  for (const each of started.splice(0)) each.close();
});

/** A sampler over nodes whose engines are functions. */
function world(
  names: readonly string[],
  options: SamplerOptions,
): {
  readonly clock: FakeClock;
  readonly cluster: Cluster;
  readonly sampler: Sampler;
  readonly asked: string[];
  readonly nodes: readonly Node[];
  answer: (node: string, id: string) => Promise<Partial<typeof ANSWER> | undefined>;
  list(node: number, ids: readonly string[], state?: string): void;
} {
  const clock = new FakeClock();
  const cluster = new Cluster({ clock, logger: silentLogger() });
  const asked: string[] = [];
  const nodes = names.map((name) => {
    const client = new EngineClient(nowhere());
    client.request = async ({ path }): Promise<EngineAnswer> => {
      const id = path.split('/')[2]?.replace(/0+$/, '') ?? '';
      asked.push(`${name} ${id}`);
      const answer = await result.answer(name, id);
      return {
        statusCode: answer ? 200 : 404,
        headers: new Map(),
        body: Buffer.from(JSON.stringify({ ...ANSWER, ...answer })),
      } as unknown as EngineAnswer;
    };
    const node = new Node(`${name}:2375`, client, '10.0.0.9');
    cluster.addNode(node);
    cluster.setInfo(node, engineInfo(name, `id-${name}`));
    cluster.setState(node, 'Healthy', '');
    return node;
  });
  const sampler = new Sampler({ cluster, clock, random: () => 0.5 }, options);
  started.push(sampler);
  sampler.start();
  const result = {
    clock,
    cluster,
    sampler,
    asked,
    nodes,
    // CPU time grows by half a second for each second.
    answer: async (_node: string, _id: string): Promise<Partial<typeof ANSWER> | undefined> => ({
      read: new Date(clock.now()).toISOString(),
      cpu_stats: { cpu_usage: { total_usage: clock.now() * 5e5 } },
    }),
    list: (at: number, ids: readonly string[], state = 'running'): void => {
      const node = nodes[at];
      if (!node) throw new RangeError(`no node ${at}`);
      cluster.replaceContainers(
        node,
        ids.map((id) => containerSummary(id.padEnd(64, '0'), { State: state })),
      );
    },
  };
  return result;
}

async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let ms = 0; ms < seconds * 1_000; ms += 250) {
    await clock.advance(250);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  }
}

const idOf = (id: string): string => id.padEnd(64, '0');

describe('sampling', () => {
  test('gives containers that were never sampled no history of their own', () => {
    const { clock, sampler, list } = world(['one'], { intervalMs: 10_000 });
    list(0, ['a', 'b']);
    const [a, b] = ['a', 'b'].map((id) => sampler.container(idOf(id))?.history);
    expect(a).toBeDefined();
    expect(a).toBe(b);
    expect(a?.hour(clock.now() / 1_000)).toEqual([]);
    expect(a?.day(clock.now() / 1_000)).toEqual([]);
  });

  test('asks for each running container once an interval, and knows use and sums', async () => {
    const { clock, sampler, asked, list, nodes } = world(['one', 'two'], { intervalMs: 10_000 });
    list(0, ['a', 'b']);
    list(1, ['c']);
    await pass(clock, 60);
    for (const each of ['one a', 'one b', 'two c'])
      expect(asked.filter((all) => all === each).length).toBeCloseTo(6, -0.4);
    expect(sampler.container(idOf('a'))?.usage?.cpus).toBeCloseTo(0.5);
    expect(nodes.map((node) => sampler.node(node)?.usage?.cpus)).toEqual([1, 0.5]);
    expect(sampler.node(nodes[0] as Node)?.history.hour(clock.now() / 1_000).length).toBeGreaterThan(2);
    expect(sampler.container(idOf('a'))?.history.hour(clock.now() / 1_000).length).toBeGreaterThan(2);
    expect(sampler.container(idOf('a'))?.history).not.toBe(sampler.container(idOf('b'))?.history);
    list(0, ['a', 'b'], 'exited');
    expect(sampler.container(idOf('a'))?.usage).toBeUndefined();
    expect(sampler.node(nodes[0] as Node)?.usage).toBeUndefined();
    asked.length = 0;
    await pass(clock, 30);
    expect(new Set(asked)).toEqual(new Set(['two c']));
  });

  test('has a bound for all containers together, and takes turns', async () => {
    const { clock, asked, list, sampler } = world(['one'], { intervalMs: 1_000, perSecond: 4 });
    list(
      0,
      Array.from({ length: 40 }, (_, index) => `${index + 100}a`),
    );
    await pass(clock, 20);
    expect(asked.length).toBeLessThanOrEqual(81);
    expect(new Set(asked).size).toBe(40);
    expect(sampler.intervalSeconds).toBe(10);
  });

  test('waits for no engine that hangs, and asks it no more than it can bear', async () => {
    const engines = world(['one', 'two'], { intervalMs: 1_000 });
    const { clock, asked, list } = engines;
    const { answer } = engines;
    engines.answer = (node, id) => (node === 'one' ? new Promise(() => undefined) : answer(node, id));
    list(0, ['a', 'b', 'c', 'd']);
    list(1, ['e']);
    await pass(clock, 30);
    expect(asked.filter((each) => each.startsWith('one')).length).toBe(2);
    expect(asked.filter((each) => each === 'two e').length).toBeGreaterThan(20);
  });

  test('forgets what is gone, also of a node that is lost', async () => {
    const { clock, cluster, sampler, list, nodes } = world(['one', 'two'], { intervalMs: 1_000 });
    list(0, ['a']);
    list(1, ['b']);
    await pass(clock, 5);
    cluster.setState(nodes[0] as Node, 'Unhealthy', 'x');
    expect(sampler.container(idOf('a'))?.usage).toBeUndefined();
    expect(sampler.container(idOf('b'))?.usage).toBeDefined();
    cluster.removeNode(nodes[1] as Node);
    expect([sampler.container(idOf('b')), sampler.running.length]).toEqual([undefined, 1]);
  });

  test('knows exactly those that run, after any history', () => {
    const aStep = fc.record({
      node: fc.nat(1),
      ids: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e')),
      state: fc.constantFrom('running', 'exited'),
    });
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 30 }), (steps) => {
        const { sampler, list, nodes } = world(['one', 'two'], { intervalMs: 1_000 });
        for (const { node, ids, state } of steps) list(node, node === 0 ? ids : ids.map((id) => `${id}f`), state);
        const running = nodes.flatMap((node) =>
          [...node.containers.values()].filter(({ state }) => state === 'running'),
        );
        expect(new Set(sampler.running.map(({ container }) => container.id))).toEqual(
          new Set(running.map(({ id }) => id)),
        );
        expect(sampler.running.map(({ place }) => place)).toEqual(sampler.running.map((_, at) => at));
      }),
    );
  });
});

describe('GET /enxame/v1/stats', () => {
  const image = { images: ['redis:latest'] };

  test('tells the latest of nodes and containers, and histories', async () => {
    await using swarm = await FakeManager.start([image, image], { stats: { intervalMs: 1_000 } });
    const id = await swarm.create('one');
    await swarm.call('POST', `/containers/${id}/start`);
    await vi.waitFor(async () => {
      const { json } = await swarm.call('GET', '/enxame/v1/stats');
      expect(json).toMatchObject({
        running: 1,
        intervalSeconds: 1,
        containers: [{ id, name: 'one', memory: 10_000_000, memoryLimit: 134_217_728 }],
      });
      expect(json.nodes).toHaveLength(2);
      const { json: history } = await swarm.call('GET', '/enxame/v1/stats/containers/one?span=day');
      expect(history).toMatchObject({
        span: 'day',
        columns: ['time', 'cpus', 'memory', 'received', 'sent', 'read', 'written'],
      });
      expect(history.points[0]).toHaveLength(7);
    }, 180_000);
    const { json } = await swarm.call('GET', '/enxame/v1/stats/nodes/node-1');
    expect(json.span).toBe('hour');
    expect((await swarm.call('GET', '/enxame/v1/stats?search=ONE&sort=memory')).json.containers).toHaveLength(1);
    expect((await swarm.call('GET', '/enxame/v1/stats?search=two')).json.containers).toHaveLength(0);
    for (const [path, status] of [
      ['/enxame/v1/stats?sort=size', 400],
      ['/enxame/v1/stats?limit=5000', 400],
      ['/enxame/v1/stats/containers/none', 404],
      ['/enxame/v1/stats/nodes/none', 404],
      ['/enxame/v1/stats/containers/one?span=year', 400],
    ] as const)
      expect([path, (await swarm.call('GET', path)).status]).toEqual([path, status]);
  });

  test('says so when no samples are taken', async () => {
    await using swarm = await FakeManager.start([image]);
    const { status, json } = await swarm.call('GET', '/enxame/v1/stats');
    expect([status, json.message]).toEqual([503, 'this manager takes no samples: start it without --stats off']);
  });
});
