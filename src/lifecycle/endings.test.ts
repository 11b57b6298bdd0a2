import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { silentLogger } from '../common/logger.ts';
import { Endings } from './endings.ts';

const CALL = { api: '1.44', signal: new AbortController().signal } as const;
const LONG_AGO = '2020-01-01T00:00:00Z';

/** A container that runs, and what watches over its end with a clock that stands still. */
async function running(restart = 'no', labels: Readonly<Record<string, string>> = {}) {
  const world = await FakeLifecycle.start([{}]);
  const { engine, node } = world.fake.at(0);
  await world.made('web', { HostConfig: { RestartPolicy: { Name: restart } }, Labels: labels });
  await world.lifecycle.operate(world.fake.cluster.container('web'), { kind: 'start', search: '' }, CALL);
  const clock = new FakeClock();
  const endings = new Endings({ cluster: world.fake.cluster, desired: world.desired, clock, logger: silentLogger() });
  endings.start();
  let startedAt = LONG_AGO;
  engine.on('GET /networks/bridge', (exchange) => {
    exchange.json(200, JSON.stringify({ Created: startedAt }));
    return true;
  });
  return {
    world,
    engine,
    node,
    endings,
    record: () => world.desired.index.byName('web'),
    restartEngine: () => {
      startedAt = new Date(Date.now() + 60_000).toISOString();
    },
    end: async (exitCode: number) => {
      const container = engine.state.find('web');
      if (container) engine.state.stop(container, exitCode, 'die');
      await expect.poll(() => world.fake.cluster.container('web').state).toBe('exited');
    },
    /** Resolves when the container was looked at after its end. */
    inspected: () => {
      const looks = (): number => engine.requestsTo('GET /containers/*').filter(({ path }) => path.length > 60).length;
      return expect.poll(looks, { timeout: 120_000 }).toBe(1);
    },
    pass: async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 5_000) await clock.advance(5_000);
    },
    close: async () => {
      await endings.stop();
      await world.fake.close();
    },
  };
}

test.each([
  ['no', {}, 0, true],
  ['always', {}, 3, true],
  ['always', { 'io.enxame.fence': 'strict' }, 3, false],
  ['on-failure', { 'io.enxame.fence': 'strict' }, 0, true],
  ['on-failure', { 'io.enxame.fence': 'strict' }, 1, false],
])(
  'a container with restart policy %s, labels %j and exit code %i that does not come back has finished: %s',
  async (restart, labels, exitCode, isEnd) => {
    const each = await running(restart, labels);
    await each.end(exitCode);
    await each.pass(30_000);
    if (isEnd) await expect.poll(() => each.record()?.ended?.exitCode, { timeout: 120_000 }).toBe(exitCode);
    else await each.inspected();
    await each.endings.stop();
    expect(each.record()?.ended?.exitCode).toBe(isEnd ? exitCode : undefined);
    await each.close();
  },
);

test('an end is the container’s own only when its node was healthy for long enough afterwards', async () => {
  const each = await running();
  await each.end(0);
  await each.pass(10_000);
  each.world.fake.cluster.setState(each.node, 'Unhealthy', 'it goes down');
  await each.pass(60_000);
  each.restartEngine();
  each.world.fake.cluster.setState(each.node, 'Healthy', '');
  await each.pass(60_000);
  await each.inspected();
  await each.endings.stop();
  expect(each.record()).toMatchObject({ wanted: 'running' });
  expect(each.record()?.ended).toBeUndefined();
  await each.close();
});

test('one that clients stopped has not finished, and one that is started again runs', async () => {
  const each = await running();
  const container = each.world.fake.cluster.container('web');
  await each.world.lifecycle.operate(container, { kind: 'stop', search: '' }, CALL);
  await each.pass(60_000);
  expect(each.record()).toMatchObject({ wanted: 'stopped' });
  expect(each.record()?.ended).toBeUndefined();
  await each.world.lifecycle.operate(container, { kind: 'start', search: '' }, CALL);
  await each.end(0);
  await each.pass(30_000);
  await expect.poll(() => each.record()?.ended?.exitCode, { timeout: 120_000 }).toBe(0);
  await each.world.lifecycle.operate(container, { kind: 'start', search: '' }, CALL);
  expect(each.record()?.ended).toBeUndefined();
  await each.close();
});
