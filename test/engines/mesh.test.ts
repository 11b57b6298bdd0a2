import { cp } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CommandResult, run } from '../../src/common/command.ts';
import type { Lab, LabNode } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { DialledLab } from './dialled-lab.ts';
import { behindNat, type NatSite } from './nat-site.ts';
import { transfer } from './transfer.ts';

const PATIENCE = { timeoutMs: 240_000, everyMs: 500 };
/** Two public nodes, and two sites behind routers of their own; with engines of three generations. */
const NAMES = ['open', 'other', 'left', 'right'] as const;
const NODES = ['open', { name: 'other', generation: '28.5' }, 'left', { name: 'right', generation: '26.1' }] as const;

let at: DialledLab;
let lab: Lab;
const sites = new Map<string, NatSite>();

beforeAll(async () => {
  at = await DialledLab.start(NODES);
  lab = at.lab;
  for (const name of NAMES) await lab.node(name).load(['busybox']);
  sites.set('left', await behindNat(lab, 'left', 0));
  sites.set('right', await behindNat(lab, 'right', 1));
  await at.manage(
    [],
    NAMES.map((name) => `agent://${name}`),
  );
  for (const name of NAMES) startAgent(lab.node(name));
});

afterAll(() => at?.close());

function startAgent(node: LabNode): void {
  const mesh = ['--mesh', at.address, '--mesh-state', join(at.folder, `mesh-${node.name}`)];
  const reached = sites.has(node.name) ? [] : ['--mesh-public', `${node.address}:51820`];
  at.join(node, [...mesh, ...reached]);
}

function docker(args: readonly string[]): Promise<CommandResult> {
  return at.docker(args);
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

/** How `left` reaches `right`, as the manager says. */
async function shownWay(): Promise<string> {
  const shown = await at.enxame(['mesh', '--format', '{{.From}} {{.To}} {{.Way}}']);
  return /^left right (.*)$/m.exec(shown)?.[1] ?? '';
}

test('containers reach each other by name across two NATed sites and public nodes', async () => {
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
  const isOpen = (host: string, port: number): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host, port, timeout: 2_000 });
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
  expect(await Promise.all([2377, 7946].map((port) => isOpen(address, port)))).toEqual([false, false]);
  const rules = await lab.node('open').exec(['iptables', '-S', 'ENXAME-MESH']);
  expect(rules.stdout).toContain('-A ENXAME-MESH -p udp -m udp --dport 4789 -j DROP');
});

test('two sites behind NAT reach each other directly, and by the public node when that breaks', async () => {
  await waitFor('the direct way', async () => (await way()) === 'direct', PATIENCE);
  await allReachAll(['left', 'right']);
  const outer = sites.get('right')?.outer ?? '';
  await sites.get('left')?.iptables(['-I', 'FORWARD', '-d', outer, '-j', 'DROP']);
  await sites.get('left')?.iptables(['-I', 'FORWARD', '-s', outer, '-j', 'DROP']);
  await waitFor('the way by the public node', async () => (await way()) === 'relay', PATIENCE);
  await allReachAll(NAMES);
});

test('what tunnels and public nodes carry', async () => {
  const [open, other, left, right] = NAMES.map((name) => lab.node(name)) as [LabNode, LabNode, LabNode, LabNode];
  const ways = [
    ['no tunnel', open, other, other.address],
    ['a tunnel', open, other, await addressOf('other')],
    ['a public node between two tunnels', left, right, await addressOf('right')],
  ] as const;
  for (const [name, from, to, address] of ways) {
    const { mbitPerS, roundTripMs } = await transfer(from, to, address, 32);
    process.stderr.write(`mesh: ${name}: ${mbitPerS} Mbit/s, ${roundTripMs} ms there and back\n`);
  }
});

test('where packets of the full size are lost, smaller ones are sent', async () => {
  // In a tunnel a packet has 60 bytes more.
  const large = ['FORWARD', '-p', 'udp', '-m', 'length', '--length', '1261:65535', '-j', 'DROP'];
  const site = sites.get('left');
  await site?.iptables(['-I', ...large]);
  try {
    const sizes = (): Promise<string> => at.enxame(['mesh', '--format', '{{.From}} {{.To}} {{.Mtu}}']);
    await waitFor('a size that fits', async () => (await sizes()).includes('left open 1200'), PATIENCE);
    await allReachAll(['left', 'open']);
  } finally {
    await site?.iptables(['-D', ...large]);
  }
});

test('when a public node is lost, what it passed on goes through the other one', async () => {
  const byWhom = async (): Promise<string | undefined> => /^by (\w+)/.exec(await shownWay())?.[1];
  const first = (await waitFor('a public node between them', byWhom, PATIENCE)) ?? '';
  const second = first === 'open' ? 'other' : 'open';
  await lab.node(first).partition();
  try {
    await waitFor('the way by the other one', async () => (await byWhom()) === second, PATIENCE);
    await allReachAll(['left', 'right']);
  } finally {
    await lab.node(first).heal();
  }
  const isBack = async (): Promise<boolean> =>
    (await at.enxame(['mesh', '--format', '{{.From}} {{.To}} {{.Way}}'])).includes(`left ${first} direct`);
  await waitFor('the way to it', isBack, PATIENCE);
  // Engines that took each other for lost tell each other anew what they have within a minute or two (docs/mesh.md).
  await allReachAll(NAMES);
});

test('a copy of a node, key and all, is told of, and takes its place at no other node', async () => {
  const copy = await lab.addNode({ name: 'copy' });
  await at.enxame(['certs', 'server', '--dir', at.folder, 'copy', 'copy']);
  await cp(join(at.folder, 'mesh-left'), join(at.folder, 'mesh-copy'), { recursive: true });
  startAgent(copy);
  const isTold = async (): Promise<boolean> =>
    (await at.run(['mesh', 'doctor'])).stdout.includes('copy: its key is that of left');
  await waitFor('a word about the copy', isTold, PATIENCE);
  // It comes up as the other one was told to be last.
  await waitFor('the copy to be alone', async () => (await peersOf('copy')).size === 0, PATIENCE);
  await allReachAll(NAMES);
});

test('a node that is revoked loses its key at all others', async () => {
  expect((await peersOf('left')).size).toBeGreaterThan(0);
  const address = await addressOf('right');
  await at.enxame(['agent', 'revoke', 'right']);
  const isKnown = async (name: string): Promise<boolean> =>
    [...(await peersOf(name)).values()].some((allowed) => allowed.includes(`${address}/32`));
  await waitFor('the end of it', async () => !(await isKnown('open')) && !(await isKnown('left')), PATIENCE);
});
