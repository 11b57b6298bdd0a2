import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Lab, type LabNode, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { freePort } from '../free-ports.ts';
import { type EnxameProcess, enxame } from './enxame-process.ts';
import { behindNat, type NatSite } from './nat-site.ts';

const PATIENCE = { timeoutMs: 240_000, everyMs: 500 };
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** A public node, and two sites behind routers of their own. */
const NAMES = ['open', 'left', 'right'] as const;

let lab: Lab;
let folder: string;
let port: number;
let manager: EnxameProcess;
const sites = new Map<string, NatSite>();
const agents = new Map<string, ChildProcess>();

beforeAll(async () => {
  lab = await startLab({ nodes: NAMES.map((name) => ({ name })) });
  for (const name of NAMES) await lab.node(name).load(['busybox']);
  sites.set('left', await behindNat(lab, 'left', 0));
  sites.set('right', await behindNat(lab, 'right', 1));
  folder = await mkdtemp(join(tmpdir(), 'enxame-mesh-'));
  await enxameMust(['certs', 'ca', '--dir', folder]);
  for (const name of NAMES) await enxameMust(['certs', 'server', '--dir', folder, name, name]);
  await enxameMust(['certs', 'server', '--dir', folder, '--manager', 'manager', lab.bridgeAddress]);
  await enxameMust(['certs', 'client', '--dir', folder, 'alice']);
  port = await freePort(lab.bridgeAddress);
  const listen = ['-H', `tcp://${lab.bridgeAddress}:${port}`, '--tlsverify', ...files('manager')];
  const state = ['--state-dir', join(folder, 'state'), '--cluster', 'mesh'];
  manager = enxame(['manage', ...listen, ...state, NAMES.map((name) => `agent://${name}`).join(',')]);
  await manager.until(/Manager at/);
  for (const name of NAMES) startAgent(lab.node(name));
}, 600_000);

afterAll(async () => {
  await manager?.end('SIGKILL');
  for (const agent of agents.values()) agent.kill('SIGKILL');
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

function files(name: string): string[] {
  const of = (file: string): string => join(folder, name, file);
  return ['--tlscacert', of('ca.pem'), '--tlscert', of('cert.pem'), '--tlskey', of('key.pem')];
}

function env(): Record<string, string> {
  const own = { DOCKER_HOST: `tcp://${lab.bridgeAddress}:${port}`, DOCKER_CERT_PATH: join(folder, 'alice') };
  return { ...own, DOCKER_TLS_VERIFY: '1' };
}

async function enxameMust(args: readonly string[]): Promise<string> {
  const done = await run(process.execPath, [MAIN, ...args], { ...(port && { env: env() }), timeoutMs: 90_000 });
  if (done.exitCode !== 0) throw new Error(`enxame ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

function startAgent(node: LabNode): void {
  const into = ['--target', String(node.enginePid), '--net', '--mount', '--uts', '--pid'];
  const mesh = ['--mesh', `${lab.bridgeAddress}:${port}`, '--mesh-state', join(folder, `mesh-${node.name}`)];
  const reached = sites.has(node.name) ? [] : ['--mesh-public', `${node.address}:51820`];
  const dial = ['--dial-engine', `unix://${node.socketPath}`, ...files(node.name)];
  const command = [process.execPath, MAIN, 'join', ...mesh, ...reached, ...dial];
  const stdio = process.env.ENXAME_TEST_LOG ? 'inherit' : 'ignore';
  agents.set(node.name, spawn('nsenter', [...into, '--', ...command], { stdio }));
}

async function docker(args: readonly string[]): Promise<Awaited<ReturnType<typeof run>>> {
  const client = await clientPath('docker', '28.5');
  return run(client.command, [...client.args, ...args], { env: { ...client.env, ...env() }, timeoutMs: 120_000 });
}

/** Of a node's WireGuard, by peer's key: the addresses that are reached through it. */
async function peersOf(name: string): Promise<ReadonlyMap<string, string>> {
  const into = ['--target', String(lab.node(name).enginePid), '--net', '--mount'];
  const { stdout } = await run('nsenter', [...into, '--', 'wg', 'show', 'all', 'allowed-ips']);
  return new Map(
    stdout
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [, key = '', allowed = ''] = line.split('\t');
        return key === '' ? [] : [[key, allowed] as const];
      }),
  );
}

async function addressOf(name: string): Promise<string> {
  const { stdout } = await lab.node(name).exec(['ip', '-o', '-4', 'address', 'show']);
  return /enxame-\w+\s+inet ([\d.]+)/.exec(stdout)?.[1] ?? '';
}

/** Whether a container reaches another one by its name, with packets of the full size of an Ethernet, too. */
async function reaches(from: string, to: string): Promise<boolean> {
  const ping = (bytes: number): ReturnType<typeof docker> =>
    docker(['exec', from, 'ping', '-c', '1', '-W', '5', '-s', String(bytes), to]);
  return (await ping(56)).exitCode === 0 && (await ping(1400)).exitCode === 0;
}

function allReachAll(nodes: readonly string[]): Promise<unknown> {
  const pairs = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => [`on-${from}`, `on-${to}`]));
  const check = async (): Promise<boolean> =>
    (await Promise.all(pairs.map(([from = '', to = '']) => reaches(from, to)))).every(Boolean);
  return waitFor('answers across all sites', check, PATIENCE);
}

/** Whether `left` and `right` have each other's addresses directly, or by the public node. */
async function way(): Promise<'direct' | 'relay' | 'mixed'> {
  const ends = await Promise.all(
    [['left', 'right'] as const, ['right', 'left'] as const].map(async ([from, to]) => {
      const [peers, address] = [await peersOf(from), await addressOf(to)];
      return [...peers.values()].find((allowed) => allowed.includes(`${address}/32`)) === `${address}/32`;
    }),
  );
  if (ends.every(Boolean)) return 'direct';
  return ends.some(Boolean) ? 'mixed' : 'relay';
}

test('containers reach each other by name across two NATed sites and a public node', { timeout: 600_000 }, async () => {
  const created = async (): Promise<boolean> =>
    (await docker(['network', 'inspect', 'far'])).exitCode === 0 ||
    (await docker(['network', 'create', '-d', 'overlay', '--attachable', 'far'])).exitCode === 0;
  await waitFor('the network', created, PATIENCE);
  for (const name of NAMES) {
    const where = ['-e', `constraint:node==${name}`, '--network', 'far', '--name', `on-${name}`];
    const started = async (): Promise<boolean> =>
      (await docker(['inspect', `on-${name}`])).exitCode === 0 ||
      (await docker(['run', '-d', ...where, 'busybox', 'sleep', '3600'])).exitCode === 0;
    await waitFor(`a container on ${name}`, started, PATIENCE);
  }
  await allReachAll(NAMES);
  for (const name of NAMES) {
    const { stdout } = await lab.node(name).docker(['info', '--format', '{{.Swarm.NodeAddr}}']);
    expect(stdout.trim()).toBe(await addressOf(name));
  }
});

test("the swarm's ports are closed outside of the mesh", async () => {
  const isOpen = (host: string, at: number): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host, port: at, timeout: 2_000 });
      const end = (isReached: boolean): void => {
        socket.destroy();
        resolve(isReached);
      };
      socket
        .once('connect', () => end(true))
        .once('timeout', () => end(false))
        .once('error', () => end(false));
    });
  const { address } = lab.node('open');
  expect(await Promise.all([2377, 7946].map((at) => isOpen(address, at)))).toEqual([false, false]);
  const rules = await lab.node('open').exec(['iptables', '-S', 'ENXAME-MESH']);
  expect(rules.stdout).toContain('-A ENXAME-MESH -p udp -m udp --dport 4789 -j DROP');
});

test('two sites behind NAT reach each other directly, and by the public node when that breaks', {
  timeout: 600_000,
}, async () => {
  await waitFor('the direct way', async () => (await way()) === 'direct', PATIENCE);
  await allReachAll(['left', 'right']);
  const outer = sites.get('right')?.outer ?? '';
  await sites.get('left')?.iptables(['-I', 'FORWARD', '-d', outer, '-j', 'DROP']);
  await sites.get('left')?.iptables(['-I', 'FORWARD', '-s', outer, '-j', 'DROP']);
  await waitFor('the way by the public node', async () => (await way()) === 'relay', PATIENCE);
  await allReachAll(NAMES);
});

test('a node that is revoked loses its key at all others', { timeout: 600_000 }, async () => {
  expect((await peersOf('left')).size).toBeGreaterThan(0);
  const address = await addressOf('right');
  await enxameMust(['agent', 'revoke', 'right']);
  const isKnown = async (name: string): Promise<boolean> =>
    [...(await peersOf(name)).values()].some((allowed) => allowed.includes(`${address}/32`));
  await waitFor('the end of it', async () => !(await isKnown('open')) && !(await isKnown('left')), PATIENCE);
  await allReachAll(['open', 'left']);
});
