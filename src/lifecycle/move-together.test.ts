import { describe, expect, test } from 'vitest';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { MoveOrder, MovingKey } from './move-order.ts';

const CALL = { api: '1.44', signal: new AbortController().signal } as const;

/** Three containers on the first node that are moved as one: two run, one was never started. */
async function inWorld(
  act: (world: FakeLifecycle, records: readonly ContainerRecord[]) => Promise<void>,
): Promise<void> {
  await using world = await FakeLifecycle.start([{}, {}]);
  const records: ContainerRecord[] = [];
  for (const name of ['data', 'app', 'backup']) {
    const id = await world.made(name, { Env: ['constraint:node==~node-1'] });
    if (name !== 'data')
      await world.lifecycle.operate(world.fake.cluster.container(name), { kind: 'start', search: '' }, CALL);
    records.push(world.desired.index.byId(id) as ContainerRecord);
  }
  expect(shown(world)).toEqual(['app node-1 running', 'backup node-1 running', 'data node-1 created']);
  await act(world, records);
}

function members(records: readonly ContainerRecord[]): readonly MovingKey[] {
  return records.map(({ key }) => ({ key, generation: 0 }));
}

function order(world: FakeLifecycle): Omit<MoveOrder, 'generation'> {
  return { to: world.fake.at(1).node.id, how: 'stop-first', why: 'a test' };
}

function at(world: FakeLifecycle, index: number): string[] {
  return [...world.fake.at(index).engine.state.containers.values()].map(({ name, state }) => `${name} ${state}`).sort();
}

function shown(world: FakeLifecycle): string[] {
  return [...world.fake.cluster.containerList].map(({ name, node, state }) => `${name} ${node.name} ${state}`).sort();
}

/** How many records have their container on the second node, at each change of one. */
function counting(world: FakeLifecycle): Set<number> {
  const seen = new Set<number>();
  const { id } = world.fake.at(1).node;
  world.desired.subscribe(() => {
    queueMicrotask(() => seen.add([...world.desired.all()].filter(({ current }) => current.nodeId === id).length));
  });
  return seen;
}

/** What an engine does with the n-th call to start a container. */
function failStart(world: FakeLifecycle, n: number): void {
  let starts = 0;
  world.fake.at(1).engine.on('POST /containers/*', (exchange) => {
    if (!exchange.path.endsWith('/start') || ++starts !== n) return false;
    exchange.error(500, 'no space left on device');
    return true;
  });
}

describe('containers that move as one', () => {
  test('are all on the other node from one moment on, each as it was', async () => {
    await inWorld(async (world, records) => {
      const seen = counting(world);
      const moved = await world.lifecycle.moveTogether(members(records), order(world));
      expect(moved.map(({ name }) => name)).toEqual(['data', 'app', 'backup']);
      expect(shown(world)).toEqual(['app node-2 running', 'backup node-2 running', 'data node-2 created']);
      expect([...seen].sort()).toEqual([0, 3]);
      await waitUntil(() => at(world, 0).length === 0);
      for (const { key, id } of records)
        expect(world.desired.get(key)).toMatchObject({ id, current: { generation: 1 } });
    });
  });

  test('all stay, and run again, when one of them cannot be started', async () => {
    await inWorld(async (world, records) => {
      failStart(world, 2);
      await expect(world.lifecycle.moveTogether(members(records), order(world))).rejects.toThrow(/no space left/);
      expect(at(world, 0)).toEqual(['app running', 'backup running', 'data created']);
      expect(at(world, 1)).toEqual([]);
      for (const record of records) expect(world.desired.get(record.key)).toEqual(record);
    });
  });

  test('are not begun when one of them has moved meanwhile', async () => {
    await inWorld(async (world, records) => {
      const [first, ...others] = members(records);
      const outdated = [{ ...first, generation: 1 } as MovingKey, ...others];
      await expect(world.lifecycle.moveTogether(outdated, order(world))).rejects.toMatchObject({
        code: 'MOVE_OUTDATED',
      });
      expect(at(world, 1)).toEqual([]);
    });
  });

  test('are given up together when a client changes one', async () => {
    await inWorld(async (world, records) => {
      const answer = world.fake.at(1).engine.stall('POST /containers/create');
      const moving = world.lifecycle.moveTogether(members(records), order(world));
      const failed = expect(moving).rejects.toMatchObject({ code: 'MOVE_SUPERSEDED' });
      await waitUntil(() => world.fake.at(1).engine.requestsTo('POST /containers/create').length > 0);
      const stopping = world.lifecycle.operate(
        world.fake.cluster.container('backup'),
        { kind: 'stop', search: '' },
        CALL,
      );
      answer();
      await failed;
      await stopping;
      expect(at(world, 0)).toEqual(['app running', 'backup exited', 'data created']);
      expect(at(world, 1)).toEqual([]);
    });
  });

  test('that were interrupted before all ran are undone together at the next start', async () => {
    await inWorld(async (world, records) => {
      let starts = 0;
      world.fake.at(1).engine.on('POST /containers/*', ({ path }) => {
        if (!path.endsWith('/start') || ++starts < 2) return false;
        void world.lifecycle.mover.stop();
        return true; // No answer: the manager is gone.
      });
      await expect(world.lifecycle.moveTogether(members(records), order(world))).rejects.toThrow();
      await world.lifecycle.mover.stop();
      expect(world.desired.index.moving.size).toBe(3);
      world.lifecycle.mover.start();
      await waitUntil(() => world.desired.index.moving.size === 0);
      expect(at(world, 1)).toEqual([]);
      expect(at(world, 0)).toEqual(['app running', 'backup running', 'data created']);
    });
  });

  test('that were interrupted when all ran are finished together at the next start', async () => {
    await inWorld(async (world, records) => {
      let starts = 0;
      world.fake.at(1).engine.on('POST /containers/*', ({ path }) => {
        if (!path.endsWith('/start') || ++starts < 2) return false;
        const { state } = world.fake.at(1).engine;
        const made = [...state.containers.values()].find(({ name }) => name === 'backup');
        if (made) state.start(made);
        void world.lifecycle.mover.stop();
        return true;
      });
      await expect(world.lifecycle.moveTogether(members(records), order(world))).rejects.toThrow();
      await world.lifecycle.mover.stop();
      const seen = counting(world);
      world.lifecycle.mover.start();
      await waitUntil(() => at(world, 0).length === 0);
      expect(shown(world)).toEqual(['app node-2 running', 'backup node-2 running', 'data node-2 created']);
      expect(seen.has(1) || seen.has(2)).toBe(false);
    });
  });

  test('take one along that has finished, and do not start it', async () => {
    await inWorld(async (world, records) => {
      const [data] = records as [ContainerRecord];
      await world.desired.change(data.key, (record) => ({
        ...record,
        wanted: 'running',
        ended: { exitCode: 0, atMs: 1 },
      }));
      await world.lifecycle.moveTogether(members(records), order(world));
      expect(shown(world)).toContain('data node-2 created');
      expect(world.desired.get(data.key)).toMatchObject({ wanted: 'running', ended: { exitCode: 0 } });
    });
  });
});
