import { describe, expect, test } from 'vitest';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import type { ContainerOperation } from './operations.ts';
import { Undertaker } from './undertaker.ts';

const CALL = { api: '1.44', signal: new AbortController().signal } as const;
const ALWAYS = { HostConfig: { RestartPolicy: { Name: 'always' } } };

/** A container that runs on node-1, which is lost then. */
async function lost(act: (world: Lost) => Promise<void>, body: object = ALWAYS): Promise<void> {
  await using world = await FakeLifecycle.start([{}, {}]);
  await world.made('web', { ...body, Env: ['constraint:node==~node-1'] });
  const operate = (operation: Partial<ContainerOperation> & Pick<ContainerOperation, 'kind'>): Promise<EngineAnswer> =>
    world.lifecycle.operate(
      world.fake.cluster.container('web'),
      { search: '', ...operation } as ContainerOperation,
      CALL,
    );
  await operate({ kind: 'start' });
  const { node } = world.fake.at(0);
  await act({
    world,
    operate,
    lose: () => world.fake.cluster.setState(node, 'Unhealthy', 'no answer'),
    record: () => [...world.desired.all()][0] as ContainerRecord,
  });
}

interface Lost {
  readonly world: FakeLifecycle;
  operate(operation: Partial<ContainerOperation> & Pick<ContainerOperation, 'kind'>): Promise<EngineAnswer>;
  lose(): void;
  record(): ContainerRecord;
}

describe('a container whose node is away', () => {
  test.each([
    [{ kind: 'stop' }, undefined],
    [{ kind: 'stop', search: '?t=3' }, 3],
    [{ kind: 'stop', search: '?t=-1' }, -1],
    [{ kind: 'kill', signal: 'KILL' }, 0],
    [{ kind: 'kill', signal: 'TERM', search: '?signal=TERM' }, 0],
  ] as const)('is stopped by %o, durably, and its engine is owed that', async (operation, graceSeconds) => {
    await lost(async ({ world, operate, lose, record }) => {
      lose();
      const answer = await operate(operation);
      expect(answer.statusCode).toBe(204);
      expect(answer.rawHeaders.join(': ')).toBe(
        'Enxame-Notice: node node-1 is down: container web stays stopped, and is stopped there when the node is back',
      );
      expect(record()).toMatchObject({ wanted: 'stopped', owedStop: { atMs: expect.any(Number) } });
      expect(record().owedStop?.graceSeconds).toBe(graceSeconds);
      const { node } = world.fake.at(0);
      expect(node.isStopOwed(record().current.engineId ?? '')).toBe(true);
      expect((await operate({ kind: 'stop' })).statusCode).toBe(304);
      await expect(operate({ kind: 'kill', signal: 'KILL' })).rejects.toMatchObject({ status: 409 });
    });
  });

  test('is stopped also when the node is lost while the engine stops it', async () => {
    await lost(async ({ world, operate, lose, record }) => {
      const { engine, node } = world.fake.at(0);
      const stop = `POST /containers/${record().current.engineId}/stop`;
      engine.stall(stop);
      const stopping = operate({ kind: 'stop' });
      await waitUntil(() => engine.requestsTo(stop).length > 0);
      lose();
      node.client.dropConnections();
      expect((await stopping).statusCode).toBe(204);
      expect(record().owedStop).toBeDefined();
    });
  });

  test('is removed without force once it is stopped, and not before', async () => {
    await lost(async ({ world, operate, lose }) => {
      const { cluster } = world.fake;
      const remove = (): Promise<EngineAnswer> =>
        world.lifecycle.remove(cluster.container('web'), { search: '?v=1', isForced: false }, CALL);
      lose();
      await expect(remove()).rejects.toMatchObject({
        status: 503,
        message: expect.stringMatching(/removed with force/),
      });
      await operate({ kind: 'stop' });
      expect((await remove()).statusCode).toBe(204);
      expect(cluster.findContainer('web')).toBeUndefined();
      const { node, engine } = world.fake.at(0);
      const undertaker = new Undertaker({
        cluster,
        tombstones: world.tombstones,
        clock: systemClock,
        logger: silentLogger(),
      });
      undertaker.start();
      cluster.setState(node, 'Healthy', '');
      await waitUntil(() => engine.state.containers.size === 0);
      await undertaker.stop();
    });
  });

  test.each([{ kind: 'pause' }, { kind: 'unpause' }, { kind: 'update' }, { kind: 'kill', signal: 'HUP' }] as const)(
    'cannot do %o, and says what can be done',
    async (operation) => {
      await lost(async ({ operate, lose, record }) => {
        lose();
        await expect(operate(operation)).rejects.toMatchObject({
          status: 503,
          message: expect.stringMatching(/node-1, which is unhealthy: no answer.*it can be stopped/),
        });
        expect(record().wanted).toBe('running');
      });
    },
  );

  test.each(['start', 'restart'] as const)('runs elsewhere after a %s, when it is moved', async (kind) => {
    await lost(async ({ world, operate, lose, record }) => {
      lose();
      await operate({ kind: 'stop' });
      const starting = operate({ kind });
      await waitUntil(() => record().wanted === 'running');
      expect(record().owedStop).toBeUndefined();
      const order = { to: world.fake.at(1).node.id, how: 'replace', why: 'lost', generation: 0 } as const;
      await world.lifecycle.move(record().key, order);
      expect((await starting).statusCode).toBe(204);
      expect([world.nodeOf('web'), world.fake.cluster.container('web').state]).toEqual(['node-2', 'running']);
      expect(record().owedStop).toBeUndefined();
    });
  });

  test('leaves no copy behind in listings when it was moved and is removed', async () => {
    await lost(async ({ world, operate, lose, record }) => {
      lose();
      await world.lifecycle.move(record().key, {
        to: world.fake.at(1).node.id,
        how: 'replace',
        why: 'lost',
        generation: 0,
      });
      const { cluster } = world.fake;
      cluster.hide(world.tombstones);
      await world.lifecycle.remove(cluster.container('web'), { search: '?force=1', isForced: true }, CALL);
      expect([...cluster.containers()]).toEqual([]);
      expect((await world.create('web')).statusCode).toBe(201);
      expect((await operate({ kind: 'start' })).statusCode).toBe(204);
    });
  });

  test('is started where it was when its node is back before it was moved', async () => {
    await lost(async ({ world, operate, lose, record }) => {
      lose();
      await operate({ kind: 'stop' });
      const { engine, node } = world.fake.at(0);
      const starts = (): number => engine.requestsTo(`POST /containers/${record().current.engineId}/start`).length;
      const before = starts();
      const starting = operate({ kind: 'start' });
      await waitUntil(() => record().wanted === 'running');
      world.fake.cluster.setState(node, 'Healthy', '');
      expect((await starting).statusCode).toBeLessThan(400);
      expect(starts()).toBe(before + 1);
    });
  });

  test('is not started when it cannot run elsewhere, and stays stopped', async () => {
    await lost(async ({ world, operate, lose, record }) => {
      lose();
      await operate({ kind: 'stop' });
      const { owedStop } = record();
      const starting = operate({ kind: 'start' });
      await waitUntil(() => record().wanted === 'running');
      const { cluster } = world.fake;
      cluster.setWaiting(world.fake.at(0).node, record().current.engineId ?? '', 'waits: nothing has room');
      await expect(starting).rejects.toMatchObject({
        status: 503,
        message: expect.stringMatching(/It waits: nothing has room/),
      });
      expect(record()).toMatchObject({ wanted: 'stopped', owedStop });
    });
  });
});
