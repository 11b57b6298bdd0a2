import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type CommandOptions, type CommandResult, type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { freePorts } from '../free-ports.ts';
import { type EtcdServers, startEtcd } from '../stores/etcd-servers.ts';
import { type EnxameProcess, enxame } from './enxame-process.ts';

/** Three managers as users start them, over three real engines and an etcd of three; TLS between all but the store. */
const PATIENTLY = { timeoutMs: 300_000, everyMs: 200 } as const;
const NODES = ['one', 'two', 'three'];

interface Member {
  readonly name: string;
  readonly port: number;
  readonly endpoint: string;
  process: EnxameProcess;
}

let lab: Lab;
let etcd: EtcdServers;
let folder: string;
let members: Member[];

beforeAll(async () => {
  [lab, etcd, folder] = await Promise.all([
    startLab({ nodes: NODES.map((name) => ({ name })) }),
    startEtcd(3),
    mkdtemp(join(tmpdir(), 'enxame-replication-')),
  ]);
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  const text = (value: string): string => Buffer.from(value).toString('base64');
  for (const { endpoint } of lab.nodes)
    await etcd.post('/v3/kv/put', { key: text(`/bees/docker/swarm/nodes/${endpoint}`), value: text(endpoint) });
  const ports = await freePorts(3);
  members = ports.map((port, i) => {
    const name = `m${i}`;
    return { name, port, endpoint: `tcp://127.0.0.1:${port}`, process: startManager(name, port) };
  });
  await Promise.all(members.map(isServing));
});

afterAll(async () => {
  await Promise.all((members ?? []).map(({ process }) => process.end('SIGKILL')));
  await etcd?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Each test has a store, three managers and three empty nodes, whatever became of the one before. */
beforeEach(async () => {
  await cutOff(['two', 'three'], 'del');
  for (const node of lab.nodes) await node.start();
  for (const member of etcd.members) member.process.mend();
  for (const member of etcd.members) await etcd.ready(member);
  for (const { process } of members) process.child.kill('SIGCONT');
  await Promise.all(members.map((member) => (hasEnded(member) ? again(member) : undefined)));
  const { primary } = await roles();
  await waitFor('all nodes to be healthy', async () => (await healthyNodes(primary)) === NODES.length, PATIENTLY);
  await waitFor('an empty cluster', () => isEmptied(primary), PATIENTLY);
});

/** A change that may be refused while a primary is elected. */
function doneAtLast(member: Member, args: readonly string[]): Promise<true> {
  return waitFor(`docker ${args.join(' ')}`, async () => (await docker(member, args)).exitCode === 0, PATIENTLY);
}

/** As {@link doneAtLast}; one whose answer was lost may be there. */
function createdAtLast(member: Member, name: string): Promise<true> {
  const isThere = async (): Promise<boolean> => {
    const { exitCode, stderr } = await docker(member, ['create', '--name', name, 'busybox']);
    return exitCode === 0 || stderr.includes('already in use');
  };
  return waitFor(`${name} to be created`, isThere, PATIENTLY);
}

async function healthyNodes(member: Member): Promise<number> {
  const { stdout } = await docker(member, ['node', 'ls', '--format', '{{.Status}}']);
  return stdout.split('\n').filter((status) => status === 'Ready').length;
}

/** Removes containers and networks of clients; whether there were none. */
async function isEmptied(member: Member): Promise<boolean> {
  const ids = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await must(member, args)).split('\n').filter(Boolean);
  const containers = await ids('ps', '-aq');
  if (containers.length > 0) await docker(member, ['rm', '-f', ...containers]);
  const networks = await ids('network', 'ls', '-q', '--filter', 'driver=overlay');
  if (networks.length > 0) await docker(member, ['network', 'rm', ...networks]);
  return containers.length + networks.length === 0;
}

function hasEnded({ process: { child } }: Member): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function startManager(name: string, port: number): EnxameProcess {
  const { ca, cert, key } = lab.certificates?.server ?? { ca: '', cert: '', key: '' };
  const tls = ['--tlsverify', '--tlscacert', ca, '--tlscert', cert, '--tlskey', key];
  const address = `127.0.0.1:${port}`;
  const own = ['-H', `tcp://${address}`, '--advertise', address, '--state-dir', join(folder, name)];
  return enxame(['manage', ...tls, ...own, '--replication', '--stats', 'off', `etcd://${etcd.hosts}/bees`]);
}

async function isServing({ process }: Member): Promise<void> {
  await process.until(/Manager at/);
  await waitFor(
    'its nodes',
    () => (process.said().match(/"node is healthy"/g) ?? []).length >= NODES.length,
    PATIENTLY,
  );
}

async function docker(member: Member, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const client = await clientPath('docker', '28.5');
  return run(client.command, [...client.args, ...args], {
    ...options,
    env: { ...client.env, ...envFor(member.endpoint), ...options.env },
  });
}

function envFor(endpoint: string): Record<string, string> {
  return endpoint.startsWith('unix:') ? { DOCKER_HOST: endpoint } : lab.dockerEnv(endpoint);
}

async function must(member: Member, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await docker(member, args, options);
  if (exitCode !== 0)
    throw new Error(
      `docker ${args.join(' ')}: ${stderr.trim() || stdout.trim()}\n${member.process.said().slice(-2_000)}`,
    );
  return stdout.trim();
}

/** What may have to wait until the networks of the cluster reach every node. */
async function made(member: Member, args: readonly string[]): Promise<string> {
  const at = args.indexOf('--name');
  return waitFor(
    `docker ${args.join(' ')}`,
    async () => {
      const { stdout, exitCode } = await docker(member, args);
      if (exitCode === 0) return stdout.trim();
      // It may have been made before its start failed.
      if (at > 0) await docker(member, ['rm', '-f', args[at + 1] ?? '']);
      return undefined;
    },
    PATIENTLY,
  );
}

/** Its role, and the primary as it knows it. */
async function roleOf(
  member: Member,
): Promise<{ readonly role?: string | undefined; readonly primary?: string | undefined }> {
  // A suspended one does not answer.
  const stdout = await docker(member, ['info', '--format', '{{json .SystemStatus}}'], { timeoutMs: 15_000 }).then(
    (answer) => answer.stdout,
    () => '',
  );
  return {
    role: stdout.match(/\["Role","(\w+)"\]/)?.[1],
    primary: stdout.match(/\["Primary","([^"]+)"\]/)?.[1],
  };
}

async function follows(member: Member): Promise<boolean> {
  return (await roleOf(member)).role === 'replica';
}

/** The primary and the others, once all of these know it: one that knows of none refuses changes. */
async function roles(among: readonly Member[] = members): Promise<{ primary: Member; replicas: Member[] }> {
  let primary: Member | undefined;
  await waitFor(
    'a primary',
    async () => {
      const found = await Promise.all(among.map(roleOf));
      const leading = among.filter((_, i) => found[i]?.role === 'primary');
      primary = leading.length === 1 ? leading[0] : undefined;
      const address = `127.0.0.1:${primary?.port}`;
      return found.every(({ role, primary: known }) => role === 'primary' || known === address);
    },
    PATIENTLY,
  );
  return { primary: primary as Member, replicas: among.filter((member) => member !== primary) };
}

/** Names of all containers that engines have, each as often as it is there. */
async function there(): Promise<readonly string[]> {
  const lists = await Promise.all(lab.nodes.map((node) => node.docker(['ps', '-a', '--format', '{{.Names}}'])));
  return lists.flatMap(({ stdout }) => stdout.split('\n').filter((line) => /^[a-z]+\d+$/.test(line))).sort();
}

/** Node one and the managers reach these nodes no more, which reach each other; `del` ends it. */
async function cutOff(names: readonly string[], action: 'add' | 'del'): Promise<void> {
  for (const name of names) {
    const route = ['route', action, 'blackhole', `${lab.node(name).address}/32`];
    await run('ip', route);
    await lab.node('one').exec(['ip', ...route]);
  }
}

/** Resolves once all managers know that it runs: they hear of it one after the other. */
async function runWeb(member: Member): Promise<void> {
  const always = ['run', '-d', '--name', 'web', '--restart', 'always'];
  await must(member, [...always, 'busybox', 'sh', '-c', 'echo up; exec sleep 6000']);
  const shows = async (each: Member): Promise<boolean> =>
    (await docker(each, ['ps', '--format', '{{.Names}} {{.State}}'])).stdout.includes('/web running');
  for (const each of members) await waitFor(`${each.name} to show it`, () => shows(each), PATIENTLY);
}

/** A docker command whose input is open, until its end. */
interface ClientStream {
  readonly stdin: Writable;
  /** Resolves once its output has the text. */
  until(text: string): Promise<unknown>;
  readonly ended: Promise<{ readonly code: number | null; readonly said: string }>;
}

async function openStream(
  member: Member,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ClientStream> {
  const client = await clientPath('docker', '28.5');
  const child = spawn(client.command, [...client.args, ...args], {
    env: { ...process.env, ...client.env, ...envFor(member.endpoint), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [said, complaint] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, said }));
  return {
    stdin: child.stdin,
    until: (text) =>
      waitFor(`${text} from docker ${args[0]}`, () => said.includes(text), PATIENTLY).catch((error: unknown) => {
        throw new Error(`${error}: ${said}${complaint}`);
      }),
    ended,
  };
}

/** One socket for all of them. */
async function openDoor(
  managers: readonly Member[],
): Promise<{ readonly endpoint: string; close(): Promise<unknown> }> {
  const { ca, cert, key } = lab.certificates ?? { ca: '', cert: '', key: '' };
  const endpoint = `unix://${join(folder, 'door.sock')}`;
  const addresses = managers.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const flags = ['--tlsverify', '--tlscacert', ca, '--tlscert', cert, '--tlskey', key, '--listen', endpoint];
  const process = enxame(['connect', ...flags, addresses]);
  await process.until(/Docker endpoint at/);
  return { endpoint, close: () => process.end('SIGTERM') };
}

async function again(member: Member): Promise<void> {
  member.process = startManager(member.name, member.port);
  await isServing(member);
}

// On a machine ten times as busy each takes minutes.
describe('several managers', { timeout: 1_200_000 }, () => {
  test('serve every client, whichever it asks', async () => {
    const { primary, replicas } = await roles();
    const [one, other] = replicas as [Member, Member];
    expect(await must(one, ['info', '--format', '{{json .SystemStatus}}'])).toContain(
      `["Primary","127.0.0.1:${primary.port}"]`,
    );
    expect(await must(one, ['run', '--rm', '-i', 'busybox', 'wc', '-c'], { input: 'x'.repeat(100_000) })).toBe(
      '100000',
    );
    await runWeb(one);
    expect(await must(one, ['ps', '--format', '{{.Names}}'])).toMatch(/web$/);
    expect(await must(other, ['exec', '-i', 'web', 'cat'], { input: 'through a replica' })).toBe('through a replica');
    await must(other, ['cp', '/etc/hostname', 'web:/tmp/copied']);
    await waitFor('its output', async () => (await must(other, ['logs', 'web'])) === 'up', PATIENTLY);
    expect((await docker(one, ['run', '-d', '--name', 'web', 'busybox'])).stderr).toContain('already in use');
    const { stderr } = await docker(one, ['exec', 'web', 'sh', '-c', 'echo told >&2; exit 7']);
    expect(stderr).toContain('told');
    await must(primary, ['rename', 'web', 'shop']);
    await waitFor(
      'the replica to see it',
      async () => (await docker(one, ['inspect', 'shop'])).exitCode === 0,
      PATIENTLY,
    );
    await must(one, ['rename', 'shop', 'web']);
    await made(other, ['network', 'create', '--attachable', 'front']);
    await made(one, ['network', 'connect', 'front', 'web']);
  });

  test('replace a primary that is killed, also with the leader of the store; streams through others go on', async () => {
    const { primary, replicas } = await roles();
    const [one, other] = replicas as [Member, Member];
    // Of what went through it just now a manager asks the primary.
    await runWeb(primary);
    const door = await openDoor([primary, one, other]);
    const stream = docker(one, ['logs', '-f', 'web'], { timeoutMs: 600_000 });
    stream.catch(() => undefined);
    const killedAt = performance.now();
    const leader = await etcd.leader();
    await Promise.all([primary.process.end('SIGKILL'), leader.process.kill()]);
    await createdAtLast({ ...other, endpoint: door.endpoint }, 'after1');
    await door.close();
    console.log(
      `create after kill -9 of primary and store leader: ${((performance.now() - killedAt) / 1000).toFixed(1)} s`,
    );
    await doneAtLast(other, ['exec', 'web', 'sh', '-c', 'echo more > /proc/1/fd/1']);
    leader.process.start();
    await etcd.ready(leader);
    await again(primary);
    const { primary: second } = await roles([one, other]);
    const againAt = performance.now();
    await second.process.end('SIGKILL');
    const left = [one, other, primary].filter((member) => member !== second);
    await createdAtLast(left[0] as Member, 'after2');
    console.log(`create after kill -9 of the primary: ${((performance.now() - againAt) / 1000).toFixed(1)} s`);
    await again(second);
    await doneAtLast(one, ['stop', '-t', '0', 'web']);
    const { stdout } = await stream;
    if (second !== one) expect(stdout.split('\n')).toEqual(expect.arrayContaining(['up', 'more']));
  });

  test('pass streams through a replica on, in both directions, when another replica is killed', async () => {
    const { replicas } = await roles();
    const [one, other] = replicas as [Member, Member];
    await runWeb(one);
    const context = join(folder, 'context.tar');
    await writeFile(join(folder, 'Dockerfile'), 'FROM busybox\nCOPY big /big\n');
    await writeFile(join(folder, 'big'), Buffer.alloc(4_000_000, 'big '));
    await run('tar', ['-C', folder, '-cf', context, 'Dockerfile', 'big']);
    const tar = await readFile(context);
    const talk = ['sh', '-c', 'read a; echo "first $a"; cat; echo over'];
    const logs = await openStream(one, ['logs', '-f', 'web']);
    const exec = await openStream(one, ['exec', '-i', 'web', ...talk]);
    const attached = await openStream(one, ['run', '-i', '--rm', '--name', 'talk', 'busybox', ...talk]);
    const build = await openStream(one, ['build', '-q', '-t', 'made', '-'], { DOCKER_BUILDKIT: '0' });
    for (const { stdin } of [exec, attached]) stdin.write('line\n');
    build.stdin.write(tar.subarray(0, 1_000_000));
    for (const stream of [exec, attached]) await stream.until('first line');
    await logs.until('up');

    await other.process.end('SIGKILL');
    await must(one, ['exec', 'web', 'sh', '-c', 'echo more > /proc/1/fd/1']);
    await logs.until('more');
    // What comes after the end of the input shows that only that ended.
    for (const { stdin } of [exec, attached]) stdin.end('last\n');
    for (const stream of [exec, attached])
      expect(await stream.ended).toEqual({ code: 0, said: 'first line\nlast\nover\n' });
    build.stdin.end(tar.subarray(1_000_000));
    expect(await build.ended).toEqual({ code: 0, said: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) });
    await must(one, ['rm', '-f', 'web']);
    expect((await logs.ended).said).toBe('up\nmore\n');
    await must(one, ['rmi', 'made']);
  });

  test('see no container twice, and lose none, when the primary is suspended in the middle of creates', async () => {
    const { primary, replicas } = await roles();
    const [one, other] = replicas as [Member, Member];
    const names = Array.from({ length: 24 }, (_, i) => `many${i}`);
    const creates = names.map(async (name, i) => {
      const { exitCode } = await docker(i % 2 ? one : other, ['create', '--name', name, 'busybox'], {
        timeoutMs: 240_000,
      });
      return exitCode === 0 ? name : undefined;
    });
    await waitFor('some to be made', async () => (await there()).length > 3, { ...PATIENTLY, everyMs: 50 });
    primary.process.child.kill('SIGSTOP');
    const { primary: second } = await roles(replicas);
    const acknowledged = (await Promise.all(creates)).filter((name) => name !== undefined);
    primary.process.child.kill('SIGCONT');
    await waitFor('the earlier primary to follow', () => follows(primary), PATIENTLY);
    const listed = async (member: Member): Promise<readonly string[]> =>
      (await must(member, ['ps', '-a', '--format', '{{.Names}}']))
        .split('\n')
        .map((name) => name.split('/').at(-1) ?? '')
        .filter((name) => name.startsWith('many'))
        .sort();
    await waitFor(
      'engines and managers to agree',
      async () => {
        const [copies, ...seen] = await Promise.all([there(), ...members.map(listed)]);
        return (
          seen.every((each) => each.join() === copies.join()) && acknowledged.every((name) => copies.includes(name))
        );
      },
      PATIENTLY,
    );
    const copies = await there();
    expect(new Set(copies).size).toBe(copies.length);
    expect(acknowledged.length).toBeGreaterThan(0);
    await waitFor('an empty cluster', () => isEmptied(second), PATIENTLY);
  });

  test('bring a container of a lost node back though the primary is lost with it', async () => {
    const { primary, replicas } = await roles();
    await runWeb(replicas[0] as Member);
    const node = (await must(replicas[0] as Member, ['inspect', '-f', '{{.Node.Name}}', 'web'])).trim();
    const lostAt = performance.now();
    await Promise.all([primary.process.end('SIGKILL'), lab.node(node).crash()]);
    const [one] = replicas as [Member];
    await waitFor(
      'it to run elsewhere',
      async () => {
        const { stdout } = await docker(one, ['inspect', '-f', '{{.Node.Name}} {{.State.Running}}', 'web']);
        const [now, isRunning] = stdout.trim().split(' ');
        return isRunning === 'true' && now !== node;
      },
      PATIENTLY,
    );
    console.log(
      `node and primary lost together: running elsewhere after ${((performance.now() - lostAt) / 1000).toFixed(1)} s`,
    );
  });

  test('make no new quorum of networks with a minority of nodes, and lose nothing that the majority has', async () => {
    const { primary } = await roles();
    const network = await made(primary, ['network', 'create', '-d', 'overlay', '--attachable', 'meeting']);
    for (const name of ['two', 'three'])
      await made(primary, [
        ...['run', '-d', '--name', `at-${name}`, '-e', `constraint:node==${name}`],
        ...['--network', 'meeting', 'busybox', 'sleep', '3600'],
      ]);
    const substrate = (name: string): Promise<readonly string[]> =>
      Promise.all(
        [
          ['node', 'ls', '-q'],
          ['info', '-f', '{{json .Swarm.Cluster.Spec.Labels}}'],
        ].map(async (args) => (await lab.node(name).docker(args)).stdout.split(/\s+/).sort().join(' ').trim()),
      );
    const before = await substrate('two');
    expect(before.join()).toContain('"io.enxame.epoch":');
    await cutOff(['two', 'three'], 'add');
    try {
      // Which of them is the primary may change meanwhile.
      const says = async (member: Member): Promise<boolean> => {
        const { stdout, stderr } = await docker(member, ['info']);
        return `${stdout}${stderr}`.includes('no new quorum is made: 1 of 3 nodes');
      };
      await waitFor(
        'the primary to say that it makes none',
        async () => (await Promise.all(members.map(says))).includes(true),
        PATIENTLY,
      );
      await waitFor(
        'the majority to have a leader',
        async () => (await substrate('two')).join() === before.join(),
        PATIENTLY,
      );
    } finally {
      await cutOff(['two', 'three'], 'del');
    }
    await waitFor('all to be one again', async () => (await substrate('one')).join() === before.join(), PATIENTLY);

    expect(await must(primary, ['network', 'inspect', '-f', '{{.Id}}', 'meeting'])).toBe(network);
    await waitFor(
      'the containers to reach each other through the primary’s eyes',
      async () => (await docker(primary, ['exec', 'at-two', 'ping', '-c', '1', '-W', '1', 'at-three'])).exitCode === 0,
      PATIENTLY,
    );
    expect(await substrate('two')).toEqual(before);
  });

  test('refuse changes while the store is down, show what there is, and go on when it is back', async () => {
    const { primary, replicas } = await roles();
    const [one] = replicas as [Member];
    await runWeb(one);
    for (const { process } of etcd.members) process.pause();
    await waitFor('the primary to notice', () => follows(primary), PATIENTLY);
    expect(await must(one, ['ps', '--format', '{{.Names}}'])).toMatch(/web$/);
    const refused = async (): Promise<readonly [number, string]> => {
      const { exitCode, stderr } = await docker(one, ['create', '--name', 'refused', 'busybox']);
      return [exitCode, stderr];
    };
    await expect.poll(refused).toEqual([1, expect.stringContaining('No elected primary cluster manager')]);
    for (const { process } of etcd.members) process.resume();
    await roles();
    await waitFor('an empty cluster', () => isEmptied(one), PATIENTLY);
    const names = async (): Promise<string> => {
      const lists = await Promise.all(lab.nodes.map((node) => node.docker(['ps', '-a', '--format', '{{.Names}}'])));
      return lists.map(({ stdout }) => stdout).join('\n');
    };
    await expect.poll(names).not.toMatch(/^(web|refused)$/m);
  });
});
