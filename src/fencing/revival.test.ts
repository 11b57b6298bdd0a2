import { afterEach, describe, expect, test } from 'vitest';
import type { ContainerSeed } from '../../simulator/container.ts';
import { FakeCluster } from '../../test/fakes/fake-cluster.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { DesiredState } from '../desired/desired-state.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import { type ContainerRecord, RECORD_FORMAT, type RecordBody } from '../desired/record.ts';
import { Revival } from './revival.ts';

const BODY: RecordBody = {
  format: RECORD_FORMAT,
  source: { text: '{"Image":"redis"}', api: '1.47' as RecordBody['source']['api'], largestNodeCpus: 2 },
  amendments: [],
};
const SERVICE = { restart: 'no', isOfService: true, priority: 0 };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function world(container: ContainerSeed, changes: Partial<ContainerRecord>, defaultPolicy: MovePolicy = 'auto') {
  const fake = await FakeCluster.start([{ containers: [{ name: 'web', ...container }] }]);
  const { engine, node } = fake.at(0);
  const [web] = [...engine.state.containers.values()];
  if (!web) throw new Error('no container');
  const desired = await DesiredState.open({ ...memoryRecords(), bodies: memoryRecords().records });
  const nodeId = engine.state.profile.id;
  const record: ContainerRecord = {
    format: RECORD_FORMAT,
    key: 'a',
    name: 'web',
    wanted: 'running',
    terms: SERVICE,
    current: { nodeId, attempt: 'a', generation: 0, engineId: web.id },
    ...changes,
  };
  await desired.add(record, BODY);
  const started: string[] = [];
  const revival = new Revival({
    cluster: fake.cluster,
    desired,
    startContainer: async ({ name, engineId }) => {
      started.push(name);
      const found = engine.state.containers.get(engineId);
      if (found) engine.state.start(found);
    },
    defaultPolicy,
    clock: systemClock,
    logger: silentLogger(),
  });
  closing.push(
    () => fake.close(),
    () => revival.stop(),
  );
  return { engine, node, web, revival, started };
}

type World = Awaited<ReturnType<typeof world>>;

/** The node is missed and comes back; `meanwhile` is what happens on its host. */
async function away({ engine, node }: World, meanwhile: () => void): Promise<void> {
  await engine.apply({ kind: 'refuse' });
  await waitUntil(() => !node.isHealthy);
  meanwhile();
  await engine.apply({ kind: 'none' });
  await waitUntil(() => node.isHealthy);
}

/** Resolves, once its reservations are read, with what waits until it is looked at again. */
async function looks({ engine, web }: World): Promise<() => Promise<void>> {
  const count = (): number => engine.requestsTo(`GET /containers/${web.id}/json`).length;
  await waitUntil(() => count() > 0);
  const before = count();
  return () => waitUntil(() => count() > before);
}

describe('a node that comes back with its engine restarted', () => {
  test.each([
    { what: 'a service', changes: {} },
    { what: 'one that goes on running', changes: { terms: { restart: 'always', priority: 0 } } },
    { what: 'one that moves always', changes: { terms: { restart: 'no', policy: 'on-node-failure', priority: 0 } } },
    { what: 'one that is bound to it', changes: { terms: { ...SERVICE, boundBy: 'volume "data"' } } },
  ] satisfies { what: string; changes: Partial<ContainerRecord> }[])('has $what started', async ({ changes }) => {
    const at = await world({}, changes);
    at.revival.start();
    await away(at, () => at.engine.state.stop(at.web, 0));
    await waitUntil(() => at.web.state === 'running');
    expect(at.started).toEqual(['web']);
  });

  test.each([
    { what: 'a transient one', changes: { terms: { ...SERVICE, isTransient: true } } },
    { what: 'one that ended', changes: { ended: { exitCode: 0, atMs: 1 } } },
    { what: 'one that was stopped', changes: { wanted: 'stopped' } },
    { what: 'one that was never started', changes: { wanted: 'created' } },
    { what: 'one that is no service and does not go on', changes: { terms: { restart: 'no', priority: 0 } } },
    { what: 'one that never moves', changes: { terms: { ...SERVICE, policy: 'off' } } },
  ] satisfies { what: string; changes: Partial<ContainerRecord> }[])('has not $what started', async ({ changes }) => {
    const at = await world({}, changes);
    at.revival.start();
    await away(at, () => at.engine.state.stop(at.web, 137));
    await at.revival.stop();
    expect(at.started).toEqual([]);
  });

  test('has nothing started that had finished before', async () => {
    const at = await world({}, {});
    at.revival.start();
    const looked = await looks(at);
    await away(at, () => {
      at.engine.state.stop(at.web, 0);
      at.web.finishedAt -= 3_600_000;
    });
    await looked();
    await at.revival.stop();
    expect(at.started).toEqual([]);
  });
});

test.each([
  { exitCode: 137, starts: true },
  { exitCode: 255, starts: true },
  { exitCode: 0, starts: false },
  { exitCode: 1, starts: false },
])('a manager that starts tells by exit code $exitCode whether an end was its own', async ({ exitCode, starts }) => {
  const at = await world({ state: 'exited', exitCode }, {});
  const looked = await looks(at);
  at.revival.start();
  await looked();
  if (starts) await waitUntil(() => at.started.length > 0);
  await at.revival.stop();
  expect(at.started).toEqual(starts ? ['web'] : []);
});
