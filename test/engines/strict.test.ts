import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Lab, type LabNode, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { freePort } from '../free-ports.ts';
import { type EnxameProcess, enxame } from './enxame-process.ts';

/** Detection, the grace of a strict container, and a start on a busy machine. */
const PATIENCE = { timeoutMs: 240_000, everyMs: 300 };
/** Longer than a busy machine keeps an agent waiting. */
const FENCE_MS = 8_000;
/** Each life of the writer has a name of its own, and says it ten times a second. */
const WRITE = 'T=$(cat /proc/sys/kernel/random/uuid); while :; do echo $T >>/w/log; sleep 0.1; done';
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const METADATA = fileURLToPath(new URL('./metadata-server.mjs', import.meta.url));
/** The machines that their providers may take back. */
const SPOT: Readonly<Record<string, string>> = { two: 'azure', three: 'amazonec2' };

let lab: Lab;
let folder: string;
let port: number;
let manager: EnxameProcess;
const agents = new Map<string, ChildProcess>();
const metadata: ChildProcess[] = [];

beforeAll(async () => {
  const labels = (name: string): Record<string, string> => (SPOT[name] ? { provider: SPOT[name], spot: 'true' } : {});
  lab = await startLab({ nodes: ['one', 'two', 'three'].map((name) => ({ name, labels: labels(name) })) });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  folder = await mkdtemp(join(tmpdir(), 'enxame-strict-'));
  port = await freePort(lab.bridgeAddress);
  await manage();
  const refused = await docker(['create', '--label', 'io.enxame.fence=strict', 'busybox']);
  expect(refused.stderr).toMatch(/io.enxame.fence=strict needs an agent .* run "enxame join --fence"/);
  for (const [name, provider] of Object.entries(SPOT)) await serveMetadata(lab.node(name), provider);
  for (const node of lab.nodes) agents.set(node.name, await startAgent(node));
  await waitFor('agents', async () => (await create()).exitCode === 0, PATIENCE);
});

afterAll(async () => {
  await manager?.end('SIGKILL');
  for (const process of [...agents.values(), ...metadata]) process.kill('SIGKILL');
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Every test finds a manager, all nodes with their agents, and the writer alone. */
afterEach(async () => {
  for (const node of lab.nodes) {
    node.resume();
    await node.start();
    await node.heal();
    await signal(node, 'CONT');
  }
  if (hasEnded(manager)) await manage();
  const listed = await must(['ps', '-a', '--format', '{{.ID}} {{.Names}}']);
  const others = listed.split('\n').filter((line) => line !== '' && !line.endsWith('/writer'));
  if (others.length > 0) await must(['rm', '-f', ...others.map((line) => line.split(' ')[0] ?? '')]);
  await wholeAgain();
});

function hasEnded({ child }: EnxameProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function tls(): string[] {
  const server = lab.certificates?.server;
  if (!server) throw new Error('the lab has no certificates');
  return ['--tlscacert', server.ca, '--tlscert', server.cert, '--tlskey', server.key];
}

async function manage(): Promise<void> {
  const listen = ['--tlsverify', ...tls(), '-H', `tcp://${lab.bridgeAddress}:${port}`];
  const state = ['--state-dir', join(folder, 'state'), '--cluster', 'strict'];
  const engines = lab.nodes.map(({ endpoint }) => endpoint).join(',');
  manager = enxame(['manage', ...listen, ...state, engines]);
  await manager.until(/Manager at/);
  await waitFor('all nodes', async () => (await healthy()) === lab.nodes.length, PATIENCE);
}

/** The node's host has its provider's metadata service where all machines have it. */
async function serveMetadata(node: LabNode, provider: string): Promise<void> {
  await node.exec(['ip', 'address', 'add', '169.254.169.254/32', 'dev', 'lo']);
  const command = [process.execPath, METADATA, provider, noticeFile(node)];
  metadata.push(spawn('nsenter', ['--target', String(node.enginePid), '--net', ...command], { stdio: 'inherit' }));
}

function noticeFile({ name }: LabNode): string {
  return join(folder, `${name}.notice`);
}

async function startAgent(node: LabNode): Promise<ChildProcess> {
  const into = ['--target', String(node.enginePid), '--net', '--mount', '--uts', '--pid'];
  const fence = [
    '--fence',
    `${lab.bridgeAddress}:${port}`,
    '--fence-time',
    `${FENCE_MS}ms`,
    '--fence-peer',
    `${node.address}:2378`,
  ];
  const own = ['--fence-engine', `unix://${node.socketPath}`, '--fence-lease', join(folder, `${node.name}.lease`)];
  const provider = SPOT[node.name];
  const spot = provider ? ['--spot', provider] : [];
  // The node's own certificate names its address, which other agents ask for.
  const directory = join(lab.directory, node.name, 'tls');
  const files = [
    '--tlscacert',
    join(directory, 'ca.pem'),
    '--tlscert',
    join(directory, 'cert.pem'),
    '--tlskey',
    join(directory, 'key.pem'),
  ];
  const command = [process.execPath, MAIN, 'join', ...fence, ...own, ...spot, ...files, 'nodes://10.0.0.1:2376'];
  const shown = process.env.ENXAME_TEST_LOG ? 'inherit' : 'ignore';
  return spawn('nsenter', [...into, ...command], { stdio: ['ignore', shown, shown] });
}

async function docker(args: readonly string[]): Promise<Awaited<ReturnType<typeof run>>> {
  const client = await clientPath('docker', '28.5');
  const env = { ...client.env, ...lab.dockerEnv(`${lab.bridgeAddress}:${port}`) };
  return run(client.command, [...client.args, ...args], { env });
}

async function must(args: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await docker(args);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** For the container `later`. */
async function fence(is: 'strict' | 'off'): Promise<void> {
  const env = lab.dockerEnv(`${lab.bridgeAddress}:${port}`);
  const done = await run(process.execPath, [MAIN, 'fence', is, 'later'], { env });
  expect([done.exitCode, done.stderr]).toEqual([0, '']);
}

function create(): ReturnType<typeof docker> {
  const labels = ['--label', 'io.enxame.fence=strict', '--label', 'io.enxame.data=discard', '--stop-timeout', '1'];
  return docker([
    'run',
    '-d',
    '--name',
    'writer',
    ...labels,
    '--restart',
    'always',
    '-v',
    `${folder}:/w`,
    'busybox',
    'sh',
    '-c',
    WRITE,
  ]);
}

async function healthy(): Promise<number> {
  const { stdout } = await docker(['info']);
  return (stdout.match(/Status: Healthy/g) ?? []).length;
}

async function log(): Promise<readonly string[]> {
  return (await readFile(join(folder, 'log'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
}

/** The lives of the writer in the order in which they wrote: none writes again after another one has begun. */
async function lives(): Promise<readonly string[]> {
  const lines = await log();
  return lines.filter((line, i) => line !== lines[i - 1]);
}

async function writerNode(): Promise<LabNode> {
  return lab.node(await must(['inspect', '--format', '{{.Node.Name}}', 'writer']));
}

/** Where the writer's container runs, as engines that answer say. */
async function copies(): Promise<readonly string[]> {
  const found = await Promise.all(
    lab.nodes.map(async (node) => {
      const { stdout } = await node.docker(['ps', '-q', '--filter', 'name=^/?writer$']);
      return stdout.trim() === '' ? [] : [node.name];
    }),
  );
  return found.flat();
}

async function writes(): Promise<void> {
  const before = (await log()).length;
  await waitFor('the writer to write', async () => (await log()).length > before + 2, PATIENCE);
}

async function wholeAgain(): Promise<void> {
  await waitFor('all nodes', async () => (await healthy()) === lab.nodes.length, PATIENCE);
  await waitFor('one copy', async () => (await copies()).length === 1, PATIENCE);
  await writes();
}

function pidOf({ name }: LabNode): number {
  return agents.get(name)?.pid ?? 0;
}

/** Signals the agent itself, in the namespaces that `nsenter` has entered. */
async function signal(node: LabNode, name: 'STOP' | 'CONT'): Promise<void> {
  const { stdout } = await run('pgrep', ['-P', String(pidOf(node))]);
  const children = stdout.trim().split('\n').map(Number);
  expect(children.filter(Boolean)).not.toEqual([]);
  for (const pid of [pidOf(node), ...children].filter(Boolean)) process.kill(pid, `SIG${name}`);
}

describe('a strict container', () => {
  test('may be one that was there before, and strict no more, without being made anew', async () => {
    const asked = ['inspect', '--format', '{{.HostConfig.RestartPolicy.Name}} {{.State.Pid}}', 'later'];
    const id = await must(['run', '-d', '--name', 'later', '--restart', 'always', 'busybox', 'sleep', '3600']);
    const node = lab.node(await nodeOf('later'));
    const [, pid] = (await node.docker(asked)).stdout.trim().split(' ');
    const lease = (): Promise<string> => readFile(join(folder, `${node.name}.lease`), 'utf8');
    await fence('strict');
    expect((await node.docker(asked)).stdout.trim()).toBe(`no ${pid}`);
    await expect.poll(async () => JSON.parse(await lease())).toMatchObject({ orders: { strict: [id] } });
    await fence('off');
    expect((await node.docker(asked)).stdout.trim()).toBe(`always ${pid}`);
    await must(['rm', '-f', 'later']);
    await waitFor('no orders', async () => !(await lease()).includes(id), PATIENCE);
  });

  test('is shown with the policy that its client gave, and restarted by the manager', async () => {
    const node = await writerNode();
    const asked = ['inspect', '--format', '{{.HostConfig.RestartPolicy.Name}}', 'writer'];
    expect(await must(asked)).toBe('always');
    expect((await node.docker(asked)).stdout.trim()).toBe('no');
    await writes();
    const before = (await lives()).length;
    await node.docker(['kill', 'writer']);
    await waitFor('another life', async () => (await lives()).length > before, PATIENCE);
    await must(['update', '--restart', 'on-failure:3', 'writer']);
    expect(await must(['inspect', '--format', '{{.HostConfig.RestartPolicy}}', 'writer'])).toBe('{on-failure 3}');
    expect((await node.docker(asked)).stdout.trim()).toBe('no');
    await must(['update', '--restart', 'always', 'writer']);
  });

  // A machine that stands still for the fence time has it ended, as it must: then the test begins anew.
  test('goes on while its manager is away for longer than the fence time', { retry: 3 }, async () => {
    await writes();
    const before = await lives();
    await manager.end('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 3 * FENCE_MS));
    await writes();
    await manage();
    await writes();
    expect(await lives()).toEqual(before);
  });

  const faults: readonly (readonly [string, (node: LabNode) => unknown, (node: LabNode) => unknown])[] = [
    ['its node is cut off', (node) => node.partition(), (node) => node.heal()],
    ['its engine is dead and it is not', (node) => node.killEngine(), (node) => node.start()],
    [
      'its node is cut off while the agent is stopped',
      async (node) => {
        await signal(node, 'STOP');
        await node.partition();
      },
      async (node) => {
        await node.heal();
        await signal(node, 'CONT');
      },
    ],
  ];

  test.each(faults)('never has two writers when %s', async (_, begin, end) => {
    const node = await writerNode();
    await writes();
    const before = (await lives()).length;
    await begin(node);
    await waitFor('a successor', async () => (await lives()).length > before, PATIENCE);
    await writes();
    await end(node);
    await wholeAgain();
    const all = await lives();
    expect(new Set(all).size).toBe(all.length);
    await expect.poll(async () => [await copies(), (await writerNode()).name].join()).toMatch(/^(\w+),\1$/);
  });
});

/** Runs a container that rather runs on that node; its node. */
async function runNear(near: string, name: string, flags: readonly string[] = []): Promise<string> {
  const wish = ['-e', `constraint:node==~${near}`, '--restart', 'always', '--stop-timeout', '1'];
  await must(['run', '-d', '--name', name, ...wish, ...flags, 'busybox', 'sleep', '3600']);
  return nodeOf(name);
}

function nodeOf(container: string): Promise<string> {
  return must(['inspect', '--format', '{{.Node.Name}}', container]);
}

test('a machine that its provider takes back is left within the notice, and takes nothing new', async () => {
  expect(await runNear('three', 'steady', ['--label', 'io.enxame.spot=never'])).toBe('one');
  const bound = ['--label', 'io.enxame.spot=never', '-e', 'constraint:node==three'];
  expect((await docker(['run', '-d', ...bound, 'busybox', 'true'])).stderr).toContain('io.enxame.spot=never');
  expect(await runNear('three', 'roamer')).toBe('three');
  const id = await must(['inspect', '--format', '{{.Id}}', 'roamer']);
  try {
    for (const [name, noticeMs] of [
      ['three', 120_000],
      ['two', 30_000],
    ] as const) {
      const node = lab.node(name);
      expect(await runNear(name, `before-${name}`)).toBe(name);
      const sinceMs = Date.now();
      await writeFile(noticeFile(node), new Date(sinceMs + noticeMs).toISOString());
      const isLeft = async (): Promise<boolean> => {
        const { exitCode, stdout } = await node.docker(['ps', '-q']);
        return exitCode === 0 && stdout === '';
      };
      await waitFor('the node to be left', isLeft, PATIENCE);
      const seconds = ((Date.now() - sinceMs) / 1000).toFixed(1);
      console.log(`  from the notice of ${SPOT[name]} (${noticeMs / 1000} s) until the node is left: ${seconds} s`);
      expect(await nodeOf('roamer')).not.toBe(name);
      expect(await runNear(name, `after-${name}`)).not.toBe(name);
      const only = await docker(['run', '-d', '-e', `constraint:node==${name}`, 'busybox', 'true']);
      expect(only.stderr).toMatch(new RegExp(`drained \\(\\d of 3 nodes: [^)]*${name}`));
    }
    expect(await nodeOf('roamer')).toBe('one');
    expect(await must(['inspect', '--format', '{{.Id}} {{.State.Status}}', 'roamer'])).toBe(`${id} running`);
    expect(await nodeOf('steady')).toBe('one');
    await wholeAgain();
    const all = await lives();
    expect(new Set(all).size).toBe(all.length);
  } finally {
    for (const name of Object.keys(SPOT)) {
      await rm(noticeFile(lab.node(name)), { force: true });
      await must(['node', 'update', '--availability', 'active', name]);
    }
  }
});
