import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SharedStore } from '../../src/kv/shared/shared-store.ts';
import { readStoreAddress } from '../../src/kv/store-address.ts';
import { ZkClient, ZOOKEEPER } from '../../src/kv/zookeeper/zk-client.ts';
import { ZkKeyspace } from '../../src/kv/zookeeper/zk-keyspace.ts';
import { writeCertificate } from '../fakes/certificates.ts';
import { testBadManagers } from './bad-managers-suite.ts';
import { patiently, patientWatch, patientWrite } from './patient-records.ts';
import type { StoreMember, StoreServers } from './process.ts';
import { SUSPENSIONS, testReplication } from './replication-suite.ts';
import { testSharedStore } from './shared-store-suite.ts';
import { enxame, manageReplicated, testStoreDiscovery } from './store-discovery-suite.ts';
import { startZooKeeper } from './zookeeper-servers.ts';

let zookeeper: StoreServers;
beforeAll(async () => {
  zookeeper = await startZooKeeper(3);
});
afterAll(() => zookeeper.close());

const open = async (hosts: string, prefix: string, options: Record<string, string> = {}): Promise<SharedStore> =>
  new SharedStore(
    new ZkKeyspace(await readStoreAddress(ZOOKEEPER, `${hosts}/${prefix}`, new Map(Object.entries(options)))),
  );

testSharedStore('ZooKeeper', {
  ttlMs: 5_000,
  large: 800_000,
  tooLarge: 1_100_000,
  ports: () => zookeeper.members.map(({ port }) => port),
  open: (hosts, prefix) => open(hosts, prefix),
});

testStoreDiscovery({
  scheme: 'zk',
  ports: () => zookeeper.members.map(({ port }) => port),
  set: async (path, entries) => {
    const client = new ZkClient(await readStoreAddress(ZOOKEEPER, zookeeper.hosts, new Map()), 30_000);
    const folder = `/${path}`;
    await client.makePath(folder);
    const names = (await client.children(folder))?.names ?? [];
    const wanted = new Map(entries.map((entry) => [entry.includes('/') ? encodeURIComponent(entry) : entry, entry]));
    const gone = names
      .filter((name) => !wanted.has(name))
      .map((name) => ({ remove: `${folder}/${name}`, version: -1 }));
    const made = [...wanted].filter(([name]) => !names.includes(name));
    await client.multi([...gone, ...made.map(([name, data]) => ({ create: `${folder}/${name}`, data }))]);
    await client.session.close();
  },
  ttlMs: 2_000,
  endsWithinMs: 10_000,
});

describe('a ZooKeeper of three', () => {
  afterEach(async () => {
    for (const { process } of zookeeper.members) process.mend();
    for (const member of zookeeper.members) await zookeeper.ready(member);
  });

  it('goes on when each of its servers is killed in turn, and back', async () => {
    const store = await open(zookeeper.hosts, randomUUID());
    const records = store.records('one');
    const lease = await store.leases.acquire('primary', 'a', { ttlMs: 60_000, signal: new AbortController().signal });
    let revision = await records.write([{ key: 'k', value: '0', expected: 'absent' }], { lease });
    const told = patientWatch(records, revision);
    for (const member of zookeeper.members) {
      await member.process.kill();
      const value = `${member.port}`;
      revision = await patientWrite(records, { key: 'k', value, expected: revision }, lease);
      expect((await told.next()).value).toEqual({ revision, changes: [{ key: 'k', value }] });
      member.process.start();
      await zookeeper.ready(member);
    }
    await store.close();
  });

  it('refuses writes without a quorum, and takes them when it is back', async () => {
    const store = await open(zookeeper.hosts, randomUUID());
    const records = store.records('one');
    const made = await records.write([{ key: 'k', value: '0' }]);
    const [one, two] = zookeeper.members;
    if (!one || !two) throw new Error('three were started');
    await one.process.kill();
    await two.process.kill();
    await expect(records.write([{ key: 'k', value: '1', expected: made }])).rejects.toMatchObject({
      code: expect.stringMatching(/^(STORE_UNAVAILABLE|WRITE_UNKNOWN)$/),
      message: expect.stringMatching(/^[^\n]+$/),
    });
    for (const member of [one, two]) member.process.start();
    for (const member of [one, two]) await zookeeper.ready(member);
    const found = await patiently(() => records.get('k'));
    await patientWrite(records, { key: 'k', value: '2', expected: found?.revision ?? 'absent' });
    await store.close();
  });

  it('keeps what a user wrote from others', async () => {
    const prefix = randomUUID();
    const own = await open(zookeeper.hosts, prefix, { 'kv.username': 'enxame', 'kv.password': 'geheim' });
    await own.records('one').write([{ key: 'k', value: '1' }]);
    expect(await own.records('one').get('k')).toMatchObject({ value: '1' });
    for (const options of [{}, { 'kv.username': 'enxame', 'kv.password': 'falsch' }]) {
      const other = await open(zookeeper.hosts, prefix, options);
      await expect(other.records('one').write([{ key: 'k', value: '2' }])).rejects.toMatchObject({
        code: 'STORE_AUTH',
      });
      await expect(other.records('one').get('k')).rejects.toMatchObject({ code: 'STORE_AUTH' });
      await other.close();
    }
    await own.close();
    const path = `${zookeeper.hosts}/${prefix}`;
    const line = ['list', `zk://${path}`, '--discovery-opt', 'kv.path=records-one'];
    const refused = await enxame(line);
    expect(refused).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^enxame: list: ZooKeeper refuses us: [^\n]+\n$/),
    });
    const guarded = await open(zookeeper.hosts, `${prefix}/enxame`, {
      'kv.username': 'enxame',
      'kv.password': 'geheim',
    });
    await guarded.records('cluster').write([{ key: 'k', value: '1' }]);
    expect(await manageReplicated(`zk://${path}`)).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^enxame: manage: ZooKeeper refuses us: [^\n]+\n$/),
    });
    await guarded.close();
    const join = ['join', '--advertise', '10.0.0.1:1', '--log-level', 'silent', ...line.slice(1)];
    expect(await enxame(join)).toMatchObject({ code: 1, err: expect.stringContaining('ZooKeeper refuses us') });
  });
});

describe('a ZooKeeper behind TLS', () => {
  let guarded: Awaited<ReturnType<typeof startZooKeeper>>;
  const file = (name: string): string => join(guarded.folder, name);
  beforeAll(async () => {
    guarded = await startZooKeeper(1, async (folder) => {
      for (const name of ['server', 'client', 'other']) await writeCertificate(folder, name);
      const pem = (name: string): Promise<string> => readFile(join(folder, `${name}.pem`), 'utf8');
      await writeFile(join(folder, 'store.pem'), `${await pem('server-key')}\n${await pem('server')}`);
      return { keyStore: join(folder, 'store.pem'), trustStore: join(folder, 'client.pem') };
    });
  });
  afterAll(() => guarded.close());

  it('is used with the right files, and says in one line which are wrong', async () => {
    const flagsOf = (options: Record<string, string>): readonly string[] =>
      Object.entries(options).flatMap(([key, name]) => ['--discovery-opt', `kv.${key}=${file(name)}`]);
    const list = (options: Record<string, string>) => enxame(['list', `zk://${guarded.hosts}/x`, ...flagsOf(options)]);
    const client = { certfile: 'client.pem', keyfile: 'client-key.pem' };
    // Its first greetings take longer than a client waits.
    const answers = { interval: 100 };
    const right = { cacertfile: 'server.pem', ...client };
    await expect.poll(() => list(right), answers).toEqual({ code: 0, out: '', err: '' });
    for (const [options, why] of [
      [{ cacertfile: 'other.pem', ...client }, /is not trusted: [^\n]+ kv\.cacertfile=FILE/],
      [{ ...client }, /is not trusted: [^\n]+ kv\.cacertfile=FILE/],
      [{ cacertfile: 'server.pem' }, /certificate[^\n]*kv\.certfile and kv\.keyfile/],
      [
        { cacertfile: 'server.pem', certfile: 'other.pem', keyfile: 'other-key.pem' },
        /certificate[^\n]*kv\.certfile and kv\.keyfile/,
      ],
      [{}, /no ZooKeeper answers at [^\n]+ speaks TLS/],
    ] as const) {
      const line = new RegExp(`^enxame: list: (?=[^\n]*${why.source})[^\n]+\n$`);
      await expect.poll(() => list(options), answers).toEqual({ code: 1, out: '', err: expect.stringMatching(line) });
      const err = expect.stringMatching(new RegExp(line.source.replace('list', 'manage')));
      const manage = () => manageReplicated(`zk://${guarded.hosts}/x`, ...flagsOf(options));
      await expect.poll(manage, answers).toEqual({ code: 1, out: '', err });
    }
  });
});

/** Two of three: no quorum. */
const most = (): readonly StoreMember[] => zookeeper.members.slice(0, 2);
testReplication({
  name: 'ZooKeeper',
  uri: (prefix) => `zk://${zookeeper.hosts}/${prefix}`,
  takeAway: async () => {
    for (const { process } of most()) await process.kill();
  },
  giveBack: async () => {
    for (const { process } of most()) process.mend();
    for (const member of most()) await zookeeper.ready(member);
  },
  suspensions: SUSPENSIONS.slice(0, 3),
});

testBadManagers({
  scheme: 'zk',
  ports: () => zookeeper.members.map(({ port }) => port),
  open: (hosts, prefix) => open(hosts, prefix),
});
