import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/common/clock.ts';
import { type FollowHands, followMasters } from '../../src/machine/masters/follow.ts';
import type { Master, Member } from '../../src/machine/masters/plan.ts';
import { newServerName, peerUrlOf, Servers } from '../../src/machine/masters/servers.ts';
import { etcdSpecOf } from '../../src/machine/masters/spec.ts';
import type { StoredMachine } from '../../src/machine/store.ts';
import { createAuthority, loadAuthority } from '../../src/pki/authority.ts';
import { etcdLauncher } from '../../src/provision/etcd.ts';
import { ServerProcess, serverFolder } from './process.ts';

/** The servers of masters as they are on machines, each at a loopback address of its own, with the flags, certificates and launcher of machines. */
const NETWORK = `127.${1 + ((randomBytes(1)[0] ?? 0) % 250)}.${1 + ((randomBytes(1)[0] ?? 0) % 250)}`;
const NAMES = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof NAMES)[number];

const hostOf = (name: Name): string => `${NETWORK}.${10 + NAMES.indexOf(name)}`;
const task = { signal: AbortSignal.timeout(600_000), report: (): void => undefined };
const running = new Map<Name, ServerProcess>();
const masters = new Map<Name, Master>();
let folder: Awaited<ReturnType<typeof serverFolder>>;
let person: StoredMachine;
let servers: Servers;

beforeAll(async () => {
  folder = await serverFolder('masters');
  const ca = await createAuthority('masters', Date.now());
  const authority = await loadAuthority(ca, () => Date.now());
  await writeFile(join(folder.path, 'ca.pem'), ca.cert);
  const client = await authority.issue({ commonName: 'person', purposes: ['client'] });
  await writeFile(join(folder.path, 'cert.pem'), client.cert);
  await writeFile(join(folder.path, 'key.pem'), client.key);
  for (const name of NAMES) {
    const { cert, key } = await authority.issue({
      commonName: name,
      purposes: ['server', 'client'],
      hosts: [hostOf(name)],
    });
    await writeFile(join(folder.path, `${name}.pem`), cert);
    await writeFile(join(folder.path, `${name}-key.pem`), key);
  }
  person = { record: {}, tlsFolder: folder.path } as never;
  servers = await Servers.at(NAMES.map(hostOf), person);
});

afterAll(async () => {
  await servers?.close();
  for (const process of running.values()) await process.kill();
  await folder?.remove();
});

/** A master without a server yet. */
function begin(name: Name): Master {
  const master = { machine: name, server: newServerName(name), peerUrl: peerUrlOf(hostOf(name)) };
  masters.set(name, master);
  return master;
}

/** Starts the server of a master as its machine does; one that runs is left alone. */
async function start(name: Name, cluster: string, isFounder: boolean): Promise<void> {
  if (running.has(name)) return;
  const etcd = { name: masters.get(name)?.server ?? '', cluster, token: 'bees' };
  const files = { folder: folder.path, ca: join(folder.path, 'ca.pem') };
  const certificatePaths = {
    ...files,
    cert: join(folder.path, `${name}.pem`),
    key: join(folder.path, `${name}-key.pem`),
  };
  const machine = { record: { name, address: { ip: hostOf(name) }, etcd }, tlsFolder: folder.path } as never;
  const spec = await etcdSpecOf(machine, { certificatePaths }, isFounder);
  // Several of them are on one host here.
  const flags = spec.flags.map((flag) => flag.replace('0.0.0.0', hostOf(name)));
  await mkdir(join(folder.path, etcd.name), { recursive: true });
  if (isFounder) await writeFile(join(folder.path, etcd.name, 'found'), '');
  const script = join(folder.path, `start-${etcd.name}`);
  await writeFile(script, etcdLauncher(folder.path, { ...spec, flags }));
  await chmod(script, 0o700);
  const process = new ServerProcess(script, []);
  process.start();
  running.set(name, process);
}

/** The step of a create: the servers follow the masters there are, until this one's has its place. */
async function follow(): Promise<void> {
  let cluster = '';
  const hands: FollowHands = {
    masters: async () => [...masters.values()],
    prepare: async (members) => {
      const fresh = [...masters.values()].filter(({ server }) => !members.some((each) => each.name === server));
      cluster = [...members.map(({ name, peerUrl }) => `${name}=${peerUrl}`), ...fresh.map(flagOf)].join(',');
    },
    start: async ({ machine }) => {
      await start(machine as Name, cluster, false);
      return true;
    },
  };
  await followMasters(servers, hands, { clock: systemClock }, task);
}

const flagOf = ({ server, peerUrl }: Master): string => `${server}=${peerUrl}`;

/** `a` for one with a vote, `b?` for one without, `!` behind one that does not answer. */
async function shown(): Promise<string> {
  const members = await servers.look(task.signal);
  const text = ({ name, isLearner, isHealthy }: Member): string =>
    `${name.split('-')[0]}${isLearner ? '?' : ''}${isHealthy ? '' : '!'}`;
  return members.map(text).sort().join(' ');
}

async function until(wanted: string): Promise<void> {
  await expect.poll(() => shown().catch(String), { interval: 200 }).toBe(wanted);
}

it('servers follow the masters: one comes, two, three; one dies and is replaced; no majority is given up', async () => {
  await start('a', flagOf(begin('a')), true);
  await until('a');

  begin('b');
  await follow();
  // Two votes are lost with either.
  await until('a b?');

  begin('c');
  await follow();
  await until('a b c');

  await running.get('b')?.kill();
  running.delete('b');
  await until('a b! c');
  masters.delete('b');
  await follow();
  await until('a c');

  begin('d');
  await follow();
  await until('a c d');

  await running.get('d')?.kill();
  await until('a c d!');
  masters.delete('c');
  await expect(follow()).rejects.toMatchObject({ code: 'STORE_MAJORITY' });
  await until('a c d!');
}, 600_000);
