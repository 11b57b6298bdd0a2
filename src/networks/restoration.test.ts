import { afterEach, expect, test } from 'vitest';
import { fullDiskRecords, memoryRecords } from '../../test/fakes/memory-records.ts';
import { closeNetworkWorlds, NetworkWorld } from '../../test/fakes/network-world.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { askedOf } from '../cluster/network-names.ts';
import { NetworkRecords } from './network-records.ts';

const { signal } = new AbortController();
const IPAM = { Config: [{ Subnet: '10.5.0.0/24', IPRange: '10.5.0.128/25', Gateway: '10.5.0.1' }] };

afterEach(closeNetworkWorlds);

/** A world that restores, with a network `web` that was made before. */
async function withWeb(deps = memoryRecords()) {
  const world = await NetworkWorld.start([{}, {}], deps);
  const id = await world.create({ Name: 'web', IPAM, Labels: { tier: 'front' } });
  world.networks.restoration.start();
  return { world, id };
}

/** A substrate without any network. */
function formAnew(world: NetworkWorld): void {
  world.swarmId = 's2';
  world.swarm.clear();
}

test('a substrate that was formed anew gets its networks again: same subnet and labels, same ID for clients', async () => {
  const { world, id } = await withWeb();
  formAnew(world);
  await world.round();
  await waitUntil(() => world.swarm.size === 1);
  const [made] = world.swarm.values();
  expect(made?.Id).not.toBe(id);
  expect(made?.IPAM).toMatchObject(IPAM);
  await waitUntil(() => world.networks.find('web')?.raw.Id === made?.Id);
  expect(world.networks.find(id)).toMatchObject({ id, name: 'web', summary: { Id: id, Labels: { tier: 'front' } } });
  expect(world.networks.find(made?.Id ?? '')?.id).toBe(id);
  expect(world.fake.cluster.networkNames.shownId(made?.Id ?? '')).toBe(id);
  // It can be removed by the ID that clients know.
  await world.networks.remove(id, signal);
  expect([world.swarm.size, world.records.size]).toEqual([0, 0]);
});

test('one that a client removes while it is made again does not come back', async () => {
  const { world } = await withWeb();
  await world.create({ Name: 'other' });
  formAnew(world);
  let removed: Promise<unknown> | undefined;
  world.onCreate = () => {
    // Both: the one that is being made, and the one that is planned to be.
    removed ??= Promise.all([world.networks.remove('web', signal), world.networks.remove('other', signal)]);
  };
  await world.round();
  await waitUntil(() => removed !== undefined);
  await removed;
  await world.round();
  await waitUntil(() => world.swarm.size === 0 && world.records.size === 0);
  expect(await world.names()).toEqual(['bridge', 'host', 'none']);
});

test('it is shown before it is there again', async () => {
  const { world, id } = await withWeb();
  await world.networks.restoration.stop();
  formAnew(world);
  await world.round();
  expect(world.networks.find('web')?.id).toBe(id);
});

test('what somebody removed at an engine is not made again, and what others made is left alone', async () => {
  const { world } = await withWeb();
  const own = { Id: 'o'.repeat(25), Name: 'own', Driver: 'overlay', Scope: 'swarm', Containers: {} };
  world.swarm.clear();
  world.swarm.set(own.Id, own);
  await world.round();
  await waitUntil(() => world.records.size === 0);
  expect([...world.swarm.keys()]).toEqual([own.Id]);
  formAnew(world);
  await world.round();
  expect(world.networks.find('web')).toBeUndefined();
  expect(world.swarm.size).toBe(0);
});

test('a network that was removed while the substrate had no leader does not come back', async () => {
  const deps = memoryRecords();
  const { world, id } = await withWeb(deps);
  world.isLed = false;
  await world.networks.remove('web', signal);
  expect(world.networks.find('web')).toBeUndefined();
  expect(world.swarm.has(id)).toBe(true);
  // Another manager over the same records finishes it.
  await world.networks.restoration.stop();
  const next = await NetworkWorld.start([{}, {}], deps, world.swarm);
  next.networks.restoration.start();
  await next.round();
  await waitUntil(() => next.swarm.size === 0 && next.records.size === 0);
  expect(await next.names()).not.toContain('web');
});

test('one that is in use by then stays', async () => {
  const { world, id } = await withWeb();
  world.isLed = false;
  await world.networks.remove('web', signal);
  const network = world.swarm.get(id);
  if (network) network.Containers = { c1: { Name: 'late' } };
  world.fake.cluster.replaceNetworks(world.fake.at(0).node, network ? [network] : []);
  world.isLed = true;
  await world.round();
  await waitUntil(() => world.networks.find('web') !== undefined);
  expect(world.records.all()).toMatchObject([{ state: 'made', id }]);
});

test('a create that was interrupted is finished when the substrate has the network, and forgotten when not', async () => {
  const deps = memoryRecords();
  const { world, id } = await withWeb(deps);
  const [record] = world.records.all();
  if (!record) throw new Error('no record');
  // As a manager left it that was killed between the engine's answer and its own.
  const { id: _, summary, seenIn, ...intent } = record;
  await deps.records.write([
    { key: record.key, value: JSON.stringify({ ...intent, state: 'making' }) },
    { key: 'lost', value: JSON.stringify({ ...intent, key: 'lost', state: 'making', name: 'lost' }) },
  ]);
  await waitUntil(() => world.records.size === 2);
  await world.round();
  await waitUntil(() => world.records.size === 1);
  await waitUntil(() => world.records.all()[0]?.state === 'made');
  expect(world.records.all()).toMatchObject([{ name: 'web', id, state: 'made' }]);
  expect([...world.swarm.keys()]).toEqual([id]);
});

test('a network of ours without a record is taken in', async () => {
  const { world, id } = await withWeb();
  const other = await NetworkWorld.start();
  const network = world.swarm.get(id);
  if (network) other.swarm.set(id, network);
  other.networks.restoration.start();
  await other.round();
  await waitUntil(() => other.records.size === 1);
  expect(other.records.all()).toMatchObject([{ key: askedOf(network ?? {}).Record, name: 'web', id, state: 'made' }]);
});

test('a create that cannot be recorded makes nothing', async () => {
  const disk = { isFull: true };
  const world = await NetworkWorld.start([{}, {}], fullDiskRecords(disk));
  await expect(world.create({ Name: 'web' })).rejects.toThrow();
  expect(world.swarm.size).toBe(0);
});

test('a create whose answer does not come through leaves nothing behind', async () => {
  const world = await NetworkWorld.start();
  world.losesAnswers = true;
  await expect(world.create({ Name: 'web' })).rejects.toThrow();
  expect([world.swarm.size, world.records.size]).toEqual([0, 0]);
});

test('lazy networks that are recorded wake the substrate', async () => {
  const deps = memoryRecords();
  await withWeb(deps);
  const next = await NetworkWorld.start([{}, {}], deps);
  next.networks.restoration.start();
  expect(next.asked).toContain('activate');
});

test('records are carried over, and what cannot be read changes nothing', async () => {
  const { world } = await withWeb();
  const [record] = world.records.export();
  const copy = await NetworkRecords.open(memoryRecords());
  await expect(copy.import([record, { ...record, key: 'b', format: 2 }])).rejects.toThrow('network 2 of the import');
  expect(copy.size).toBe(0);
  await copy.import([
    { ...record, hue: 'green' },
    { ...record, key: 'twin' },
  ]);
  await copy.import([record]);
  expect(copy.export()).toHaveLength(1);
  expect(copy.export()[0]).toMatchObject({ name: 'web', hue: 'green' });
  await copy.close();
});
