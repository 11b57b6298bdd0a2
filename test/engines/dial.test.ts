import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

const PATIENCE = { timeoutMs: 180_000, everyMs: 300 };
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** A node as all are, and two on hosts that nobody can connect to. */
const NAMES = ['open', 'closed', 'shut'] as const;

let lab: Lab;
let folder: string;
let port: number;
let manager: EnxameProcess;
const agents = new Map<string, ChildProcess>();

beforeAll(async () => {
  lab = await startLab({ nodes: NAMES.map((name) => ({ name })) });
  await lab.node('open').load(['busybox']);
  folder = await mkdtemp(join(tmpdir(), 'enxame-dial-'));
  await enxameMust(['certs', 'ca', '--dir', folder]);
  for (const name of ['closed', 'shut']) {
    await enxameMust(['certs', 'server', '--dir', folder, name, name]);
    // Before Docker's own rules let connections to published ports in.
    const chain = ['-t', 'mangle', '-A', 'PREROUTING', '-i', 'eth0'];
    await lab.node(name).exec(['iptables', ...chain, '-m', 'state', '--state', 'NEW', '-j', 'DROP']);
  }
  await enxameMust(['certs', 'server', '--dir', folder, '--manager', 'manager', lab.bridgeAddress]);
  await enxameMust(['certs', 'client', '--dir', folder, 'alice']);
  port = await freePort(lab.bridgeAddress);
  manager = manage();
  await manager.until(/Manager at/);
  for (const name of ['closed', 'shut']) agents.set(name, startAgent(lab.node(name)));
  await allHealthy();
}, 600_000);

function manage(): EnxameProcess {
  const listen = ['-H', `tcp://${lab.bridgeAddress}:${port}`, '--tlsverify', ...files('manager')];
  const state = ['--state-dir', join(folder, 'state'), '--cluster', 'dial'];
  const entries = [`unix://${lab.node('open').socketPath}`, 'agent://closed', 'agent://shut'].join(',');
  return enxame(['manage', '--publish-at', 'endpoint', ...listen, ...state, entries]);
}

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

function startAgent(node: LabNode, certificate = node.name): ChildProcess {
  const into = ['--target', String(node.enginePid), '--net', '--mount', '--uts', '--pid'];
  const fence = ['--fence', `${lab.bridgeAddress}:${port}`, '--fence-engine', `unix://${node.socketPath}`];
  const lease = ['--fence-lease', join(folder, `${node.name}.lease`)];
  const dial = ['--dial', `${lab.bridgeAddress}:${port}`, '--dial-engine', `unix://${node.socketPath}`];
  const command = [process.execPath, MAIN, 'join', ...dial, ...fence, ...lease, ...files(certificate)];
  return spawn('nsenter', [...into, '--', ...command], { stdio: process.env.ENXAME_TEST_LOG ? 'inherit' : 'ignore' });
}

async function docker(args: readonly string[]): Promise<Awaited<ReturnType<typeof run>>> {
  const client = await clientPath('docker', '28.5');
  return run(client.command, [...client.args, ...args], { env: { ...client.env, ...env() }, timeoutMs: 120_000 });
}

async function must(args: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await docker(args);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}\n${manager.said()}`);
  return stdout.trim();
}

async function healthy(): Promise<number> {
  const { stdout } = await docker(['info']);
  return (stdout.match(/Status: Healthy/g) ?? []).length;
}

function allHealthy(): Promise<unknown> {
  return waitFor('all nodes', async () => (await healthy()) === NAMES.length, PATIENCE);
}

test('containers run on hosts without open ports, and their images get there', { timeout: 300_000 }, async () => {
  const reached = await run('curl', ['-s', '-m', '2', `http://${lab.node('closed').address}:2376/_ping`]);
  expect(reached.exitCode).not.toBe(0);
  for (const name of ['closed', 'shut'])
    expect(await must(['run', '--rm', '-e', `constraint:node==${name}`, 'busybox', 'echo', 'here'])).toBe('here');
  const code = await docker(['run', '--rm', '-e', 'constraint:node==closed', 'busybox', 'sh', '-c', 'exit 7']);
  expect(code.exitCode).toBe(7);
});

test('streams go both ways, end halves apart, and carry much', { timeout: 300_000 }, async () => {
  const where = ['-e', 'constraint:node==closed'];
  await must(['run', '-d', '--name', 'still', ...where, 'busybox', 'sleep', '3600']);
  const sent = randomBytes(3_000_000);
  await writeFile(join(folder, 'sent'), sent);
  const { command } = await clientPath('docker', '28.5');
  const script = `exec ${command} exec -i still sh -c 'cat | sha256sum' <${join(folder, 'sent')}`;
  const { stdout } = await run('sh', ['-c', script], { env: env(), timeoutMs: 120_000 });
  const own = await run('sha256sum', [join(folder, 'sent')]);
  expect(stdout.split(' ')[0]).toBe(own.stdout.split(' ')[0]);
  await must(['cp', join(folder, 'sent'), 'still:/tmp/sent']);
  await must(['cp', 'still:/tmp/sent', join(folder, 'back')]);
  expect((await readFile(join(folder, 'back'))).equals(sent)).toBe(true);
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => must(['exec', 'still', 'echo', String(i)])));
  expect(many).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
});

const PAGE = 'mkdir -p /www && hostname >/www/index.html && exec httpd -f -p 80 -h /www';

async function ask(address: string): Promise<string> {
  const { stdout, stderr, exitCode } = await run('curl', ['-sS', '-m', '5', `http://${address}/`], {
    timeoutMs: 30_000,
  });
  return exitCode === 0 ? stdout.trim() : stderr.trim();
}

test('what a container there publishes is at the endpoint, over the agent', { timeout: 300_000 }, async () => {
  const published = ['-h', 'page', '-p', '18080:80', '-p', '18081:81/udp'];
  await must(['run', '-d', '--name', 'page', '-e', 'constraint:node==shut', ...published, 'busybox', 'sh', '-c', PAGE]);
  expect(await must(['port', 'page', '80/tcp'])).toBe(`${lab.bridgeAddress}:18080`);
  expect(await must(['ps', '--filter', 'name=page', '--format', '{{.Status}}'])).toContain('carries no UDP');
  expect(await ask(`${lab.node('shut').address}:18080`)).toMatch(/timed out|timeout/i);
  await waitFor('the page', async () => (await ask(`${lab.bridgeAddress}:18080`)) === 'page', PATIENCE);
  expect(await Promise.all(Array.from({ length: 50 }, () => ask(`${lab.bridgeAddress}:18080`)))).toEqual(
    Array.from({ length: 50 }, () => 'page'),
  );
  await must(['rm', '-f', 'page']);
  expect(await ask(`${lab.bridgeAddress}:18080`)).toMatch(/refused|connect/);
});

test('an agent that was killed is back by itself, and calls meanwhile end', { timeout: 300_000 }, async () => {
  const waiting = docker(['exec', 'still', 'sleep', '3600']);
  await waitFor('the exec', async () => /sleep/.test((await docker(['top', 'still'])).stdout), PATIENCE);
  await run('pkill', ['-KILL', '-P', String(agents.get('closed')?.pid)]);
  agents.get('closed')?.kill('SIGKILL');
  expect((await waiting).exitCode).not.toBe(0);
  agents.set('closed', startAgent(lab.node('closed')));
  await allHealthy();
  expect(await must(['exec', 'still', 'echo', 'back'])).toBe('back');
});

test('an agent that dials holds leases, too', { timeout: 300_000 }, async () => {
  const strict = ['--label', 'io.enxame.fence=strict', '-e', 'constraint:node==closed', 'busybox', 'true'];
  await waitFor('a lease', async () => (await docker(['create', ...strict])).exitCode === 0, PATIENCE);
});

test('agents outlive a manager that is killed', { timeout: 300_000 }, async () => {
  await manager.end('SIGKILL');
  manager = manage();
  await manager.until(/Manager at/);
  await allHealthy();
  for (const agent of agents.values()) expect(agent.exitCode).toBeNull();
});

test('agents are listed; a revoked one is refused until it is allowed again', { timeout: 300_000 }, async () => {
  expect((await enxameMust(['agent', 'ls', '--format', '{{.Name}} {{.Status}}'])).trim().split('\n').sort()).toEqual([
    'closed connected',
    'shut connected',
  ]);
  await enxameMust(['agent', 'revoke', 'shut']);
  await waitFor('its loss', async () => (await healthy()) === NAMES.length - 1, PATIENCE);
  expect(await enxameMust(['agent', 'ls', '--format', '{{.Name}} {{.Status}}'])).toContain('shut revoked');
  await manager.until(/the agent shut was revoked|may dial no manager|agent ended/);
  await enxameMust(['agent', 'allow', 'shut']);
  await allHealthy();
});
