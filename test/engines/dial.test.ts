import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CommandResult, run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import type { Lab, LabNode } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { DialledLab } from './dialled-lab.ts';
import { sendUdp, udpEcho } from './udp-echo.ts';

const PATIENCE = { timeoutMs: 180_000, everyMs: 300 };
/** A node as all are, and two on hosts that nobody can connect to. */
const NAMES = ['open', 'closed', 'shut'] as const;

let at: DialledLab;
let lab: Lab;

beforeAll(async () => {
  at = await DialledLab.start(NAMES);
  lab = at.lab;
  await lab.node('open').load(['busybox']);
  for (const name of ['closed', 'shut']) {
    // Before Docker's own rules let connections to published ports in.
    const chain = ['-t', 'mangle', '-A', 'PREROUTING', '-i', 'eth0'];
    await lab.node(name).exec(['iptables', ...chain, '-m', 'state', '--state', 'NEW', '-j', 'DROP']);
  }
  await manage();
  for (const name of ['closed', 'shut']) startAgent(lab.node(name));
  await allHealthy();
});

afterAll(() => at?.close());

function manage(): Promise<void> {
  const entries = [`unix://${lab.node('open').socketPath}`, 'agent://closed', 'agent://shut'];
  return at.manage(['--publish-at', 'endpoint'], entries);
}

function startAgent(node: LabNode, certificate?: string): ChildProcess {
  const fence = ['--fence', at.address, '--fence-engine', `unix://${node.socketPath}`];
  const lease = ['--fence-lease', join(at.folder, `${node.name}.lease`)];
  return at.join(node, ['--dial', at.address, ...fence, ...lease], certificate);
}

function docker(args: readonly string[]): Promise<CommandResult> {
  return at.docker(args);
}

async function must(args: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await docker(args);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}\n${at.manager.said()}`);
  return stdout.trim();
}

async function healthy(): Promise<number> {
  const { stdout } = await docker(['info']);
  return (stdout.match(/Status: Healthy/g) ?? []).length;
}

function allHealthy(): Promise<unknown> {
  return waitFor('all nodes', async () => (await healthy()) === NAMES.length, PATIENCE);
}

test('containers run on hosts without open ports, and their images get there', async () => {
  const reached = await run('curl', ['-s', '-m', '2', `http://${lab.node('closed').address}:2376/_ping`]);
  expect(reached.exitCode).not.toBe(0);
  for (const name of ['closed', 'shut'])
    expect(await must(['run', '--rm', '-e', `constraint:node==${name}`, 'busybox', 'echo', 'here'])).toBe('here');
  const code = await docker(['run', '--rm', '-e', 'constraint:node==closed', 'busybox', 'sh', '-c', 'exit 7']);
  expect(code.exitCode).toBe(7);
});

test('streams go both ways, end halves apart, and carry much', async () => {
  const where = ['-e', 'constraint:node==closed'];
  await must(['run', '-d', '--name', 'still', ...where, 'busybox', 'sleep', '3600']);
  const sent = randomBytes(3_000_000);
  await writeFile(join(at.folder, 'sent'), sent);
  const { command } = await clientPath('docker', '28.5');
  const script = `exec ${command} exec -i still sh -c 'cat | sha256sum' <${join(at.folder, 'sent')}`;
  const { stdout } = await run('sh', ['-c', script], { env: at.env, timeoutMs: 120_000 });
  const own = await run('sha256sum', [join(at.folder, 'sent')]);
  expect(stdout.split(' ')[0]).toBe(own.stdout.split(' ')[0]);
  await must(['cp', join(at.folder, 'sent'), 'still:/tmp/sent']);
  await must(['cp', 'still:/tmp/sent', join(at.folder, 'back')]);
  expect((await readFile(join(at.folder, 'back'))).equals(sent)).toBe(true);
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => must(['exec', 'still', 'echo', String(i)])));
  expect(many).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
});

const PAGE = 'mkdir -p /www && hostname >/www/index.html && exec httpd -f -p 80 -h /www';

/** The page, or why there is none within so many seconds. */
async function ask(address: string, seconds = 60): Promise<string> {
  const { stdout, stderr, exitCode } = await run('curl', ['-sS', '-m', `${seconds}`, `http://${address}/`]);
  return exitCode === 0 ? stdout.trim() : stderr.trim();
}

test('what a container there publishes is at the endpoint, over the agent', async () => {
  const published = ['-h', 'page', '-p', '18080:80', '-p', '18081:81/udp'];
  await must(['run', '-d', '--name', 'page', '-e', 'constraint:node==shut', ...published, 'busybox', 'sh', '-c', PAGE]);
  expect(await must(['port', 'page', '80/tcp'])).toBe(`${lab.bridgeAddress}:18080`);
  expect(await must(['ps', '--filter', 'name=page', '--format', '{{.Status}}'])).not.toContain('not at the endpoint');
  expect(await ask(`${lab.node('shut').address}:18080`, 5)).toMatch(/timed out|timeout/i);
  await waitFor('the page', async () => (await ask(`${lab.bridgeAddress}:18080`)) === 'page', PATIENCE);
  expect(await Promise.all(Array.from({ length: 50 }, () => ask(`${lab.bridgeAddress}:18080`)))).toEqual(
    Array.from({ length: 50 }, () => 'page'),
  );
  const echo = udpEcho(lab.node('shut'), await must(['inspect', '--format', '{{.State.Pid}}', 'page']), 81);
  try {
    await waitFor('an echo', async () => (await sendUdp(lab.bridgeAddress, 18_081, 'hello')) === 'hello', PATIENCE);
    const datagram = 'x'.repeat(8_000);
    await waitFor(
      'a long one',
      async () => (await sendUdp(lab.bridgeAddress, 18_081, datagram)) === datagram,
      PATIENCE,
    );
  } finally {
    echo.kill('SIGKILL');
  }
  await must(['rm', '-f', 'page']);
  await expect.poll(() => ask(`${lab.bridgeAddress}:18080`)).toMatch(/refused|connect/);
});

test('an agent that was killed is back by itself, and calls meanwhile end', async () => {
  const waiting = docker(['exec', 'still', 'sleep', '3600']);
  await waitFor('the exec', async () => /sleep/.test((await docker(['top', 'still'])).stdout), PATIENCE);
  await run('pkill', ['-KILL', '-P', String(at.agents.get('closed')?.pid)]);
  at.agents.get('closed')?.kill('SIGKILL');
  expect((await waiting).exitCode).not.toBe(0);
  startAgent(lab.node('closed'));
  await allHealthy();
  expect(await must(['exec', 'still', 'echo', 'back'])).toBe('back');
});

test('an agent that dials holds leases, too', async () => {
  const strict = ['--label', 'io.enxame.fence=strict', '-e', 'constraint:node==closed', 'busybox', 'true'];
  await waitFor('a lease', async () => (await docker(['create', ...strict])).exitCode === 0, PATIENCE);
});

test('agents outlive a manager that is killed', async () => {
  await at.manager.end('SIGKILL');
  await manage();
  await allHealthy();
  for (const agent of at.agents.values()) expect(agent.exitCode).toBeNull();
});

test('agents are listed; a revoked one is refused until it is allowed again', async () => {
  expect((await at.enxame(['agent', 'ls', '--format', '{{.Name}} {{.Status}}'])).trim().split('\n').sort()).toEqual([
    'closed connected',
    'shut connected',
  ]);
  await at.enxame(['agent', 'revoke', 'shut']);
  await waitFor('its loss', async () => (await healthy()) === NAMES.length - 1, PATIENCE);
  expect(await at.enxame(['agent', 'ls', '--format', '{{.Name}} {{.Status}}'])).toContain('shut revoked');
  await at.manager.until(/the agent shut was revoked|may dial no manager|agent ended/);
  await at.enxame(['agent', 'allow', 'shut']);
  await allHealthy();
});
