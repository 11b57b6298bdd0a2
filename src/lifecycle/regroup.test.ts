import { describe, expect, test } from 'vitest';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import { MOVE_LABEL } from '../cluster/moves.ts';

const NODES = [{}, {}, {}];

/** A body with volumes, tied to other containers. */
function using(volumes: readonly string[], more: object = {}): object {
  return { HostConfig: { Binds: volumes.map((name) => `${name}:/${name}`), ...more } };
}

const on = (name: string, body: object = {}): object => ({ ...body, Env: [`constraint:node==${name}`] });

function act(world: FakeLifecycle, reference: string, action: 'start'): Promise<{ readonly statusCode: number }> {
  const call = { api: '1.44', signal: new AbortController().signal } as const;
  return world.lifecycle.operate(world.fake.cluster.container(reference), { kind: action, search: '' }, call);
}

/** Names at each engine, and the volumes there. */
function held(world: FakeLifecycle): { containers: string[][]; volumes: string[][] } {
  return {
    containers: world.fake.engines.map(({ state }) => [...state.containers.values()].map(({ name }) => name).sort()),
    volumes: world.fake.engines.map(({ state }) => [...state.volumes.keys()].sort()),
  };
}

/** What clients see: names, IDs and nodes. */
function shown(world: FakeLifecycle): string[] {
  return [...world.fake.cluster.containerList]
    .map(({ name, id, node }: Container) => `${name} ${id} ${node.name}`)
    .sort();
}

async function volumesMade(world: FakeLifecycle, ...names: string[]): Promise<void> {
  for (const Name of names) await world.volumes.create({ Name }, new AbortController().signal);
}

describe('containers that were never started', () => {
  test('are brought together when a later one shares volumes with both', async () => {
    await inWorld(NODES, async (world) => {
      await volumesMade(world, 'vx', 'vy');
      const a = await world.made('a', using(['vx']));
      const b = await world.made('b', using(['vy']));
      expect(world.nodeOf('a')).not.toBe(world.nodeOf('b'));
      await world.made('c', using(['vx', 'vy']));
      const node = world.nodeOf('c');
      expect([world.nodeOf(a), world.nodeOf(b)]).toEqual([node, node]);
      expect([world.fake.cluster.container('a').id, world.fake.cluster.container('b').id]).toEqual([a, b]);
      const { containers, volumes } = held(world);
      expect(containers.flat().sort()).toEqual(['a', 'b', 'c']);
      expect(volumes.filter((names) => names.length > 0)).toEqual([['vx', 'vy']]);
    });
  });

  test.each([
    ['--volumes-from', { VolumesFrom: ['a:ro', 'b'] }],
    ['--network and --pid', { NetworkMode: 'container:a', PidMode: 'container:b' }],
    ['--ipc and a volume', { IpcMode: 'container:a', Binds: ['vy:/vy'] }],
    ['--link on the default bridge', { Links: ['a:one', 'b:two'] }],
  ])('are brought together by %s', async (_case, HostConfig) => {
    await inWorld(NODES, async (world) => {
      const a = await world.made('a', using(['vx']));
      const b = await world.made('b', using(['vy']));
      await world.made('c', { HostConfig });
      expect([world.nodeOf(a), world.nodeOf(b)]).toEqual([world.nodeOf('c'), world.nodeOf('c')]);
      const node = world.fake.cluster.container('c').node;
      const body = [...node.containers.values()].map(({ engineId }) => engineId);
      const engine = world.fake.engines[world.fake.nodes.indexOf(node)];
      const hostConfig = engine?.state.find('c')?.hostConfigJson ?? '';
      for (const id of hostConfig.match(/[0-9a-f]{64}/g) ?? []) expect(body).toContain(id);
    });
  });

  test('follow each other over several steps, and keep what refers to what', async () => {
    await inWorld(NODES, async (world) => {
      await world.made('a', on('node-1', using(['vx'])));
      await world.made('a2', { HostConfig: { NetworkMode: 'container:a' } });
      const b = await world.made('b', using(['vy']));
      await world.made('b2', { HostConfig: { VolumesFrom: [b] } });
      await world.made('c', using(['vx', 'vy']));
      expect(['a', 'a2', 'b', 'b2', 'c'].map((name) => world.nodeOf(name))).toEqual(Array(5).fill('node-1'));
      const state = world.fake.at(0).engine.state;
      expect(state.find('b2')?.hostConfigJson).toContain(state.find('b')?.id);
    });
  });

  test('go where a later one with a constraint can go', async () => {
    await inWorld(NODES, async (world) => {
      const a = await world.made('a', using(['vx']));
      const other = ['node-1', 'node-2', 'node-3'].find((name) => name !== world.nodeOf('a')) ?? '';
      await world.made('c', on(other, using(['vx'])));
      expect([world.nodeOf(a), world.nodeOf('c')]).toEqual([other, other]);
    });
  });

  test('keep their identity in networks and as hosts', async () => {
    await inWorld(NODES, async (world) => {
      const a = await world.made('a', {
        ...using(['vx'], { NetworkMode: 'front' }),
        NetworkingConfig: { EndpointsConfig: { front: { Aliases: ['web'] } } },
      });
      const other = ['node-1', 'node-2', 'node-3'].find((name) => name !== world.nodeOf('a')) ?? '';
      await world.made('c', on(other, using(['vx'])));
      const { state } = world.fake.at(Number(other.slice(-1)) - 1).engine;
      const config = JSON.parse(state.find('a')?.configJson ?? '{}');
      expect(config).toMatchObject({ Hostname: a.slice(0, 12) });
    });
  });

  test('are not seen twice or missing, and their making anew is no event', async () => {
    await inWorld(NODES, async (world) => {
      const events: string[] = [];
      const sightings = new Set<string>();
      world.fake.cluster.subscribe((event: ClusterEvent) => {
        sightings.add(
          shown(world)
            .map((line) => line.split(' ')[0])
            .join(' '),
        );
        if (event.kind !== 'engine-event') return;
        const { Type, Action, Actor } = event.event;
        events.push(`${Type} ${Action} ${Actor.Attributes?.name ?? Actor.ID}`);
      });
      await volumesMade(world, 'vx', 'vy');
      await world.made('a', using(['vx']));
      await world.made('b', using(['vy']));
      await world.made('c', using(['vx', 'vy']));
      await expect.poll(() => events.filter((text) => text.startsWith('container'))).toHaveLength(3);
      for (const name of ['a', 'b']) await act(world, name, 'start');
      await expect.poll(() => events).toContain('container start b');
      expect(events.filter((text) => text.startsWith('container'))).toEqual([
        'container create a',
        'container create b',
        'container create c',
        'container start a',
        'container start b',
      ]);
      expect(events.filter((text) => text.startsWith('volume')).sort()).toEqual([
        'volume create vx',
        'volume create vy',
      ]);
      expect([...sightings].every((names) => ['', 'a', 'a b', 'a b c'].includes(names))).toBe(true);
    });
  });

  test('reserve on the new node what they reserved on the old one', async () => {
    await inWorld([{}, {}], async (world) => {
      const half = { Memory: 2 ** 30, PortBindings: { '80/tcp': [{ HostPort: '80' }] } };
      await world.made('a', on('node-1', using(['vx'], half)));
      await world.made('b', on('node-2', using(['vy'])));
      await world.made('b3', using(['vz']));
      await expect(world.create('c', using(['vx', 'vy']))).rejects.toThrow('volume "vx" lives on node-1');
      expect(world.fake.nodes.map(({ reservedMemoryBytes }) => reservedMemoryBytes)).toEqual([2 ** 30, 0]);
      await world.made('d', on('node-2', using(['vx2'], { Memory: 2 ** 30 })));
      await world.made('e', on('node-1', using(['vx3'])));
    });
  });
});

describe('what is not provisional stays', () => {
  test.each([
    ['a container that was started', (world: FakeLifecycle) => act(world, 'a', 'start')],
    [
      'a container that a client uses',
      (world: FakeLifecycle) => world.lifecycle.use(world.fake.cluster.container('a')),
    ],
  ])('%s: the others come to it', async (_case, use) => {
    await inWorld(NODES, async (world) => {
      await world.made('a', using(['vx']));
      const home = world.nodeOf('a');
      await world.made('b', using(['vy']));
      await use(world);
      await world.made('c', using(['vx', 'vy']));
      expect([world.nodeOf('a'), world.nodeOf('b'), world.nodeOf('c')]).toEqual([home, home, home]);
    });
  });

  test('two that were started are refused with the reason, and nothing is moved', async () => {
    await inWorld(NODES, async (world) => {
      await world.made('a', using(['vx']));
      await world.made('b', using(['vy']));
      for (const name of ['a', 'b']) await act(world, name, 'start');
      const before = shown(world);
      await expect(world.create('c', using(['vx', 'vy']))).rejects.toThrow(/volume "v[xy]" lives on node-[12]/);
      expect(shown(world)).toEqual(before);
    });
  });

  test('a volume that was there before', async () => {
    await inWorld([{ volumes: ['old'] }, {}, {}], async (world) => {
      await world.made('b', on('node-2', using(['vy'])));
      await expect(world.create('c', using(['old', 'vy']))).rejects.toThrow('lives on node-1');
      await world.made('free', using(['vz']));
      await world.made('d', using(['old', 'vz']));
      expect(world.nodeOf('free')).toBe('node-1');
    });
  });

  test('containers that want to be apart', async () => {
    await inWorld(NODES, async (world) => {
      await world.made('a', using(['vx']));
      await world.made('b', { ...using(['vy']), Env: ['affinity:container!=a'] });
      await expect(world.create('c', using(['vx', 'vy']))).rejects.toThrow('lives on node-1');
    });
  });
});

describe('at any failure nothing is lost and nothing doubled', () => {
  const TIED = using(['vx', 'vy']);

  /** Two containers on node-1 and node-2, with their names and IDs as clients see them. */
  async function two(world: FakeLifecycle): Promise<string[]> {
    await volumesMade(world, 'vx', 'vy');
    await world.made('a', using(['vx']));
    await world.made('b', using(['vy']));
    return shown(world);
  }

  test.each([
    ['the volume cannot be made', 'POST /volumes/create'],
    ['the container cannot be made', 'POST /containers/create'],
  ])('%s', async (_case, route) => {
    await inWorld([{}, {}], async (world) => {
      const before = await two(world);
      const heldBefore = held(world);
      const ends = world.fake.engines.map((engine) => engine.lie(route, 500, { message: 'no space left on device' }));
      await expect(world.create('c', TIED)).rejects.toThrow(/moving [ab] to node-[12] failed: no space left on device/);
      for (const end of ends) end();
      expect([shown(world), held(world)]).toEqual([before, heldBefore]);
      await world.made('c', TIED);
      expect(shown(world).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
        ...before.map((line) => line.split(' ').slice(0, 2).join(' ')),
        expect.stringMatching(/^c /),
      ]);
    });
  });

  test('one is started at its engine meanwhile', async () => {
    await inWorld([{}, {}], async (world) => {
      await two(world);
      for (const { state } of world.fake.engines) {
        for (const container of state.containers.values()) container.state = 'running';
      }
      await expect(world.create('c', TIED)).rejects.toThrow('was started meanwhile');
      expect(held(world).containers).toEqual([['a'], ['b']]);
    });
  });

  test('an old one cannot be removed: it is not shown, and goes later', async () => {
    await inWorld([{}, {}], async (world) => {
      await two(world);
      const ends = world.fake.engines.map((engine) =>
        engine.on('DELETE /containers/*', (exchange) => {
          exchange.json(500, '{"message":"busy"}');
          return true;
        }),
      );
      await world.made('c', TIED);
      expect(held(world).containers.flat()).toHaveLength(4);
      expect(shown(world)).toHaveLength(3);
      for (const end of ends) end();
      await Promise.all(world.fake.nodes.map((node) => node.refreshAllContainers()));
      await expect.poll(() => held(world).containers.flat().sort()).toEqual(['a', 'b', 'c']);
      expect(shown(world)).toHaveLength(3);
    });
  });

  test.each([
    ['complete', 1, ['node-1']],
    ['incomplete', 2, ['node-1']],
  ])('a manager was killed and the move was %s', async (_case, made, nodes) => {
    const id = 'a'.repeat(64);
    const labels = { 'com.docker.swarm.id': id, [MOVE_LABEL]: `5eed/${made}` };
    const old = { id, name: 'a', state: 'created' } as const;
    const anew = { id: 'b'.repeat(64), name: 'a', state: 'created', labels } as const;
    await inWorld([{ containers: [old] }, { containers: [anew] }], async (world) => {
      await expect
        .poll(() => [...world.fake.cluster.containerList].map(({ node }) => node.name), { timeout: 120_000 })
        .toEqual(nodes);
      expect(shown(world)).toEqual([`a ${id} ${nodes[0]}`]);
      expect(held(world).containers.flat()).toEqual(['a']);
    });
  });

  test('a manager was killed and a container was started since', async () => {
    const id = 'a'.repeat(64);
    const labels = { 'com.docker.swarm.id': id, [MOVE_LABEL]: '5eed/1' };
    const old = { id, name: 'a', state: 'running' } as const;
    const anew = { id: 'b'.repeat(64), name: 'a', state: 'created', labels } as const;
    await inWorld([{ containers: [old] }, { containers: [anew] }], async (world) => {
      await expect.poll(() => held(world).containers, { timeout: 120_000 }).toEqual([['a'], []]);
    });
  });
});

test('creates that tie each other at the same time all succeed', async () => {
  await inWorld(NODES, async (world) => {
    await volumesMade(world, 'vx', 'vy', 'vz');
    const bodies = [['vx'], ['vy'], ['vz'], ['vx', 'vy'], ['vy', 'vz']];
    const ids = await Promise.all(bodies.map((volumes, i) => world.made(`c${i}`, using(volumes))));
    expect(new Set(ids.map((id) => world.nodeOf(id))).size).toBe(1);
    expect(held(world).containers.flat()).toHaveLength(5);
    expect(held(world).volumes.flat().sort()).toEqual(['vx', 'vy', 'vz']);
  });
});

async function inWorld(engines: readonly object[], body: (world: FakeLifecycle) => Promise<void>): Promise<void> {
  await using world = await FakeLifecycle.start(engines);
  await body(world);
}
