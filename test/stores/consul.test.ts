import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONSUL } from '../../src/kv/consul/consul-client.ts';
import { ConsulKeyspace } from '../../src/kv/consul/consul-keyspace.ts';
import { SharedStore } from '../../src/kv/shared/shared-store.ts';
import { readStoreAddress } from '../../src/kv/store-address.ts';
import { writeCertificate } from '../fakes/certificates.ts';
import { freePorts } from '../free-ports.ts';
import { testBadManagers } from './bad-managers-suite.ts';
import { Link } from './link.ts';
import { ServerProcess, serverFolder } from './process.ts';
import { SUSPENSIONS, testReplication } from './replication-suite.ts';
import { testSharedStore } from './shared-store-suite.ts';
import { SimulatedConsul } from './simulated-consul.ts';
import { enxame, testStoreDiscovery } from './store-discovery-suite.ts';

/** Debian has no Consul: a real one is used where somebody installed it. */
const isReal = spawnSync('consul', ['version']).status === 0;
const NAME = isReal ? 'Consul (the real one of this machine)' : 'Consul (simulated: no real one is on this machine)';

let port: number;
let close: () => Promise<void>;
let link: Link | undefined;
beforeAll(async () => {
  if (!isReal) {
    const consul = new SimulatedConsul();
    await consul.start();
    [port, close] = [consul.port, () => consul.close()];
    return;
  }
  const folder = await serverFolder('consul');
  const ports = await freePorts(6);
  const [http = 0, dns, grpc, server, lan, wan] = ports;
  const config = ['dns', dns, 'server', server, 'serf-lan', lan, 'serf-wan', wan, 'grpc', grpc, 'grpc-tls', -1];
  const flags = config.flatMap((each, i) => (i % 2 === 0 ? [`-${each}-port=${config[i + 1]}`] : []));
  const process = new ServerProcess('consul', ['agent', '-dev', '-bind=127.0.0.1', `-http-port=${http}`, ...flags]);
  process.start();
  await process.ready(async () => (await (await fetch(`http://127.0.0.1:${http}/v1/status/leader`)).text()).length > 4);
  port = http;
  close = async () => {
    await process.kill();
    await folder.remove();
  };
});
afterAll(async () => {
  await link?.close();
  await close();
});

const open = async (hosts: string, prefix: string, options: Record<string, string> = {}): Promise<SharedStore> =>
  new SharedStore(
    new ConsulKeyspace(await readStoreAddress(CONSUL, `${hosts}/${prefix}`, new Map(Object.entries(options)))),
  );

testSharedStore(NAME, {
  ttlMs: 10_000,
  large: 200_000,
  tooLarge: 400_000,
  ports: () => [port],
  open: (hosts, prefix) => open(hosts, prefix),
});

testStoreDiscovery({
  scheme: 'consul',
  ports: () => [port],
  set: async (path, entries) => {
    const url = `http://127.0.0.1:${port}/v1/kv/${path}/`;
    const found = await fetch(`${url}?keys`);
    const keys = found.status === 200 ? ((await found.json()) as string[]) : [];
    const names = new Map(entries.map((entry) => [entry.includes('/') ? encodeURIComponent(entry) : entry, entry]));
    for (const key of keys)
      if (!names.has(key.slice(path.length + 1)))
        await fetch(url + encodeURIComponent(key.slice(path.length + 1)), { method: 'DELETE' });
    for (const [name, entry] of names) await fetch(url + encodeURIComponent(name), { method: 'PUT', body: entry });
  },
  ttlMs: 20_000,
  endsWithinMs: 40_000,
});

testReplication({
  name: NAME,
  uri: async (prefix) => {
    link = await Link.to(port);
    return `consul://127.0.0.1:${link.port}/${prefix}`;
  },
  takeAway: async () => link?.set('cut'),
  giveBack: async () => link?.set('whole'),
  suspensions: SUSPENSIONS.slice(0, 1),
});

describe('a Consul that asks for a token (simulated)', () => {
  const consul = new SimulatedConsul({ token: 'geheim' });
  beforeAll(() => consul.start());
  afterAll(() => consul.close());

  it('lets in who has it, and says in one line why not', async () => {
    const uri = `consul://127.0.0.1:${consul.port}/x`;
    expect(await enxame(['list', uri], { ENXAME_KV_TOKEN: 'geheim' })).toEqual({ code: 0, out: '', err: '' });
    expect(await enxame(['list', uri, '--discovery-opt', 'kv.token=geheim'])).toMatchObject({ code: 0 });
    const refused = await enxame(['list', uri]);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(/^enxame: list: Consul refuses us: Permission denied[^\n]*kv\.token[^\n]*\n$/);
    const store = await open(`127.0.0.1:${consul.port}`, 'x', { 'kv.token': 'falsch' });
    await expect(store.records('one').write([{ key: 'k', value: '1' }])).rejects.toMatchObject({ code: 'STORE_AUTH' });
    await store.close();
  });
});

describe('a Consul behind TLS that asks for a user (simulated)', () => {
  let consul: SimulatedConsul;
  let folder: string;
  const file = (name: string): string => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'enxame-consul-'));
    for (const name of ['server', 'client', 'other']) await writeCertificate(folder, name);
    const [cert, key, ca] = await Promise.all(
      ['server.pem', 'server-key.pem', 'client.pem'].map((name) => readFile(file(name))),
    );
    const tls = { cert, key, ca, requestCert: true, rejectUnauthorized: true };
    consul = new SimulatedConsul({ user: { name: 'enxame', password: 'geheim' }, tls });
    await consul.start();
  });
  afterAll(async () => {
    await consul.close();
    await rm(folder, { recursive: true });
  });

  it('is used with the right files and user, and says in one line what is wrong', async () => {
    const list = (options: Record<string, string>, password = 'geheim') => {
      const flags = Object.entries(options).flatMap(([key, name]) => ['--discovery-opt', `kv.${key}=${file(name)}`]);
      const user = ['--discovery-opt', 'kv.username=enxame'];
      return enxame(['list', `consul://127.0.0.1:${consul.port}/x`, ...flags, ...user], {
        ENXAME_KV_PASSWORD: password,
      });
    };
    const right = { cacertfile: 'server.pem', certfile: 'client.pem', keyfile: 'client-key.pem' };
    expect(await list(right)).toEqual({ code: 0, out: '', err: '' });
    for (const [result, why] of [
      [await list(right, 'falsch'), /Consul refuses us: Unauthorized/],
      [await list({ ...right, cacertfile: 'other.pem' }), /is not trusted: [^\n]+ kv\.cacertfile=FILE/],
      [await list({ cacertfile: 'server.pem' }), /certificate[^\n]*kv\.certfile and kv\.keyfile/],
      [await list({}), /no Consul answers at http:[^\n]+kv\.cacertfile/],
    ] as const)
      expect(result).toEqual({
        code: 1,
        out: '',
        err: expect.stringMatching(new RegExp(`^enxame: list: (?=[^\n]*${why.source})[^\n]+\n$`)),
      });
  });
});

testBadManagers({ scheme: 'consul', ports: () => [port], open: (hosts, prefix) => open(hosts, prefix) });
