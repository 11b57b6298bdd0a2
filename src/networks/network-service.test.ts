import { afterEach, describe, expect, test } from 'vitest';
import { COMPOSE, closeNetworkWorlds, NetworkWorld } from '../../test/fakes/network-world.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { Container } from '../cluster/container.ts';
import type { ContainerSummary } from '../engine/types.ts';

const { signal } = new AbortController();

afterEach(closeNetworkWorlds);

describe('list', () => {
  test('predefined networks once, those of one node and of the cluster', async () => {
    const world = await NetworkWorld.start();
    await world.create({ Name: 'near', Driver: 'macvlan' });
    await world.create({ Name: 'far' });
    expect(await world.names()).toEqual(['bridge', 'far', 'host', 'near', 'none']);
    expect(await world.names({ driver: ['bridge'] })).toEqual(['bridge']);
    expect(await world.names({ type: ['custom'] })).toEqual(['far', 'near']);
    expect(await world.names({ type: ['custom'], node: ['node-1'] })).toEqual(['far']);
    expect(await world.names({ type: ['custom'], node: ['node-2'] })).toEqual(['far', 'near']);
  });

  test('by use, which the engines are asked for', async () => {
    const world = await NetworkWorld.start();
    const used = await world.create({ Name: 'used' });
    await world.create({ Name: 'unused' });
    const network = world.swarm.get(used);
    if (network) network.Containers.c1 = { Name: 'c1' };
    const { node } = world.fake.at(0);
    world.fake.cluster.replaceNetworks(node, [...world.fake.cluster.networks.of(node), ...world.swarm.values()]);
    expect(await world.names({ dangling: ['true'] })).toEqual(['unused']);
    expect(await world.names({ dangling: ['0'], type: ['custom'] })).toEqual(['used']);
    await expect(world.names({ dangling: ['perhaps'] })).rejects.toMatchObject({ status: 400 });
  });
});

describe('inspect', () => {
  test('one ID, one name and the endpoints of all nodes; not the substrate’s own', async () => {
    const world = await NetworkWorld.start();
    const id = await world.create({ Name: 'far' });
    for (const { node, engine } of [world.fake.at(0), world.fake.at(1)]) {
      world.fake.cluster.replaceNetworks(node, [...world.fake.cluster.networks.of(node), ...world.swarm.values()]);
      const Containers = { [`of-${node.name}`]: { IPv4Address: '10.208.0.9/24' }, 'lb-far': {} };
      engine.lie(`GET /networks/${id}`, 200, { ...world.swarm.get(id), Containers });
    }
    expect(await world.networks.inspect('far', { search: '' }, signal)).toMatchObject({
      Id: id,
      Name: 'far',
      Driver: 'overlay',
      Containers: { 'of-node-1': {}, 'of-node-2': {} },
    });
  });

  test('one that no node uses is described by the manager', async () => {
    const world = await NetworkWorld.start();
    const id = await world.create({ Name: 'far' });
    expect(await world.networks.inspect(id.slice(0, 25), { search: '' }, signal)).toMatchObject({ Containers: {} });
  });

  test('an unknown one is refused in an engine’s words', async () => {
    const world = await NetworkWorld.start();
    await expect(world.networks.inspect('nosuch', { search: '' }, signal)).rejects.toMatchObject({
      status: 404,
      message: 'network nosuch not found',
    });
  });
});

describe('create', () => {
  test('what asks for no driver spans: made at the manager, attachable, and found at once', async () => {
    const world = await NetworkWorld.start();
    const id = await world.create({ Name: 'far' });
    expect(world.swarm.get(id)).toMatchObject({ Driver: 'overlay', Attachable: true });
    expect(world.networks.find('far')).toMatchObject({ kind: 'cluster', id });
  });

  test('of two creates of one name at the same time one is refused', async () => {
    const world = await NetworkWorld.start();
    const outcomes = await Promise.allSettled([world.create({ Name: 'far' }), world.create({ Name: 'far' })]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(world.swarm.size).toBe(1);
    await expect(world.create({ Name: 'far' })).rejects.toMatchObject({ status: 409 });
  });

  test('subnets that overlap are refused before any engine is asked', async () => {
    const world = await NetworkWorld.start();
    const IPAM = { Config: [{ Subnet: '10.77.0.0/16' }] };
    await world.create({ Name: 'far', IPAM });
    const inside = { Config: [{ Subnet: '10.77.3.0/24' }] };
    await expect(world.create({ Name: 'other', IPAM: inside })).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('Pool overlaps with other one on this address space (network far)'),
    });
    expect(world.fake.at(0).engine.requestsTo('POST /networks/create')).toHaveLength(1);
  });

  test('without a leader it is tried again', async () => {
    const world = await NetworkWorld.start();
    const { engine } = world.fake.at(0);
    const heal = engine.lie('POST /networks/create', 500, { message: 'rpc error: The swarm does not have a leader.' });
    const created = world.create({ Name: 'far' });
    await waitUntil(() => engine.requestsTo('POST /networks/create').length > 0);
    heal();
    expect(world.swarm.has(await created)).toBe(true);
  });

  test('one that fails for good leaves its name free', async () => {
    const world = await NetworkWorld.start();
    const heal = world.fake.at(0).engine.lie('POST /networks/create', 500, { message: 'no space left on device' });
    await expect(world.create({ Name: 'far' })).rejects.toMatchObject({ status: 500 });
    heal();
    await world.create({ Name: 'far' });
  });

  test('one that gets no addresses is removed again when the client leaves', async () => {
    const world = await NetworkWorld.start();
    world.isPoolEmpty = true;
    const client = new AbortController();
    const created = world.networks.create('{"Name":"far"}', { Name: 'far' }, COMPOSE, client.signal);
    await waitUntil(() => world.swarm.size === 1);
    client.abort(new Error('the client left'));
    await expect(created).rejects.toThrow();
    expect(world.swarm.size).toBe(0);
  });

  test('a driver of one node: on the node that is chosen', async () => {
    const world = await NetworkWorld.start();
    await world.create({ Name: 'near', Driver: 'macvlan' });
    expect(world.fake.at(1).engine.requestsTo('POST /networks/create')).toHaveLength(1);
    expect(world.networks.find('near')?.holders.map(({ name }) => name)).toEqual(['node-2']);
    expect(world.networks.homesOf(['near'])).toEqual([
      { nodeId: world.fake.at(1).node.id, reason: 'network "near" lives on node-2' },
    ]);
  });
});

describe('remove', () => {
  test('a network of one node, there', async () => {
    const world = await NetworkWorld.start();
    await world.create({ Name: 'near', Driver: 'macvlan' });
    await world.networks.remove('near', signal);
    expect(await world.names({ type: ['custom'] })).toEqual([]);
  });

  test('not one whose node is away: it says so', async () => {
    const world = await NetworkWorld.start();
    await world.create({ Name: 'near', Driver: 'macvlan' });
    const { engine, node } = world.fake.at(1);
    await engine.apply({ kind: 'refuse' });
    await waitUntil(() => !node.isHealthy);
    await expect(world.networks.remove('near', signal)).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining('network near lives on node-2, which is not healthy'),
    });
  });

  test('a cluster network, unless a container is connected', async () => {
    const world = await NetworkWorld.start();
    const id = await world.create({ Name: 'far' });
    const network = world.swarm.get(id);
    if (network) network.Containers = { [`c1${'0'.repeat(62)}`]: { Name: 'web' } };
    const { node } = world.fake.at(0);
    world.fake.cluster.replaceNetworks(node, [...world.fake.cluster.networks.of(node), ...world.swarm.values()]);
    await expect(world.networks.remove('far', signal)).rejects.toMatchObject({
      status: 403,
      message: 'error while removing network: network far has active endpoints (name:"web" id:"c10000000000")',
    });
    if (network) network.Containers = {};
    await world.networks.remove('far', signal);
    expect(world.networks.find('far')).toBeUndefined();
    // Its name and its engine's late listing stand in nobody's way.
    await world.create({ Name: 'far' });
  });
});

describe('connect and disconnect', () => {
  test('at the container’s node, by its engine’s ID, once the node is ready', async () => {
    const world = await NetworkWorld.start([{}, { containers: [{ name: 'web' }] }]);
    await world.create({ Name: 'far' });
    await world.networks.connect('far', { Container: 'web' }, signal);
    expect(world.asked).toEqual(['ready on node-2']);
    expect(world.fake.at(1).engine.requestsTo('POST /networks/far/connect')).toHaveLength(1);
    await world.networks.disconnect('far', { Container: 'web' }, signal);
    expect(world.fake.at(1).engine.requestsTo('POST /networks/far/disconnect')).toHaveLength(1);
  });

  test('a network of another node cannot be reached', async () => {
    const world = await NetworkWorld.start([{ containers: [{ name: 'web' }] }, {}]);
    await world.create({ Name: 'near', Driver: 'macvlan' });
    await expect(world.networks.connect('near', { Container: 'web' }, signal)).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('network near is a macvlan network on node-2, the container is on node-1'),
    });
  });

  test('with force also a container whose node is down: the swarm lets go of it', async () => {
    const world = await NetworkWorld.start([{}, { containers: [{ name: 'web' }] }]);
    await world.create({ Name: 'far' });
    const { engine, node } = world.fake.at(1);
    await engine.apply({ kind: 'refuse' });
    await waitUntil(() => !node.isHealthy);
    const away = {
      status: 503,
      message: expect.stringMatching(/^container web is on node \S+, which is unhealthy: .* Try again/),
    };
    await expect(world.networks.connect('far', { Container: 'web' }, signal)).rejects.toMatchObject(away);
    await expect(world.networks.disconnect('far', { Container: 'web' }, signal)).rejects.toMatchObject(away);
    await world.networks.disconnect('far', { Container: 'web', Force: true }, signal);
    expect(world.asked).toEqual(['release node-2']);
  });

  test.each([{}, { Container: '' }, { Container: 7 }])('%j names no container', async (body) => {
    const world = await NetworkWorld.start([{}]);
    await expect(world.networks.connect('bridge', body, signal)).rejects.toMatchObject({ status: 400 });
  });
});

describe('what placement asks', () => {
  test('engines outside the substrate are refused for cluster networks alone', async () => {
    const world = await NetworkWorld.start();
    await world.create({ Name: 'far' });
    world.problems = new Map([['x', 'ports are closed']]);
    expect(world.networks.refusalsFor(['bridge']).size).toBe(0);
    expect(world.networks.refusalsFor(['bridge', 'far'])).toBe(world.problems);
    expect(world.networks.homesOf(['bridge', 'far'])).toEqual([]);
    expect(() => world.networks.homesOf(['nosuch'])).toThrow('network nosuch not found');
    expect(['bridge', 'far', 'nosuch'].map((name) => world.networks.isLocal(name))).toEqual([false, false, false]);
  });
});

test('networks of another cluster are not pruned', async () => {
  const world = await NetworkWorld.start();
  world.guestOf = 'c2';
  expect(await world.networks.prune('', signal)).toEqual({ NetworksDeleted: null });
  for (const engine of world.fake.engines) expect(engine.requestsTo('POST /networks/prune')).toEqual([]);
});

test('what is on no cluster network waits for no substrate', async () => {
  const world = await NetworkWorld.start();
  world.isReady = false;
  const { node } = world.fake.at(1);
  await world.create({ Name: 'near', Driver: 'macvlan' });
  await world.networks.prepareAttach(node, ['near', 'bridge'], signal);
  await world.networks.prepareSuccessor(node, ['near'], true, signal);
  const summary = {
    Id: 'c1',
    Names: ['/c1'],
    State: 'created',
    Status: 'Created',
    NetworkSettings: { Networks: { bridge: {}, near: {} } },
  };
  const container = new Container(node, summary as unknown as ContainerSummary, 0);
  const answer = { statusCode: 204, rawHeaders: [], body: Buffer.alloc(0) };
  expect(await world.networks.start(container, async () => answer, signal)).toBe(answer);
  expect(world.asked).toEqual([]);
});
