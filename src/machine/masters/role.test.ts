import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newRecord } from '../create.ts';
import { plainEngine, type SwarmSettings } from '../record.ts';
import { type MachineStore, openStore } from '../store.ts';
import { hasShare, mastersApart, mastersOf, replicationOf } from './role.ts';

let root: string;
let store: MachineStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'masters-'));
  store = openStore(root);
});
afterEach(() => rm(root, { recursive: true }));

async function add(name: string, discovery: string, isMaster = true) {
  const flags = { discoveryOptions: [], options: [], joinOptions: [] };
  const swarm: SwarmSettings = {
    ...{ isMaster, isMember: true, discovery, strategy: 'spread', host: 'tcp://0.0.0.0:3376', image: 'self' },
    ...flags,
  };
  const request = { name, driver: 'local', options: {}, engine: plainEngine(), swarm, savesCredentials: false };
  return (await store.add(newRecord(request, {}, 0))).record;
}

describe('masters', () => {
  it('of one discovery stand in for each other, and those of another do not', async () => {
    const a = await add('a', 'token://x');
    await add('b', 'token://x');
    await add('c', 'file:///y');
    await add('worker', 'file:///z', false);
    expect((await mastersOf(a, { store })).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(await mastersApart(a, { store })).toEqual(['c']);
  });

  it.each([
    ['etcd://10.0.0.9/bees', undefined],
    ['token://x', 'etcd://10.0.0.1:2379,10.0.0.2:2379'],
  ])('with discovery %s share the records in %s', async (discovery, shared) => {
    for (const [name, ip] of [
      ['a', '10.0.0.1'],
      ['b', '10.0.0.2'],
    ] as const) {
      await add(name, discovery);
      const address = { ip, url: `tcp://${ip}:2376` };
      await (await store.load(name)).update((old) => ({ ...old, replicated: true, address }));
    }
    const { record } = await store.load('b');
    expect(await replicationOf(record, { store })).toEqual({ store: shared, advertise: '10.0.0.2:3376' });
  });

  it('share something as soon as they have a server in the store', async () => {
    const a = await add('a', 'token://x');
    expect(hasShare(a)).toBe(false);
    expect(hasShare({ ...a, etcd: { name: 'a-1', cluster: '', token: '' } })).toBe(true);
    expect(hasShare({ ...a, replicated: true })).toBe(true);
  });
});
