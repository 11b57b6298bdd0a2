import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { type Clock, systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { fenceOrders } from './agent-leases.ts';
import { FenceSwitch } from './fence-switch.ts';
import { Supervisor } from './supervisor.ts';

const SIGNAL = new AbortController().signal;
const CALL = { api: '1.44', signal: SIGNAL } as const;
const ALWAYS = { HostConfig: { RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } } };

/** A running container that is not strict, on the first of two nodes; agents obey when a test says so. */
async function running(clock: Clock = systemClock) {
  const world = await FakeLifecycle.start([{}, {}]);
  const { cluster, engines, nodes } = world.fake;
  const id = await world.made('db', { Env: ['constraint:node==~node-1'], ...ALWAYS });
  await world.lifecycle.operate(cluster.container('db'), { kind: 'start', search: '' }, CALL);
  const agents = { areThere: true, obey: true };
  const leases = {
    refusals: () => new Map(agents.areThere ? [] : nodes.map((node) => [node.id, 'no agent'])),
    isObeyed: () => agents.obey,
    isHeld: () => agents.areThere,
  };
  const { desired, lifecycle } = world;
  const fenceSwitch = new FenceSwitch({ desired, leases, lifecycle, clock: systemClock });
  const record = () => {
    const found = desired.index.byId(id);
    if (!found) throw new Error('no record');
    return found;
  };
  const policy = (): unknown => {
    const json = engines[0]?.state.containers.get(id)?.hostConfigJson ?? '{}';
    return (JSON.parse(json) as { RestartPolicy?: { Name?: unknown } }).RestartPolicy?.Name;
  };
  const set = (is: 'strict' | 'off', signal = SIGNAL) => fenceSwitch.set(cluster.container('db'), is, signal);
  const told: string[] = [];
  const supervisor = new Supervisor({
    cluster,
    desired,
    leases,
    startContainer: async () => void told.push('started'),
    tell: (notice) => void told.push(notice.text),
    clock,
    logger: silentLogger(),
  });
  const close = async (): Promise<void> => {
    await supervisor.stop();
    await world[Symbol.asyncDispose]();
  };
  return { world, id, agents, record, policy, set, supervisor, told, [Symbol.asyncDispose]: close };
}

test('a container becomes strict where it runs: its engine restarts it no more, and its agent is ordered by its ID', async () => {
  await using at = await running();
  const { restart } = at.record().terms;
  await at.set('strict');
  expect(at.record().terms).toMatchObject({ isStrict: true, restart });
  expect(at.policy()).toBe('no');
  expect(fenceOrders([at.record()])).toEqual({ strict: [at.id], plain: [] });
  await at.set('strict');
  await at.set('off');
  expect(at.record().terms.isStrict).toBeUndefined();
  expect(at.policy()).toBe('always');
  expect(fenceOrders([at.record()])).toEqual({ strict: [], plain: [at.id] });
});

test('a copy made for it says by its label what it has become', async () => {
  await using at = await running();
  await at.set('strict');
  const { cluster } = at.world.fake;
  const label = (): unknown => cluster.container('db').labels['io.enxame.fence'];
  expect(label()).toBeUndefined();
  const to = at.world.fake.at(1).node.id;
  const order = { to, how: 'stop-first', why: 'a test', generation: 0 } as const;
  await at.world.lifecycle.move(at.record().key, order, SIGNAL);
  expect(label()).toBe('strict');
  expect(fenceOrders([at.record()])).toEqual({ strict: [], plain: [] });
  expect(at.record().terms.isStrict).toBe(true);
});

test('it counts as strict before the agent obeys, and the answer waits for that', async () => {
  await using at = await running();
  at.agents.obey = false;
  let isDone = false;
  const done = at.set('strict').then(() => {
    isDone = true;
  });
  await waitUntil(() => at.record().terms.isStrict === true);
  expect(isDone).toBe(false);
  at.agents.obey = true;
  await done;
});

test('it stays as it is without an agent', async () => {
  await using at = await running();
  at.agents.areThere = false;
  await expect(at.set('strict')).rejects.toMatchObject({ code: 'NO_FENCE', status: 409 });
  expect(at.record().terms.isStrict).toBeUndefined();
  expect(at.policy()).toBe('always');
});

test('what its engine was not told while it was away, or before a manager was killed, it is told afterwards', async () => {
  await using at = await running();
  await at.set('strict');
  const { engine, node } = at.world.fake.at(0);
  await engine.apply({ kind: 'refuse' });
  await waitUntil(() => !node.isHealthy);
  await expect(at.set('strict')).rejects.toMatchObject({ status: 503 });
  await at.set('off');
  expect(at.policy()).toBe('no');
  at.supervisor.start();
  await engine.apply({ kind: 'none' });
  await waitUntil(() => at.policy() === 'always');
  await at.world.desired.change(at.record().key, (record) => ({
    ...record,
    terms: { ...record.terms, isStrict: true },
  }));
  await waitUntil(() => at.policy() === 'no');
});

test('one that waits for its agent on a healthy node is told of, once, and started when the agent is heard', async () => {
  const clock = new FakeClock();
  await using at = await running(clock);
  await at.set('strict');
  at.supervisor.start();
  at.agents.areThere = false;
  const { engine } = at.world.fake.at(0);
  for (const container of engine.state.containers.values()) engine.state.stop(container, 137, 'kill');
  const passing = async (isOver: () => boolean): Promise<void> => {
    await waitUntil(() => {
      clock.advance(1_000);
      return isOver();
    });
  };
  await passing(() => at.told.length > 0);
  expect(at.supervisor.problems()).toEqual(['WARNING: container db waits: strict, on node node-1: no agent']);
  for (let second = 0; second < 20; second++) clock.advance(1_000);
  at.agents.areThere = true;
  await passing(() => at.told.includes('started'));
  expect(at.told).toEqual(['container db waits: strict, on node node-1: no agent', 'started']);
  await waitUntil(() => at.supervisor.problems().length === 0);
});
