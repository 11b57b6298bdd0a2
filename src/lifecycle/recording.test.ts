import { describe, expect, test } from 'vitest';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import type { TestDisk } from '../../test/fakes/memory-records.ts';
import { systemClock } from '../common/clock.ts';
import { ClusterError } from '../common/errors.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import { silentLogger } from '../common/logger.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { ObservedChanges } from './observed-changes.ts';
import type { ContainerOperation } from './operations.ts';

const CREATE = 'POST /containers/create';
const CALL = { api: '1.44', signal: new AbortController().signal } as const;
const REMOVAL = { search: '?force=1', isForced: true };

function records(world: FakeLifecycle): readonly ContainerRecord[] {
  return [...world.desired.all()];
}

function operate(world: FakeLifecycle, name: string, kind: 'start' | 'stop' | 'restart' | 'pause' | 'unpause') {
  return world.lifecycle.operate(world.fake.cluster.container(name), { kind, search: '' }, CALL);
}

function kill(world: FakeLifecycle, name: string, signal: string) {
  const operation: ContainerOperation = { kind: 'kill', signal, search: `?signal=${signal}` };
  return world.lifecycle.operate(world.fake.cluster.container(name), operation, CALL);
}

describe('a create', () => {
  test('is recorded before the engine is asked, and settled with its ID', async () => {
    await using world = await FakeLifecycle.start([{}]);
    const { node, engine } = world.fake.at(0);
    const atTheEngine: ContainerRecord[] = [];
    engine.on(CREATE, () => {
      atTheEngine.push(...records(world));
      return false;
    });
    const id = await world.made('web', { Labels: { a: 'b' }, Env: ['A=1'] });
    const [asked] = atTheEngine;
    expect(asked).toMatchObject({ name: 'web', wanted: 'created', current: { nodeId: node.id, generation: 0 } });
    expect([asked?.id, asked?.current.engineId]).toEqual([undefined, undefined]);
    expect(records(world)).toEqual([{ ...asked, id, current: { ...asked?.current, engineId: id } }]);
    const [made] = engine.state.containers.values();
    expect(made?.labels[ATTEMPT_LABEL]).toMatch(new RegExp(`^test/[0-9a-f]{32}/${asked?.key}$`));
    expect(world.fake.cluster.container('web').labels).toEqual({ a: 'b' });
    const body = await world.desired.body(asked?.key ?? '');
    expect(JSON.parse(body.source.text)).toMatchObject({ Env: ['A=1'] });
  });

  test.each([
    ['refused', 400],
    ['failed', 500],
  ])('that was %s by the engine leaves no record', async (_how, status) => {
    await using world = await FakeLifecycle.start([{}]);
    world.fake.at(0).engine.lie(CREATE, status, { message: 'no' });
    expect((await world.create('web')).statusCode).toBe(status);
    expect(records(world)).toEqual([]);
  });

  test('that is tried on another node is recorded there alone', async () => {
    await using world = await FakeLifecycle.start([{}, {}], { createRetries: 1 });
    let failures = 0;
    for (const engine of world.fake.engines)
      engine.on(CREATE, (exchange) => {
        if (failures++ > 0) return false;
        exchange.json(500, '{"message":"broken"}');
        return true;
      });
    await world.made('web');
    expect(records(world).map(({ current }) => current.nodeId)).toEqual([world.fake.cluster.container('web').nodeId]);
  });

  test('whose image cannot be had leaves no record', async () => {
    const images = { ensureOn: () => Promise.reject(new Error('no such image')) };
    await using world = await FakeLifecycle.start([{}], { images });
    await expect(world.create('web')).rejects.toThrow('no such image');
    expect(records(world)).toEqual([]);
  });

  test('that cannot be recorded is refused before the engine is asked', async () => {
    const disk = { isFull: true };
    await using world = await FakeLifecycle.start([{}], { disk });
    await expect(world.create('web')).rejects.toThrow('No space left on device');
    expect(world.fake.at(0).engine.requestsTo(CREATE)).toEqual([]);
    disk.isFull = false;
    await world.made('web');
  });

  test('is listed once while its record is being written, and so is a start', async () => {
    const disk: TestDisk = { isFull: false };
    await using world = await FakeLifecycle.start([{}], { disk });
    const { engine, node } = world.fake.at(0);
    const listings = () => engine.requestsTo('GET /containers/json').filter(({ query }) => query.get('filters')).length;
    let write = (): void => undefined;
    const hold = (): false => {
      disk.isReady = new Promise((resolve) => {
        write = resolve;
      });
      return false;
    };
    const listedAs = async (state: string): Promise<void> => {
      await expect.poll(() => [...node.containers.values()].map((each) => each.state)).toEqual([state]);
      write();
    };
    // The word that it begins is written before the engine is asked.
    engine.on(CREATE, hold);
    await Promise.all([world.made('web'), listedAs('created')]);
    expect(listings()).toBe(1);
    hold();
    await Promise.all([operate(world, 'web', 'start'), listedAs('running')]);
    expect(listings()).toBe(2);
  });

  test('whose settlement cannot be recorded is undone at the engine', async () => {
    const disk = { isFull: false };
    await using world = await FakeLifecycle.start([{}], { disk });
    const { engine } = world.fake.at(0);
    engine.on(CREATE, () => {
      disk.isFull = true;
      return false;
    });
    await expect(world.create('web')).rejects.toThrow('No space left on device');
    expect([...engine.state.containers.values()]).toEqual([]);
    disk.isFull = false;
    // The record could not be removed either: it is an open create, and those are resolved.
    expect(records(world).map(({ current }) => current.engineId)).toEqual([undefined]);
  });

  test('that another manager has undone meanwhile is not acknowledged', async () => {
    await using world = await FakeLifecycle.start([{}]);
    const { engine } = world.fake.at(0);
    engine.on(CREATE, () => {
      // Its successor, while this manager was suspended.
      for (const { key } of records(world)) void world.desired.remove(key);
      return false;
    });
    await expect(world.create('web')).rejects.toMatchObject({ code: 'CREATE_UNDONE', status: 503 });
    expect([...engine.state.containers.values()]).toEqual([]);
    expect(records(world)).toEqual([]);
  });
});

describe('what is wanted', () => {
  test('follows what clients ask for', async () => {
    await using world = await FakeLifecycle.start([{}]);
    await world.made('web');
    const wanted: unknown[] = [];
    const note = (): unknown => wanted.push(records(world)[0]?.wanted);
    for (const kind of ['start', 'pause', 'unpause', 'stop', 'restart'] as const) {
      await operate(world, 'web', kind);
      note();
    }
    for (const signal of ['HUP', 'TERM']) {
      await operate(world, 'web', 'restart');
      await kill(world, 'web', signal);
      note();
    }
    expect(wanted).toEqual(['running', 'paused', 'running', 'stopped', 'running', 'running', 'stopped']);
  });

  test('is what it was when the engine refuses', async () => {
    await using world = await FakeLifecycle.start([{}]);
    await world.made('web');
    world.fake.at(0).engine.lie('POST /containers/*', 409, { message: 'no' });
    expect((await operate(world, 'web', 'start')).statusCode).toBe(409);
    expect(records(world)[0]?.wanted).toBe('created');
  });

  test('stays what a client wished when nobody knows what became of it', async () => {
    await using world = await FakeLifecycle.start([{}]);
    await world.made('web');
    await operate(world, 'web', 'start');
    const { engine } = world.fake.at(0);
    engine.stall('POST /containers/*');
    const client = new AbortController();
    const call = { ...CALL, signal: client.signal };
    const stopping = world.lifecycle.operate(world.fake.cluster.container('web'), { kind: 'stop', search: '' }, call);
    const before = engine.requestsTo('POST /containers/*').length;
    await expect.poll(() => engine.requestsTo('POST /containers/*').length).toBeGreaterThan(before);
    client.abort();
    await expect(stopping).rejects.toThrow();
    expect(records(world)[0]?.wanted).toBe('stopped');
  });

  test('a start that cannot be recorded is taken back, and is an error', async () => {
    const disk = { isFull: false };
    await using world = await FakeLifecycle.start([{}], { disk });
    await world.made('web');
    disk.isFull = true;
    await expect(operate(world, 'web', 'start')).rejects.toThrow('No space left on device');
    expect(world.fake.cluster.container('web').state).toBe('exited');
    expect(records(world)[0]?.wanted).toBe('created');
  });

  test.each(['LEASE_LOST', 'NOT_PRIMARY', 'WRITE_UNKNOWN', 'STORE_UNAVAILABLE'])(
    'a start is not taken back when another manager may be the primary by now (%s): its client may have asked that one',
    async (code) => {
      const disk = { isFull: false, failure: new ClusterError('the store has another primary', { code, status: 503 }) };
      await using world = await FakeLifecycle.start([{}], { disk });
      await world.made('web');
      disk.isFull = true;
      await expect(operate(world, 'web', 'start')).rejects.toThrow('the store has another primary');
      disk.isFull = false;
      expect((await operate(world, 'web', 'start')).statusCode).toBe(304);
      const asked = world.fake.at(0).engine.requestsTo('POST /containers/*');
      expect(asked.filter(({ path }) => path.endsWith('/stop'))).toEqual([]);
      expect(records(world)[0]?.wanted).toBe('running');
    },
  );
});

test('a record has the name that its container was given', async () => {
  await using world = await FakeLifecycle.start([{}]);
  await world.made('web');
  await world.lifecycle.rename(world.fake.cluster.container('web'), { name: 'db', search: '?name=db' }, CALL);
  expect(records(world).map(({ name }) => name)).toEqual(['db']);
  expect(world.desired.index.byName('web')).toBeUndefined();
});

describe('a container that is removed', () => {
  test('by a client has no record', async () => {
    await using world = await FakeLifecycle.start([{}]);
    await world.made('web');
    await world.lifecycle.remove(world.fake.cluster.container('web'), REMOVAL, CALL);
    expect(records(world)).toEqual([]);
  });

  test('and the record of which stays for lack of space is an error, and gone for clients', async () => {
    const disk = { isFull: false };
    await using world = await FakeLifecycle.start([{}], { disk });
    await world.made('web');
    disk.isFull = true;
    const removal = world.lifecycle.remove(world.fake.cluster.container('web'), REMOVAL, CALL);
    await expect(removal).rejects.toThrow('No space left on device');
    expect(world.fake.cluster.findContainer('web')).toBeUndefined();
  });
});

describe('a container whose node left', () => {
  async function left() {
    const world = await FakeLifecycle.start([{}, {}]);
    const id = await world.made('web', { Env: ['constraint:node==node-1'] });
    await operate(world, 'web', 'start');
    const { node } = world.fake.at(0);
    world.fake.cluster.removeNode(node);
    return { world, id, nodeId: node.id };
  }

  test('holds its name until it is removed with force, and is removed there when the node is back', async () => {
    const { world, id, nodeId } = await left();
    await using _ = world;
    await expect(world.create('web')).rejects.toMatchObject({ status: 409, code: 'NAME_IN_USE' });
    const removal = world.lifecycle.removeRecorded('web', { search: '', isForced: false });
    await expect(removal).rejects.toMatchObject({ status: 409 });
    expect(await world.lifecycle.removeRecorded('/web', REMOVAL)).toMatchObject({ statusCode: 204 });
    expect(world.tombstones.of(nodeId).map(({ engineId }) => engineId)).toEqual([id]);
    expect(await world.lifecycle.removeRecorded('web', REMOVAL)).toBeUndefined();
    await world.made('web');
  });

  test('has no record any more when the node is given up, and is not removed there', async () => {
    const { world, nodeId } = await left();
    await using _ = world;
    await world.lifecycle.recorder.forgetNode(nodeId);
    expect([records(world), world.tombstones.size]).toEqual([[], 0]);
    await world.made('web');
  });
});

describe('removals behind the manager’s back', () => {
  async function observed() {
    const world = await FakeLifecycle.start([{ images: ['redis:latest'] }]);
    const removals = new ObservedChanges({
      cluster: world.fake.cluster,
      desired: world.desired,
      recorder: world.lifecycle.recorder,
      clock: systemClock,
      logger: silentLogger(),
    });
    removals.start();
    return { world, removals };
  }

  test('leave no record', async () => {
    const { world, removals } = await observed();
    await using _ = world;
    const id = await world.made('web');
    await world.made('db');
    const { state } = world.fake.at(0).engine;
    const container = state.find(id);
    if (container) state.remove(container);
    await expect.poll(() => records(world).map(({ name }) => name)).toEqual(['db']);
    await removals.stop();
  });

  test('are not seen in a listing that leaves a container out', async () => {
    const { world, removals } = await observed();
    await using _ = world;
    await world.made('web');
    await world.made('db');
    const { engine, node } = world.fake.at(0);
    const end = engine.lie('GET /containers/json', 200, []);
    await node.refreshAllContainers();
    await expect
      .poll(() => engine.requestsTo('GET /containers/*').filter(({ path }) => path.length > 60))
      .toHaveLength(2);
    end();
    await removals.stop();
    expect(records(world)).toHaveLength(2);
  });

  test('are not seen when a node leaves', async () => {
    const { world, removals } = await observed();
    await using _ = world;
    await world.made('web');
    world.fake.cluster.removeNode(world.fake.at(0).node);
    await removals.stop();
    expect(records(world)).toHaveLength(1);
  });
});

describe('a node that is back without its data', () => {
  /** The node's containers are gone without a word, and its data root is as old as said. */
  async function emptied(world: FakeLifecycle, bornMs: number): Promise<ObservedChanges> {
    const { engine, node } = world.fake.at(0);
    const Created = new Date(bornMs).toISOString();
    engine.lie('GET /networks/none', 200, { Name: 'none', Created });
    engine.state.containers.clear();
    await node.refreshAllContainers();
    const changes = new ObservedChanges({
      cluster: world.fake.cluster,
      desired: world.desired,
      recorder: world.lifecycle.recorder,
      clock: systemClock,
      logger: silentLogger(),
    });
    changes.start();
    return changes;
  }

  test('is no reason to forget what ran there, but for one-offs', async () => {
    await using world = await FakeLifecycle.start([{ images: ['redis:latest'] }]);
    await world.made('web');
    await world.made('once', { HostConfig: { AutoRemove: true } });
    const changes = await emptied(world, Date.now() + 60_000);
    await expect
      .poll(() => records(world).map(({ name, dataLostMs }) => [name, typeof dataLostMs]))
      .toEqual([['web', 'number']]);
    // Its name is held, and can be freed; nothing is asked of the node.
    expect(world.fake.cluster.findContainer('web')).toBeUndefined();
    expect((await world.lifecycle.removeRecorded('web', { search: '', isForced: false }))?.statusCode).toBe(204);
    expect([records(world), world.tombstones.size]).toEqual([[], 0]);
    await changes.stop();
  });

  test('is another thing than a user who removed them', async () => {
    await using world = await FakeLifecycle.start([{ images: ['redis:latest'] }]);
    await world.made('web');
    const changes = await emptied(world, Date.now() - 60_000);
    await expect.poll(() => records(world)).toEqual([]);
    await changes.stop();
  });

  test('is over when it has the data again', async () => {
    await using world = await FakeLifecycle.start([{ images: ['redis:latest'] }]);
    const id = await world.made('web');
    const { engine, node } = world.fake.at(0);
    const kept = new Map(engine.state.containers);
    const changes = await emptied(world, Date.now() + 60_000);
    await expect.poll(() => records(world)[0]?.dataLostMs).toBeDefined();
    for (const [key, container] of kept) engine.state.containers.set(key, container);
    world.fake.cluster.setState(node, 'Unhealthy', 'for the test');
    await node.refreshAllContainers();
    world.fake.cluster.setState(node, 'Healthy', '');
    await expect.poll(() => records(world)[0]?.dataLostMs).toBeUndefined();
    expect(world.fake.cluster.container('web').id).toBe(id);
    await changes.stop();
  });
});
