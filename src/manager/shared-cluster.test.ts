import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MemoryKeyServer, MemoryKeyspace } from '../../test/fakes/memory-keyspace.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { openDiscovery } from '../discovery/discovery.ts';
import { SharedStore } from '../kv/shared/shared-store.ts';
import { claim, sharedCluster } from '../replication/take-over-state.ts';
import { type FindOptions, findCluster } from './find-cluster.ts';
import { findSharedCluster } from './shared-cluster.ts';

const THEIRS = '0123456789abcdef';
let stateFolder: string;
let store: SharedStore;

beforeEach(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'enxame-shared-cluster-'));
  store = new SharedStore(new MemoryKeyspace(new MemoryKeyServer()));
  await claim(store, THEIRS);
});

afterEach(async () => {
  await store.close();
  await rm(stateFolder, { recursive: true });
});

async function options(discovery: string, asked?: string): Promise<Omit<FindOptions, 'shared'>> {
  const settings = { heartbeatMs: 1_000, clock: systemClock, options: new Map(), env: {} };
  const backend = await openDiscovery('127.0.0.1:9', settings);
  const connect = () => Promise.reject(new Error('no engine here'));
  return { stateFolder, discovery, asked, backend, connect, clock: systemClock, logger: silentLogger() };
}

test('a manager of another cluster is refused, by name, by ID and by the discovery argument; the store stays as it was', async () => {
  const own = await findCluster(await options('memory://one', 'beta'));
  await own.store.close();
  for (const [discovery, asked] of [
    ['memory://two', 'beta'],
    ['memory://two', own.cluster.id],
    ['memory://two', 'fedcba9876543210'],
    ['memory://one', undefined],
  ] as const)
    await expect(
      findSharedCluster({ store, name: 'memory://two' }, await options(discovery, asked)),
    ).rejects.toMatchObject({
      code: 'CLUSTER_AMBIGUOUS',
      message: expect.stringContaining(`has the records of cluster ${THEIRS}, not of `),
    });
  expect(await sharedCluster(store)).toEqual({ id: THEIRS, state: 'ready' });
  const served = await findSharedCluster({ store, name: 'memory://two' }, await options('memory://two', 'gamma'));
  expect(served.cluster).toMatchObject({ id: THEIRS, name: 'gamma' });
  await served.store.close();
});
