import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientPath } from '../../src/lab/clients.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { DialledLab } from './dialled-lab.ts';
import { loadReaper } from './testcontainers/reaper.ts';
import { sendUdp, udpEcho } from './udp-echo.ts';

const PATIENCE = { timeoutMs: 300_000, everyMs: 200 };
/** Two nodes that the manager and other nodes connect to, and one that is reached over its agent alone. All have agents. */
const NAMES = ['near', 'far', 'dialled'] as const;
const REAPER = 'testcontainers/ryuk:stand-in';
const CLIENT = fileURLToPath(new URL('testcontainers/client.mjs', import.meta.url));
/** What the client builds, and its Compose environment. */
const FILES = {
  Dockerfile: 'FROM busybox\nRUN echo -n built >/built\nCMD ["httpd", "-f", "-p", "80"]\n',
  'compose.yaml': `
services:
  web:
    image: busybox
    command: sh -c 'mkdir -p /www && echo composed >/www/index.html && exec httpd -f -p 80 -h /www'
    ports: ["80"]
    volumes: ["kept:/kept"]
volumes:
  kept:
`,
};
const PAGE = 'mkdir -p /www && hostname >/www/index.html && exec httpd -f -p 80 -h /www';

let at: DialledLab;
let lab: Lab;

beforeAll(async () => {
  at = await DialledLab.start(NAMES, { tls: false });
  lab = at.lab;
  await lab.node('near').load(['busybox']);
  await loadReaper(lab.node('near'), REAPER, at.folder);
  const entries = ['near', 'far'].map((name) => `tcp://${lab.node(name).endpoint}`);
  await at.manage(['--publish-at', 'everywhere', '--cluster-socket'], [...entries, 'agent://dialled']);
  for (const node of lab.nodes) at.join(node, ['--dial', at.address]);
  await waitFor('all nodes', async () => (await healthy()) === NAMES.length, PATIENCE);
});

afterAll(() => at?.close());

async function healthy(): Promise<number> {
  const { stdout } = await at.docker(['info']);
  return (stdout.match(/Status: Healthy/g) ?? []).length;
}

async function must(args: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await at.docker(args);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}\n${at.manager.said()}`);
  return stdout.trim();
}

/** The endpoint's and every node's. */
function addresses(): readonly string[] {
  return [lab.bridgeAddress, ...lab.nodes.map(({ address }) => address)];
}

/** What a page says, or why it says nothing. */
async function ask(address: string, port: number): Promise<string> {
  try {
    const answer = await fetch(`http://${address}:${port}/`, { headers: { Connection: 'close' } });
    return (await answer.text()).trim();
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

/** What a page says over one new connection after another, until the signal. */
async function asking(address: string, port: number, signal: AbortSignal): Promise<readonly string[]> {
  const said: string[] = [];
  while (!signal.aborted) said.push(await ask(address, port));
  return said;
}

function allSay(port: number, expected: RegExp): Promise<unknown> {
  const said = async (): Promise<boolean> =>
    (await Promise.all(addresses().map((address) => ask(address, port)))).every((text) => expected.test(text));
  return waitFor(`${port} to say ${expected} everywhere`, said, PATIENCE);
}

/** Every address brings datagrams to a container, which answers them. */
async function allEcho(container: string, node: string, port: number): Promise<void> {
  const echo = udpEcho(lab.node(node), await must(['inspect', '--format', '{{.State.Pid}}', container]), 81);
  try {
    const answers = async (): Promise<boolean> =>
      (await Promise.all(addresses().map((address) => sendUdp(address, port, node)))).every((text) => text === node);
    await waitFor(`UDP port ${port} to answer everywhere`, answers, PATIENCE);
  } finally {
    echo.kill('SIGKILL');
  }
}

test('a published port is at every node, follows its container, and is closed with it', async () => {
  const where = ['-e', 'constraint:node==~near', '-h', 'page', '-p', '18080:80', '-p', '18081:81/udp'];
  await must(['run', '-d', '--name', 'page', ...where, 'busybox', 'sh', '-c', PAGE]);
  await allSay(18_080, /^page$/);
  await allEcho('page', 'near', 18_081);
  // A node that it neither leaves nor comes to.
  const { address } = lab.node('far');
  const end = new AbortController();
  const asked = asking(address, 18_080, end.signal);
  await at.enxame(['move', 'page', '--to', 'dialled', '--yes']);
  end.abort();
  expect(new Set(await asked)).toEqual(new Set(['page']));
  expect(await must(['inspect', '--format', '{{.Node.Name}}', 'page'])).toBe('dialled');
  await allSay(18_080, /^page$/);
  await allEcho('page', 'dialled', 18_081);
  expect(await must(['ps', '--filter', 'name=page', '--format', '{{.Status}}'])).not.toContain('not at');
  await must(['rm', '-f', 'page']);
  await allSay(18_080, /ECONNREFUSED/);
});

test('replicas of a service share one UDP port at every address', async () => {
  const replicas = ['near', 'far'];
  const echoes: ChildProcess[] = [];
  try {
    for (const node of replicas) {
      const where = ['-e', `constraint:node==${node}`, '--label', 'io.enxame.group=dns', '-p', '18083:81/udp'];
      await must(['run', '-d', '--name', `dns-${node}`, ...where, 'busybox', 'sh', '-c', PAGE]);
      const pid = await must(['inspect', '--format', '{{.State.Pid}}', `dns-${node}`]);
      echoes.push(udpEcho(lab.node(node), pid, 81, `${node}:`));
    }
    // Each datagram is of another client. A node that has a replica leads to that one alone.
    for (const address of [lab.bridgeAddress, lab.node('dialled').address]) {
      const heard = new Set<string | undefined>();
      const both = async (): Promise<boolean> => {
        heard.add(await sendUdp(address, 18_083, 'x'));
        return replicas.every((node) => heard.has(`${node}:x`));
      };
      await waitFor(`both replicas to answer at ${address}`, both, PATIENCE);
    }
    expect(await must(['ps', '--filter', 'name=dns-', '--format', '{{.Status}}'])).not.toContain('not at');
  } finally {
    for (const echo of echoes) echo.kill('SIGKILL');
    await must(['rm', '-f', ...replicas.map((node) => `dns-${node}`)]);
  }
});

test('Testcontainers works unchanged over all nodes, and its reaper removes what a killed client leaves on them', async () => {
  const client = await testcontainers();
  try {
    expect(await client.ended).toEqual({
      ports: 'ports',
      log: 'log',
      http: 'http',
      health: 'health',
      exec: [3, 'exec', 'copied'],
      network: 'by alias',
      image: 'built',
      compose: 'composed',
    });
    const made = await must(['ps', '--filter', 'label=org.testcontainers=true', '--format', '{{.Names}}']);
    expect(new Set(made.split('\n').map((name) => name.split('/')[0]))).toEqual(new Set(NAMES));
  } finally {
    client.kill();
  }
  for (const list of LISTS)
    await waitFor(`no line of docker ${list.join(' ')}`, async () => (await must(list)) === '', PATIENCE);
});

/** All that Testcontainers makes. */
const LISTS = [
  ['ps', '--all', '--quiet'],
  ['network', 'ls', '--quiet', '--filter', 'type=custom'],
  ['volume', 'ls', '--quiet'],
  ['images', '--quiet', '--filter', 'label=org.testcontainers=true'],
] as const;

/** What it shows of each step. */
type Steps = Readonly<Record<string, unknown>>;

/** The program of Testcontainers, in a process of its own that runs until it is killed; `ended` resolves after its last step. */
async function testcontainers(): Promise<{ readonly ended: Promise<Steps>; kill(): void }> {
  const folder = join(at.folder, 'composed');
  await mkdir(folder, { recursive: true });
  for (const [file, text] of Object.entries(FILES)) await writeFile(join(folder, file), text);
  const docker = await clientPath('docker', '28.5');
  const path = [dirname(docker.command), process.env.PATH].join(delimiter);
  const env = { ...process.env, ...docker.env, ...at.env, PATH: path, RYUK_CONTAINER_IMAGE: REAPER };
  const child = spawn(process.execPath, [CLIENT, folder], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  return { ended: stepsOf(child), kill: () => void child.kill('SIGKILL') };
}

async function stepsOf({ stdout }: ChildProcess): Promise<Steps> {
  const steps: Record<string, unknown> = {};
  if (!stdout) return steps;
  for await (const line of createInterface({ input: stdout })) {
    const { step, saw, failed } = JSON.parse(line) as { step?: string; saw?: unknown; failed?: string };
    if (step === undefined) return steps;
    steps[step] = failed ?? saw;
  }
  return steps;
}
