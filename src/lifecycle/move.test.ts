import { describe, expect, test, vi } from 'vitest';
import type { FakeEngineOptions } from '../../simulator/fake-engine.ts';
import { FakeLifecycle, type FakeLifecycleOptions } from '../../test/fakes/lifecycle.ts';
import { eventually, waitUntil } from '../../test/fakes/wait.ts';
import { ClusterError } from '../common/errors.ts';
import type { ContainerRecord, OpenMove } from '../desired/record.ts';
import type { ContainerOperation } from './operations.ts';

const TWO: readonly FakeEngineOptions[] = [{}, {}];
const CALL = { api: '1.44', signal: new AbortController().signal } as const;

async function inWorld(
  act: (world: FakeLifecycle) => Promise<void>,
  options: FakeLifecycleOptions = {},
): Promise<void> {
  await using world = await FakeLifecycle.start(TWO, options);
  await act(world);
}

function operate(world: FakeLifecycle, name: string, operation: ContainerOperation): Promise<{ statusCode: number }> {
  return world.lifecycle.operate(world.fake.cluster.container(name), operation, CALL);
}

/** A running container that only the first node may have. */
async function running(world: FakeLifecycle, name: string, body: object = {}): Promise<ContainerRecord> {
  const id = await world.made(name, { Env: ['constraint:node==node-1'], ...body });
  expect((await operate(world, name, { kind: 'start', search: '' })).statusCode).toBe(204);
  return recordOf(world, id);
}

function recordOf(world: FakeLifecycle, id: string): ContainerRecord {
  const record = world.desired.index.byId(id);
  if (!record) throw new Error(`no record of ${id}`);
  return record;
}

function order(
  world: FakeLifecycle,
  how: OpenMove['how'],
  to: number = 1,
): Parameters<FakeLifecycle['lifecycle']['move']>[1] {
  return { to: world.fake.at(to).node.id, how, why: 'a test', generation: 0 };
}

async function lose(world: FakeLifecycle, index: number): Promise<void> {
  const { engine, node } = world.fake.at(index);
  await engine.apply({ kind: 'refuse' });
  await waitUntil(() => !node.isHealthy);
}

/** Names and states at an engine. */
function at(world: FakeLifecycle, index: number): string[] {
  return [...world.fake.at(index).engine.state.containers.values()].map(({ name, state }) => `${name} ${state}`).sort();
}

function shown(world: FakeLifecycle): string[] {
  return [...world.fake.cluster.containerList].map(({ name, node, state }) => `${name} ${node.name} ${state}`).sort();
}

/** A running container that either node may have, on the first one. */
async function free(world: FakeLifecycle, name: string, body: object = {}): Promise<ContainerRecord> {
  const id = await world.made(name, body);
  if (world.nodeOf(name) !== 'node-1') throw new Error(`${name} is on ${world.nodeOf(name)}`);
  await operate(world, name, { kind: 'start', search: '' });
  return recordOf(world, id);
}

describe('a container of a lost node', () => {
  test('is made anew with the same identity, and the old copy noted', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web', { Labels: { a: 'b' }, HostConfig: { Memory: 1_000_000 } });
      await lose(world, 0);
      const after = await world.lifecycle.move(before.key, order(world, 'replace'));
      expect(after.current).toMatchObject({ nodeId: world.fake.at(1).node.id, generation: 1 });
      expect(after.stale).toEqual([before.current]);
      expect(after.move).toBeUndefined();
      expect(shown(world)).toEqual(['web node-2 running']);
      const container = world.fake.cluster.container('web');
      expect(container.id).toBe(before.id);
      expect(container.engineId).toBe(after.current.engineId);
      expect(container.labels).toEqual({ a: 'b' });
      expect(world.fake.at(1).node.reservedMemoryBytes).toBe(1_000_000);
    });
  });

  test('is only created where it was never started', async () => {
    await inWorld(async (world) => {
      const id = await world.made('web');
      await lose(world, 0);
      await world.lifecycle.move(recordOf(world, id).key, order(world, 'replace'));
      expect(shown(world)).toEqual(['web node-2 created']);
    });
  });

  test('stays when the node refuses it, and nothing is left behind', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      await lose(world, 0);
      world.fake.at(1).engine.on('POST /containers/*', (exchange) => {
        if (!exchange.path.endsWith('/start')) return false;
        exchange.error(500, 'driver failed programming external connectivity');
        return true;
      });
      await expect(world.lifecycle.move(before.key, order(world, 'replace'))).rejects.toThrow(/driver failed/);
      expect(recordOf(world, before.id ?? '')).toEqual(before);
      expect(at(world, 1)).toEqual([]);
      expect(shown(world)).toEqual(['web node-1 running']);
      expect(world.fake.at(1).node.containerCount).toBe(0);
    });
  });

  test('is not moved to a node that cannot take it', async () => {
    await inWorld(async (world) => {
      const before = await running(world, 'web');
      await lose(world, 0);
      await expect(world.lifecycle.move(before.key, order(world, 'replace'))).rejects.toThrow(
        /node-2 cannot take it: .*node==node-1/,
      );
      expect(recordOf(world, before.id ?? '')).toEqual(before);
    });
  });

  test('whose successor is on a node that is lost too has a copy noted that must not run', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      await lose(world, 0);
      const answer = world.fake.at(1).engine.stall('POST /containers/create');
      const moving = world.lifecycle.move(before.key, order(world, 'replace'));
      const failed = expect(moving).rejects.toThrow();
      await waitUntil(() => world.fake.at(1).engine.requestsTo('POST /containers/create').length > 0);
      await lose(world, 1);
      await failed;
      answer();
      const record = recordOf(world, before.id ?? '');
      expect(record.move).toBeUndefined();
      expect(record.current).toEqual(before.current);
      expect(record.stale).toEqual([expect.objectContaining({ nodeId: world.fake.at(1).node.id, generation: 1 })]);
    });
  });

  test('is not moved twice by one order', async () => {
    await inWorld(async (world) => {
      const { key } = await free(world, 'web');
      await lose(world, 0);
      await world.lifecycle.move(key, order(world, 'replace'));
      await expect(world.lifecycle.move(key, order(world, 'replace'))).rejects.toMatchObject({ code: 'MOVE_OUTDATED' });
    });
  });
});

describe('a container of a healthy node', () => {
  test.each(['start-first', 'stop-first'] as const)(
    'moves %s, is always shown once, and its old copy is removed',
    async (how) => {
      await inWorld(async (world) => {
        const before = await free(world, 'web');
        const seen = new Set<string>();
        const note = (): void => void seen.add(String([...world.fake.cluster.containerList].length));
        const unsubscribe = world.fake.cluster.subscribe(note);
        await world.lifecycle.move(before.key, order(world, how));
        note();
        expect(shown(world)).toEqual(['web node-2 running']);
        await waitUntil(() => recordOf(world, before.id ?? '').stale === undefined);
        await world.fake.at(0).node.refreshAllContainers();
        unsubscribe();
        expect(at(world, 0)).toEqual([]);
        // Between two events of one step there is none for a moment, never two.
        expect([...seen].sort().slice(-1)).toEqual(['1']);
      });
    },
  );

  test('stays when its successor never gets healthy', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      world.fake.at(1).engine.on('GET /containers/*', (exchange) => {
        if (!exchange.path.endsWith('/json') || exchange.path.endsWith('containers/json')) return false;
        exchange.json(200, '{"State":{"Running":true,"Health":{"Status":"unhealthy"}},"RestartCount":0}');
        return true;
      });
      await expect(world.lifecycle.move(before.key, order(world, 'start-first'))).rejects.toThrow(/health check fails/);
      expect(at(world, 0)).toEqual(['web running']);
      expect(at(world, 1)).toEqual([]);
      expect(recordOf(world, before.id ?? '')).toEqual(before);
    });
  });

  test('is not stopped for a move that another manager has undone meanwhile', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      world.fake.at(1).engine.on('POST /containers/create', () => {
        void world.desired.change(before.key, () => before);
        return false;
      });
      await expect(world.lifecycle.move(before.key, order(world, 'stop-first'))).rejects.toThrow();
      const asked = world.fake.at(0).engine.requestsTo('POST /containers/*');
      expect(asked.filter(({ path }) => path.endsWith('/stop'))).toEqual([]);
      expect([at(world, 0), at(world, 1)]).toEqual([['web running'], []]);
    });
  });

  test('is left as it is, and its successor, when another manager may be the primary by now', async () => {
    const failure = new ClusterError('the lease primary is lost', { code: 'LEASE_LOST', status: 503 });
    const disk = { isFull: false, failure };
    await inWorld(
      async (world) => {
        const before = await free(world, 'web');
        world.fake.at(1).engine.on('POST /containers/*/start', () => {
          disk.isFull = true;
          return false;
        });
        await expect(world.lifecycle.move(before.key, order(world, 'stop-first'))).rejects.toThrow('lease');
        // That one finds a successor that runs alone.
        expect([at(world, 0), at(world, 1)]).toEqual([['web exited'], ['web running']]);
        expect(world.fake.at(1).engine.requestsTo('DELETE /containers/*')).toEqual([]);
      },
      { disk },
    );
  });

  test('runs again when a stop-first move of it fails', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      world.fake.at(1).engine.on('GET /containers/*', (exchange) => {
        if (!exchange.path.endsWith('/json') || exchange.path.endsWith('containers/json')) return false;
        exchange.json(200, '{"State":{"Running":false,"ExitCode":3},"RestartCount":0}');
        return true;
      });
      await expect(world.lifecycle.move(before.key, order(world, 'stop-first'))).rejects.toThrow(/exit code 3/);
      expect(
        world.fake
          .at(0)
          .engine.requestsTo('POST /containers/*')
          .filter(({ path }) => path.endsWith('/stop')),
      ).toHaveLength(1);
      expect(at(world, 0)).toEqual(['web running']);
      expect(at(world, 1)).toEqual([]);
    });
  });
});

describe('a client that changes a container while it is moved', () => {
  test.each([
    ['stops it', { kind: 'stop', search: '' }, 'web exited', 'stopped'],
    ['restarts it', { kind: 'restart', search: '' }, 'web running', 'running'],
  ] as const)('%s, and the move is given up', async (_case, operation, expected, wanted) => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      world.fake.at(1).engine.delay('POST /containers/create', 100);
      const moving = world.lifecycle.move(before.key, order(world, 'start-first'));
      const failed = expect(moving).rejects.toMatchObject({ code: 'MOVE_SUPERSEDED' });
      await waitUntil(() => world.fake.at(1).engine.requestsTo('POST /containers/create').length > 0);
      await operate(world, 'web', operation);
      await failed;
      expect(at(world, 0)).toEqual([expected]);
      expect(at(world, 1)).toEqual([]);
      expect(recordOf(world, before.id ?? '')).toMatchObject({ wanted, current: before.current });
      expect(recordOf(world, before.id ?? '').move).toBeUndefined();
    });
  });

  test('removes it, and no copy and no record is left', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      world.fake.at(1).engine.delay('POST /containers/create', 100);
      const moving = world.lifecycle.move(before.key, order(world, 'start-first'));
      const failed = expect(moving).rejects.toThrow();
      await waitUntil(() => world.fake.at(1).engine.requestsTo('POST /containers/create').length > 0);
      await world.lifecycle.remove(world.fake.cluster.container('web'), { isForced: true, search: '?force=1' }, CALL);
      await failed;
      expect([...at(world, 0), ...at(world, 1)]).toEqual([]);
      expect(world.desired.get(before.key)).toBeUndefined();
    });
  });

  test('keeps a move from beginning', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      const answer = world.fake.at(0).engine.stall(`POST /containers/${before.current.engineId}/stop`);
      const stopping = operate(world, 'web', { kind: 'stop', search: '' });
      await waitUntil(() =>
        world.fake
          .at(0)
          .engine.requestsTo('POST /containers/*')
          .some(({ path }) => path.endsWith('/stop')),
      );
      await expect(world.lifecycle.move(before.key, order(world, 'start-first'))).rejects.toMatchObject({
        code: 'MOVE_BUSY',
      });
      answer();
      await stopping;
    });
  });
});

describe('a move that was interrupted', () => {
  /** Ends the mover as a manager that stops does, when the target got a request. */
  async function interrupted(world: FakeLifecycle, how: OpenMove['how'], route: string): Promise<ContainerRecord> {
    const before = await free(world, 'web');
    if (how === 'replace') await lose(world, 0);
    const end = world.fake.at(1).engine.stall(route);
    const moving = world.lifecycle.move(before.key, order(world, how));
    const failed = expect(moving).rejects.toThrow();
    await waitUntil(() => world.fake.at(1).engine.requestsTo(route).length > 0);
    const stopped = world.lifecycle.mover.stop();
    end();
    await failed;
    await stopped;
    return before;
  }

  test('before its successor was started is undone', async () => {
    await inWorld(async (world) => {
      const before = await interrupted(world, 'replace', 'POST /containers/create');
      expect(recordOf(world, before.id ?? '').move?.to.generation).toBe(1);
      world.lifecycle.mover.start();
      await vi.waitFor(() => expect(recordOf(world, before.id ?? '').move).toBeUndefined(), 120_000);
      expect(at(world, 1)).toEqual([]);
      expect(recordOf(world, before.id ?? '')).toEqual(before);
    });
  }, 180_000);

  /** Ends the mover when the successor runs and the old node is lost. Resolves with what the target has. */
  async function interruptedAlone(world: FakeLifecycle, before: ContainerRecord): Promise<string> {
    await lose(world, 0);
    // The start is done, its answer is lost.
    world.fake.at(1).engine.on('POST /containers/*', (exchange) => {
      if (!exchange.path.endsWith('/start')) return false;
      const made = [...world.fake.at(1).engine.state.containers.values()][0];
      if (made) world.fake.at(1).engine.state.start(made);
      return true;
    });
    const moving = world.lifecycle.move(before.key, order(world, 'replace'));
    const failed = expect(moving).rejects.toThrow();
    await waitUntil(() => at(world, 1).includes('web running'));
    await world.lifecycle.mover.stop();
    await failed;
    return at(world, 1).join();
  }

  test('whose successor runs while the old node is lost is finished', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      await interruptedAlone(world, before);
      world.lifecycle.mover.start();
      await vi.waitFor(() => expect(recordOf(world, before.id ?? '').current.generation).toBe(1), 120_000);
      expect(recordOf(world, before.id ?? '')).toMatchObject({ stale: [before.current] });
      expect(shown(world)).toEqual(['web node-2 running']);
    });
  }, 180_000);

  test('while it was being undone is undone, though its successor runs alone: a removal of that may be on its way', async () => {
    await inWorld(async (world) => {
      const before = await free(world, 'web');
      const successor = await interruptedAlone(world, before);
      expect(successor).toBe('web running');
      await world.desired.change(before.key, (each) =>
        each.move ? { ...each, move: { ...each.move, isUndone: true } } : each,
      );
      world.lifecycle.mover.start();
      await eventually(() => expect(recordOf(world, before.id ?? '').move).toBeUndefined());
      expect(recordOf(world, before.id ?? '').current).toEqual(before.current);
      expect(at(world, 1)).toEqual([]);
    });
  }, 30_000);

  test('is undone when the old copy runs still', async () => {
    await inWorld(async (world) => {
      const before = await interrupted(world, 'start-first', 'POST /containers/create');
      world.lifecycle.mover.start();
      await vi.waitFor(() => expect(recordOf(world, before.id ?? '').move).toBeUndefined(), 120_000);
      expect(at(world, 0)).toEqual(['web running']);
      expect(at(world, 1)).toEqual([]);
    });
  });
});
