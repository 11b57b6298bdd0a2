import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/common/clock.ts';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Generation, type Lab, type LabNode, startLab } from '../../src/lab/lab.ts';
import { readClusterOptions } from '../../src/manager/cluster-options.ts';
import { type Manager, startManager } from '../../src/manager/manager.ts';
import { DEFAULT_TIMES } from '../../src/monitor/times.ts';
import { generations } from '../../src/namespaces/generations.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { schedulerOptions } from '../../src/scheduler/scheduler.ts';

/** Each CLI against each engine through one manager, TLS on both hops. */
const pairs = generations.flatMap((client) => generations.map((engine) => ({ client, engine })));

let lab: Lab;
let manager: Manager;
let folder: string;

function nodeName(engine: Generation): string {
  return `engine-${engine.replace('.', '-')}`;
}

beforeAll(async () => {
  lab = await startLab({ nodes: generations.map((generation) => ({ name: nodeName(generation), generation })) });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  await Promise.all(lab.nodes.map(startContainers));
  manager = await startLabManager(lab);
  folder = await mkdtemp(join(tmpdir(), 'enxame-streams-'));
});

afterAll(async () => {
  await manager?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true });
});

async function startContainers(node: LabNode): Promise<void> {
  const { generation } = node;
  for (const args of [
    ['--name', `box-${generation}`, 'busybox', 'sleep', '100000'],
    ['--name', `cat-${generation}`, '-i', 'busybox', 'cat'],
  ]) {
    const result = await node.docker(['run', '-d', ...args]);
    expect(result.exitCode, result.stderr).toBe(0);
  }
}

async function startLabManager(over: Lab): Promise<Manager> {
  const files = over.certificates;
  if (!files) throw new Error('the lab has no certificates');
  const [ca, cert, key, serverCert, serverKey] = await Promise.all(
    [files.ca, files.cert, files.key, files.server.cert, files.server.key].map((path) => readFile(path)),
  );
  if (!ca || !cert || !key || !serverCert || !serverKey) throw new Error('a certificate is missing');
  const settings = { heartbeatMs: 1_000, clock: systemClock, options: new Map(), env: {} };
  const started = await startManager({
    backend: await openDiscovery(`nodes://${over.nodes.map((node) => node.endpoint).join(',')}`, settings),
    listeners: [parseListenAddress('tcp://127.0.0.1:0')],
    serverTls: {
      ca,
      cert: serverCert,
      key: serverKey,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    },
    engineTls: { ca, cert, key, verify: true },
    scheduler: schedulerOptions(),
    times: DEFAULT_TIMES,
    clusterOptions: readClusterOptions(['enxame.substrate=off'], false),
    stateFolder: undefined,
    logger: silentLogger(),
    clock: systemClock,
  });
  await waitFor('all nodes to be healthy', () => started.cluster.healthyNodes().length === over.nodes.length);
  return started;
}

interface Run {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number;
}

interface RunOptions {
  /** Who is asked, if not the manager of all tests. */
  readonly by?: Manager;
  readonly input?: Buffer | string;
  /** Leaves standard input open. */
  readonly keepInput?: boolean;
}

/** A manager's `host:port`, by a name its certificate has. */
function endpointOf({ addresses }: Manager): string {
  const [address] = addresses;
  return `localhost:${address?.kind === 'tcp' ? address.port : 0}`;
}

/** Runs a docker CLI against a manager. */
async function docker(client: Generation, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const program = await clientPath('docker', client);
  const child = spawn(program.command, [...program.args, ...args], {
    env: { ...process.env, ...program.env, ...lab.dockerEnv(endpointOf(options.by ?? manager)) },
  });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  if (options.keepInput) child.stdin.write(options.input ?? '');
  else child.stdin.end(options.input);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  return { stdout: Buffer.concat(stdout), stderr, exitCode };
}

function sha(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}

describe.each(pairs)('docker $client to an engine $engine', ({ client, engine }) => {
  const box = `box-${engine}`;

  test('exec -i reads piped input to its end, and the exit code comes back', async () => {
    const input = randomBytes(3_000_000);
    const echoed = await docker(client, ['exec', '-i', box, 'cat'], { input });
    expect([echoed.exitCode, echoed.stderr, sha(echoed.stdout)]).toEqual([0, '', sha(input)]);
    const split = await docker(client, ['exec', '-i', box, 'sh', '-c', 'wc -c; echo no >&2; exit 7'], { input });
    expect([split.exitCode, split.stdout.toString().trim(), split.stderr.trim()]).toEqual([7, '3000000', 'no']);
  });

  test('exec -d does not wait', async () => {
    const result = await docker(client, ['exec', '-d', box, 'touch', `/tmp/${client}`]);
    expect([result.exitCode, result.stderr]).toEqual([0, '']);
    await waitFor(
      'the detached exec',
      async () => (await docker(client, ['exec', box, 'test', '-e', `/tmp/${client}`])).exitCode === 0,
    );
  });

  test('exec -t needs a terminal only when input is asked for', async () => {
    const result = await docker(client, ['exec', '-t', box, 'stty', '-a']);
    expect([result.exitCode, result.stdout.toString()]).toEqual([0, expect.stringContaining('speed')]);
  });

  test('a refused exec tells why', async () => {
    const missing = await docker(client, ['exec', 'no-such-box', 'true']);
    expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringContaining('No such container: no-such-box')]);
    const command = await docker(client, ['exec', box, 'no-such-command']);
    expect(command.exitCode).toBeGreaterThan(125);
  });

  test('cp goes both ways, byte for byte', async () => {
    const there = join(folder, `there-${client}-${engine}`);
    const content = randomBytes(5_000_000);
    await mkdir(there);
    await writeFile(join(there, 'data'), content);
    const put = await docker(client, ['cp', there, `${box}:/tmp/`]);
    expect(put.exitCode, put.stderr).toBe(0);
    const back = join(folder, `back-${client}-${engine}`);
    const get = await docker(client, ['cp', `${nodeName(engine)}/${box}:/tmp/there-${client}-${engine}`, back]);
    expect(get.exitCode, get.stderr).toBe(0);
    expect(sha(await readFile(join(back, 'data')))).toBe(sha(content));
    const none = await docker(client, ['cp', `${box}:/none`, '-']);
    expect([none.exitCode, none.stderr]).toEqual([1, expect.stringMatching(/could not find the file|no such/i)]);
  });

  test('logs -f ends with the container; wait and attach see it too', async () => {
    const name = `counter-${client}-${engine}`;
    const node = lab.node(nodeName(engine));
    const created = await node.docker([
      'create',
      '--name',
      name,
      'busybox',
      'sh',
      '-c',
      'for i in 1 2 3 4 5; do echo line $i; echo err $i >&2; sleep 0.2; done; exit 3',
    ]);
    expect(created.exitCode, created.stderr).toBe(0);
    await waitFor('the manager to know it', () => manager.cluster.findContainer(name) !== undefined);
    const attached = docker(client, ['attach', '--no-stdin', name]).catch(() => undefined);
    const waiting = docker(client, ['wait', name]);
    await node.docker(['start', name]);
    const logs = await docker(client, ['logs', '-f', name]);
    const numbers = (word: string): string => [1, 2, 3, 4, 5].map((i) => `${word} ${i}\n`).join('');
    expect([logs.exitCode, logs.stdout.toString(), logs.stderr]).toEqual([0, numbers('line'), numbers('err')]);
    const waited = await waiting;
    expect([waited.exitCode, ['0\n', '3\n']]).toEqual([0, expect.arrayContaining([waited.stdout.toString()])]);
    await attached;
    const tail = await docker(client, ['logs', '--tail', '1', name]);
    expect(tail.stdout.toString() + tail.stderr).toMatch(/^(line|err) 5\n$/);
  });

  test('attach sends input and ends with it', async () => {
    const node = lab.node(nodeName(engine));
    const name = `reader-${client}-${engine}`;
    const created = await node.docker([
      'run',
      '-d',
      '-i',
      '--name',
      name,
      'busybox',
      'sh',
      '-c',
      'read line; echo got $line; exit 4',
    ]);
    expect(created.exitCode, created.stderr).toBe(0);
    await waitFor('the manager to see it run', () => manager.cluster.findContainer(name)?.state === 'running');
    const result = await docker(client, ['attach', name], { input: 'hello\n', keepInput: true });
    expect([result.exitCode, result.stdout.toString()]).toEqual([4, 'got hello\n']);
  });

  test('top, stats, diff, export and inspect of an exec pass', async () => {
    const stats = ['stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', box];
    const [top, diff] = await Promise.all([docker(client, ['top', box]), docker(client, ['diff', box])]);
    expect(top.stdout.toString()).toContain('sleep 100000');
    // What was run in it may end a moment after its client.
    await expect.poll(async () => (await docker(client, stats)).stdout.toString()).toContain(`${box} 1\n`);
    expect(diff.stdout.toString()).toContain('C /tmp');
    const exported = await docker(client, ['export', box]);
    expect(exported.stdout.subarray(257, 262).toString()).toBe('ustar');
    expect(exported.stdout.length).toBeGreaterThan(1_000_000);
  });
});

test('64 streams at once, and the manager stops without waiting for their end', async () => {
  const by = await startLabManager(lab);
  onTestFinished(() => by.close());
  const { client } = by.cluster.container('cat-28.5').node;
  const usual = client.openStreams;
  const runs = Array.from({ length: 64 }, (_, i) => {
    const engine = generations[i % generations.length] ?? '28.5';
    return docker('28.5', ['exec', '-i', `box-${engine}`, 'cat'], { input: `number ${i}`, by });
  });
  expect((await Promise.all(runs)).map((run) => run.stdout.toString())).toEqual(runs.map((_, i) => `number ${i}`));
  await waitFor('their end', () => client.openStreams <= usual);
  const following = docker('28.5', ['logs', '-f', 'cat-28.5'], { by });
  await waitFor('the stream', () => client.openStreams > usual);
  await by.close();
  await following;
});
