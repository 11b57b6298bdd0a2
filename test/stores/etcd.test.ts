import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ETCD } from '../../src/kv/etcd/etcd-client.ts';
import { EtcdKeyspace } from '../../src/kv/etcd/etcd-keyspace.ts';
import { SharedStore } from '../../src/kv/shared/shared-store.ts';
import { readStoreAddress } from '../../src/kv/store-address.ts';
import { writeCertificate } from '../fakes/certificates.ts';
import { testBadManagers } from './bad-managers-suite.ts';
import { type EtcdServers, startEtcd } from './etcd-servers.ts';
import { patiently, patientWatch, patientWrite } from './patient-records.ts';
import type { StoreMember } from './process.ts';
import { SUSPENSIONS, testReplication } from './replication-suite.ts';
import { testSharedStore } from './shared-store-suite.ts';
import { type CommandResult, enxame, manageReplicated, testStoreDiscovery } from './store-discovery-suite.ts';

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
  ttlMs: 5_000,
  large: 1_200_000,
  tooLarge: 1_600_000,
  ports: () => etcd.members.map(({ port }) => port),
  open: (hosts, prefix) => open(hosts, prefix),
});

testStoreDiscovery({
  scheme: 'etcd',
  ports: () => etcd.members.map(({ port }) => port),
  set: async (path, entries) => {
    const text = (value: string): string => Buffer.from(value).toString('base64');
    const range = { key: text(`/${path}/`), range_end: text(`/${path}0`) };
    const { kvs = [] } = (await etcd.post('/v3/kv/range', { ...range, keys_only: true })) as {
      kvs?: { key: string }[];
    };
    const wanted = new Map(entries.map((entry) => [text(`/${path}/${entry}`), text(entry)]));
    const gone = kvs.filter(({ key }) => !wanted.has(key));
    // In one: whoever watches sees no half of it.
    const success = [
      ...gone.map(({ key }) => ({ request_delete_range: { key } })),
      ...[...wanted].map(([key, value]) => ({ request_put: { key, value } })),
    ];
    await etcd.post('/v3/kv/txn', { success });
  },
  ttlMs: 2_000,
  endsWithinMs: 10_000,
});

describe('an etcd of three', () => {
  afterEach(async () => {
    for (const { process } of etcd.members) process.mend();
    for (const member of etcd.members) await etcd.ready(member);
  });

  it('goes on when its leader is killed, paused, and back', async () => {
    const store = await open(etcd.hosts, randomUUID());
    const records = store.records('one');
    const lease = await store.leases.acquire('primary', 'a', { ttlMs: 300_000, signal: new AbortController().signal });
    let revision = await records.write([{ key: 'k', value: '0', expected: 'absent' }], { lease });
    const told = patientWatch(records, revision);
    const write = async (value: string): Promise<void> => {
      revision = await patientWrite(records, { key: 'k', value, expected: revision }, lease);
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
    const found = await patiently(() => records.get('k'));
    await patientWrite(records, { key: 'k', value: '2', expected: found?.revision ?? 'absent' });
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

describe('an etcd with users', () => {
  let guarded: EtcdServers;
  const text = (value: string): string => Buffer.from(value).toString('base64');
  beforeAll(async () => {
    guarded = await startEtcd(1);
    await guarded.post('/v3/auth/user/add', { name: 'root', password: 'geheim' });
    await guarded.post('/v3/auth/role/add', { name: 'root' });
    await guarded.post('/v3/auth/user/grant', { user: 'root', role: 'root' });
    await guarded.post('/v3/auth/user/add', { name: 'enxame', password: 'geheim' });
    await guarded.post('/v3/auth/role/add', { name: 'enxame' });
    const perm = { permType: 'READWRITE', key: text('/ours/'), range_end: text('/ours0') };
    await guarded.post('/v3/auth/role/grant', { name: 'enxame', perm });
    await guarded.post('/v3/auth/user/grant', { user: 'enxame', role: 'enxame' });
    await guarded.post('/v3/auth/enable', {});
  });
  afterAll(() => guarded.close());

  const list = (path: string, user: string, password: string): Promise<CommandResult> => {
    const options = user === '' ? [] : ['--discovery-opt', `kv.username=${user}`];
    return enxame(['list', `etcd://${guarded.hosts}/${path}`, ...options], { ENXAME_KV_PASSWORD: password });
  };

  it('lets in whom it knows, and says in one line why not', async () => {
    expect(await list('ours', 'enxame', 'geheim')).toEqual({ code: 0, out: '', err: '' });
    for (const [result, why] of [
      [await list('ours', 'enxame', 'falsch'), 'etcd refuses us: authentication failed'],
      [await list('ours', '', ''), 'etcd asks who we are: give kv.username and kv.password'],
      [await list('theirs', 'enxame', 'geheim'), 'etcd refuses us: permission denied'],
    ] as const) {
      expect(result).toEqual({ code: 1, out: '', err: expect.stringMatching(/^enxame: list: [^\n]+\n$/) });
      expect(result.err).toContain(why);
    }
    const wrong = ['kv.username=enxame', 'kv.password=falsch'].flatMap((pair) => ['--discovery-opt', pair]);
    expect(await manageReplicated(`etcd://${guarded.hosts}/ours`, ...wrong)).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^enxame: manage: etcd refuses us: authentication failed[^\n]*\n$/),
    });
    const line = ['join', '--advertise', '10.0.0.1:1', '--log-level', 'silent', `etcd://${guarded.hosts}/ours`];
    expect(await enxame(line)).toMatchObject({ code: 1, err: expect.stringContaining('etcd asks who we are') });
  });

  it('has a store of theirs', async () => {
    const store = await open(guarded.hosts, 'ours', { 'kv.username': 'enxame', 'kv.password': 'geheim' });
    const lease = await store.leases.acquire('primary', 'a', { ttlMs: 30_000, signal: new AbortController().signal });
    await store.records('one').write([{ key: 'k', value: '1' }], { lease });
    expect(await store.records('one').get('k')).toMatchObject({ value: '1' });
    await store.close();
    const other = await open(guarded.hosts, 'theirs', { 'kv.username': 'enxame', 'kv.password': 'geheim' });
    await expect(other.records('one').write([{ key: 'k', value: '1' }])).rejects.toMatchObject({ code: 'STORE_AUTH' });
    await other.close();
  });
});

describe('an etcd behind TLS', () => {
  let guarded: EtcdServers;
  const file = (name: string): string => join(guarded.folder, name);
  beforeAll(async () => {
    guarded = await startEtcd(1, async (folder) => {
      for (const name of ['server', 'client', 'other']) await writeCertificate(folder, name);
      const [cert, key] = [join(folder, 'server.pem'), join(folder, 'server-key.pem')];
      // The gateway shows the server's own certificate to the server behind it.
      const pems = await Promise.all(['server', 'client'].map((name) => readFile(join(folder, `${name}.pem`), 'utf8')));
      await writeFile(join(folder, 'clients.pem'), pems.join('\n'));
      return { cert, key, clientCa: join(folder, 'clients.pem') };
    });
  });
  afterAll(() => guarded.close());

  const flagsOf = (options: Record<string, string>): readonly string[] =>
    Object.entries(options).flatMap(([key, name]) => ['--discovery-opt', `kv.${key}=${file(name)}`]);
  const list = (options: Record<string, string>): Promise<CommandResult> =>
    enxame(['list', `etcd://${guarded.hosts}/x`, ...flagsOf(options)]);
  const client = { certfile: 'client.pem', keyfile: 'client-key.pem' };

  it('is used with the right files, and says in one line which are wrong', async () => {
    const right = { cacertfile: 'server.pem', ...client };
    // It listens before it serves.
    await expect.poll(() => list(right), { interval: 100 }).toEqual({ code: 0, out: '', err: '' });
    for (const [options, why] of [
      [{ cacertfile: 'other.pem', ...client }, /is not trusted: [^\n]+ kv\.cacertfile=FILE/],
      [{ ...client }, /is not trusted: [^\n]+ kv\.cacertfile=FILE/],
      [{ cacertfile: 'server.pem' }, /certificate[^\n]*kv\.certfile and kv\.keyfile/],
      [
        { cacertfile: 'server.pem', certfile: 'other.pem', keyfile: 'other-key.pem' },
        /certificate[^\n]*kv\.certfile and kv\.keyfile/,
      ],
      [{}, /no etcd answers at http:[^\n]+|etcd at http:[^\n]+ answered: /],
    ] as const) {
      const result = await list(options);
      expect(result).toEqual({ code: 1, out: '', err: expect.stringMatching(/^enxame: list: [^\n]+\n$/) });
      expect(result.err).toMatch(why);
      const manager = await manageReplicated(`etcd://${guarded.hosts}/x`, ...flagsOf(options));
      expect(manager).toEqual({ code: 1, out: '', err: expect.stringMatching(/^enxame: manage: [^\n]+\n$/) });
      expect(manager.err).toMatch(why);
    }
    const plain = await enxame([
      'list',
      `etcd://${etcd.hosts}/x`,
      '--discovery-opt',
      `kv.cacertfile=${file('server.pem')}`,
    ]);
    expect(plain).toEqual({ code: 1, out: '', err: expect.stringMatching(/speaks? no TLS/) });
  });
});

/** Two of three: no quorum. */
const most = (): readonly StoreMember[] => etcd.members.slice(0, 2);
testReplication({
  name: 'etcd',
  uri: (prefix) => `etcd://${etcd.hosts}/${prefix}`,
  takeAway: async () => {
    for (const { process } of most()) await process.kill();
  },
  giveBack: async () => {
    for (const { process } of most()) process.mend();
    for (const member of most()) await etcd.ready(member);
  },
  suspensions: SUSPENSIONS,
});

testBadManagers({
  scheme: 'etcd',
  ports: () => etcd.members.map(({ port }) => port),
  open: (hosts, prefix) => open(hosts, prefix),
});
