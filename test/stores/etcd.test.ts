import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ETCD } from '../../src/kv/etcd/etcd-client.ts';
import { EtcdKeyspace } from '../../src/kv/etcd/etcd-keyspace.ts';
import { SharedStore } from '../../src/kv/shared/shared-store.ts';
import { readStoreAddress } from '../../src/kv/store-address.ts';
import { type EtcdServers, startEtcd } from './etcd-servers.ts';
import { testSharedStore } from './shared-store-suite.ts';

let etcd: EtcdServers;
beforeAll(async () => {
  etcd = await startEtcd(3);
});
afterAll(() => etcd.close());

const open = async (hosts: string, prefix: string, options: Record<string, string> = {}): Promise<SharedStore> =>
  new SharedStore(
    new EtcdKeyspace(await readStoreAddress(ETCD, `${hosts}/${prefix}`, new Map(Object.entries(options)))),
  );

testSharedStore('etcd', {
  ttlMs: 2_000,
  large: 1_200_000,
  tooLarge: 1_600_000,
  ports: () => etcd.members.map(({ port }) => port),
  open: (hosts, prefix) => open(hosts, prefix),
});

describe('an etcd of three', () => {
  it('goes on when its leader is killed, paused, and back', async () => {
    const store = await open(etcd.hosts, randomUUID());
    const records = store.records('one');
    const lease = await store.leases.acquire('primary', 'a', { ttlMs: 30_000, signal: new AbortController().signal });
    let revision = await records.write([{ key: 'k', value: '0', expected: 'absent' }], { lease });
    const told = records.watch(revision, new AbortController().signal)[Symbol.asyncIterator]();
    const write = async (value: string): Promise<void> => {
      revision = await records.write([{ key: 'k', value, expected: revision }], { lease });
      expect((await told.next()).value).toEqual({ revision, changes: [{ key: 'k', value }] });
    };
    const killed = await etcd.leader();
    await killed.process.kill();
    await write('killed');
    killed.process.start();
    await etcd.ready(killed);
    const paused = await etcd.leader();
    paused.process.pause();
    await write('paused');
    paused.process.resume();
    await write('back');
    await store.close();
  });

  it('refuses writes without a quorum, and takes them when it is back', async () => {
    const store = await open(etcd.hosts, randomUUID());
    const records = store.records('one');
    const made = await records.write([{ key: 'k', value: '0' }]);
    const [one, two] = etcd.members;
    await one?.process.kill();
    await two?.process.kill();
    const refused = records.write([{ key: 'k', value: '1', expected: made }]);
    await expect(refused).rejects.toMatchObject({
      code: expect.stringMatching(/^(STORE_UNAVAILABLE|WRITE_UNKNOWN)$/),
      message: expect.stringMatching(/^[^\n]+$/),
    });
    for (const member of [one, two]) {
      member?.process.start();
      await etcd.ready(member);
    }
    const found = await records.get('k');
    await records.write([{ key: 'k', value: '2', expected: found?.revision ?? 'absent' }]);
    await store.close();
  });

  it('needs no history of etcd’s own', async () => {
    const store = await open(etcd.hosts, randomUUID());
    const records = store.records('one');
    const start = await records.write([{ key: 'k', value: '0' }]);
    await records.write([{ key: 'k', value: '1' }]);
    const { header } = (await etcd.post('/v3/kv/range', { key: 'YQ==' })) as { header: { revision: string } };
    await etcd.post('/v3/kv/compaction', { revision: header.revision, physical: true });
    const told = records.watch(start, new AbortController().signal)[Symbol.asyncIterator]();
    expect((await told.next()).value).toMatchObject({ changes: [{ key: 'k', value: '1' }] });
    const next = told.next();
    await records.write([{ key: 'k', value: '2' }]);
    expect((await next).value).toMatchObject({ changes: [{ key: 'k', value: '2' }] });
    await store.close();
  });
});
