import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ETCD } from '../../src/kv/etcd/etcd-client.ts';
import { EtcdKeyspace } from '../../src/kv/etcd/etcd-keyspace.ts';
import type { RecordStore } from '../../src/kv/record-store.ts';
import { SharedStore } from '../../src/kv/shared/shared-store.ts';
import { storeError } from '../../src/kv/shared/store-errors.ts';
import { readStoreAddress } from '../../src/kv/store-address.ts';
import { sharedCluster, takeOver } from '../../src/replication/take-over-state.ts';
import { openStateStore, type StateStore } from '../../src/store/state-store.ts';
import { type EtcdServers, startEtcd } from './etcd-servers.ts';

const ID = '0123456789abcdef';
let etcd: EtcdServers;
let folder: string;
let own: StateStore;

beforeAll(async () => {
  etcd = await startEtcd(1);
  folder = await mkdtemp(join(tmpdir(), 'hand-over-'));
  own = await openStateStore(folder);
  for (let i = 0; i < 70; i++)
    await own.records('containers').write([{ key: `c${i}`, value: JSON.stringify({ i, ação: 'x'.repeat(i) }) }]);
  await own.records('networks').write([{ key: 'n', value: '{}' }]);
  await own.records('nodes').write([{ key: 'mine', value: '{}' }]);
});
afterAll(async () => {
  await own?.close();
  await etcd?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The store at a prefix; after `commits` of them every one fails, as when the manager is killed. */
async function open(prefix: string, commits = Number.POSITIVE_INFINITY): Promise<SharedStore> {
  const keyspace = new EtcdKeyspace(await readStoreAddress(ETCD, `${etcd.hosts}/${prefix}`, new Map()));
  const commit = keyspace.commit.bind(keyspace);
  let left = commits;
  keyspace.commit = (...args) => {
    left -= 1;
    return left < 0 ? Promise.reject(storeError('STORE_REFUSED', 'killed')) : commit(...args);
  };
  return new SharedStore(keyspace);
}

async function pairs(records: RecordStore): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  await records.snapshot(({ key, value }) => {
    found[key] = value;
  });
  return found;
}

async function expectHandedOver(store: SharedStore): Promise<void> {
  expect(await sharedCluster(store)).toEqual({ id: ID, state: 'ready' });
  for (const kind of ['containers', 'networks'])
    expect(await pairs(store.records(kind))).toEqual(await pairs(own.records(kind)));
  expect(await pairs(store.records('nodes'))).toEqual({});
}

describe('records that one manager had alone', () => {
  it('are handed over whenever it is interrupted, and ready only when they are all there', async () => {
    let finished = false;
    for (let commits = 0; !finished; commits++) {
      const prefix = randomUUID();
      const killed = await open(prefix, commits);
      finished = await takeOver(killed, ID, own).catch(() => false);
      await killed.close();
      const store = await open(prefix);
      const before = await sharedCluster(store);
      expect(before?.state === 'ready').toBe(finished);
      // What was made and removed between two attempts is in neither.
      await own.records('containers').write([{ key: 'c0' }, { key: `new-${commits}`, value: '{}' }]);
      if (!finished) expect(await takeOver(store, ID, own)).toBe(true);
      if (!finished) await expectHandedOver(store);
      await own.records('containers').write([{ key: 'c0', value: '{}' }, { key: `new-${commits}` }]);
      await store.close();
      expect(commits).toBeLessThan(40);
    }
  });

  it('are noted to be elsewhere before any manager may use them', async () => {
    const prefix = randomUUID();
    const store = await open(prefix);
    const full = takeOver(store, ID, own, () => Promise.reject(new Error('no space left on device')));
    await expect(full).rejects.toThrow('no space left on device');
    expect(await sharedCluster(store)).toEqual({ id: ID, state: 'copying' });
    expect(await takeOver(store, ID, own)).toBe(true);
    await expectHandedOver(store);
    // Once is enough: what managers wrote since stays.
    await store.records('containers').write([{ key: 'later', value: '{}' }]);
    expect(await takeOver(store, ID, own)).toBe(false);
    expect(await store.records('containers').get('later')).toBeDefined();
    await store.close();
  });

  it('go neither into the store of another cluster nor among records that nobody names', async () => {
    const store = await open(randomUUID());
    await store.records('networks').write([{ key: 'theirs', value: '{}' }]);
    await expect(takeOver(store, ID, own)).rejects.toMatchObject({ code: 'STORE_NOT_EMPTY' });
    expect(await pairs(store.records('networks'))).toEqual({ theirs: '{}' });
    await store.records('networks').write([{ key: 'theirs' }]);
    expect(await takeOver(store, 'fedcba9876543210', own)).toBe(true);
    expect(await takeOver(store, ID, own)).toBe(false);
    expect(await sharedCluster(store)).toEqual({ id: 'fedcba9876543210', state: 'ready' });
    await store.close();
  });
});
