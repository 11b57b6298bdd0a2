import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run as runCli } from '../../src/cli/program.ts';
import { run as runCommand } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Lab, type LabNode, startLab } from '../../src/lab/lab.ts';
import { connectionLimits } from '../../src/manager/publishing.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { fakeIo } from '../fakes/fake-io.ts';
import { freePort } from '../fakes/free-port.ts';
import { type LabManager, managerOver, nodesOf } from './manager-over-lab.ts';

/** Detection, a start on a busy machine, and names that every engine knows. */
const PATIENCE_MS = 240_000;
const PATIENTLY = { timeoutMs: PATIENCE_MS, everyMs: 500 } as const;
const SERVE = 'exec redis-server --protected-mode no --save ""';
const POLL = 'while :; do timeout 5 redis-cli -h web ping | grep -q PONG && echo ok; sleep 0.2; done';

/** Published ports are at the manager's address, too. */
const AT_ENDPOINT = { publish: { at: 'endpoint', host: '127.0.0.1', limits: connectionLimits() } } as const;

/** What every test finds, and leaves. */
const LASTING: readonly string[] = ['client', 'web'];

let lab: Lab;
let folder: string;
let swarm: LabManager;
let isClosed = false;

beforeAll(async () => {
  const nodes = ['a1', 'a2', 'b1', 'b2', 'b3'].map((name) => ({
    name,
    generation: '28.5' as const,
    labels: { provider: name.slice(0, 1) },
  }));
  lab = await startLab({ nodes });
  await Promise.all(lab.nodes.map((node) => node.load(['redis'])));
  folder = await mkdtemp(join(tmpdir(), 'enxame-failover-'));
  swarm = await managerOver(lab, [], folder, lab.nodes.length, AT_ENDPOINT);
  await swarm.must(['network', 'create', '--attachable', 'front']);
  await run('client', ['--network', 'front', '-e', 'constraint:node==b3'], POLL);
  await run('web', ['--network', 'front', '--restart', 'always', '-e', 'constraint:node!=b3'], SERVE);
  await answers();
});

/** Every test begins with all nodes there, and with `client` and one copy of `web` that answers. */
afterEach(async () => {
  for (const node of lab.nodes) {
    node.resume();
    await node.start();
    await node.heal();
  }
  if (isClosed) await reopen();
  await allHealthy();
  const { cluster } = swarm.manager;
  const others = [...cluster.containerList].map(({ name }) => name).filter((name) => !LASTING.includes(name));
  if (others.length > 0) await swarm.must(['rm', '-f', '-v', ...others]);
  await waitFor('the others to be gone', () => cluster.containerCount === LASTING.length, PATIENTLY);
  await waitFor('one copy', async () => (await copiesOf('web')).length === 1, PATIENTLY);
  await answers();
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** The next manager on the same state. */
async function reopen(healthy: number = lab.nodes.length): Promise<void> {
  swarm = await managerOver(lab, [], folder, healthy, AT_ENDPOINT);
  isClosed = false;
}

async function run(name: string, options: readonly string[], script: string, image = 'redis'): Promise<string> {
  return swarm.must(['run', '-d', '--name', name, ...options, image, 'sh', '-c', script]);
}

/** Milliseconds since the epoch, by the client's engine, at which the application answered. */
async function answeredMs(): Promise<readonly number[]> {
  const lines = await swarm.must(['logs', '-t', '--tail', '1000', 'client']);
  return lines.split('\n').flatMap((line) => (line.endsWith(' ok') ? Date.parse(line.split(' ')[0] ?? '') : []));
}

/** Waits until the application has answered after this moment. */
async function answers(sinceMs: number = Date.now()): Promise<void> {
  await waitFor('the application to answer', async () => ((await answeredMs()).at(-1) ?? 0) > sinceMs, PATIENTLY);
}

/** The longest time without an answer since a moment. */
async function gapMs(sinceMs: number): Promise<number> {
  const times = (await answeredMs()).filter((each) => each >= sinceMs - 1_000);
  return Math.max(...times.map((each, i) => each - (times[i - 1] ?? each)));
}

function nodeOf(name: string): LabNode {
  return lab.node(swarm.manager.cluster.container(name).node.name);
}

/** Names of the nodes where an engine runs the container, whatever the manager thinks. */
async function copiesOf(name: string): Promise<readonly string[]> {
  const found = await Promise.all(
    lab.nodes.map(async (node) => {
      const { stdout } = await node.docker(['ps', '-q', '--filter', `name=^/?${name}$`]);
      return stdout.trim() === '' ? [] : [node.name];
    }),
  );
  return found.flat();
}

async function moved(name: string, from: readonly string[]): Promise<void> {
  await waitFor(
    `${name} to run elsewhere`,
    () => {
      const container = swarm.manager.cluster.findContainer(name);
      return container?.state === 'running' && !from.includes(container.node.name);
    },
    PATIENTLY,
  );
}

async function enxame(...argv: readonly string[]): Promise<void> {
  const io = fakeIo({ DOCKER_HOST: swarm.endpoint, HOME: '/nowhere' });
  expect([await runCli(argv, io), io.stderr()]).toEqual([0, '']);
}

async function allHealthy(): Promise<void> {
  const { cluster } = swarm.manager;
  await waitFor('all nodes to be healthy', () => cluster.healthyNodes().length === lab.nodes.length, {
    ...PATIENTLY,
    why: () => nodesOf(swarm.manager, lab),
  });
}

const FAULTS: readonly (readonly [string, (node: LabNode) => unknown, (node: LabNode) => unknown])[] = [
  ['an engine that is killed', (node) => node.killEngine(), (node) => node.start()],
  ['an engine that is stopped politely', (node) => node.stop(), (node) => node.start()],
  ['a host that is gone', (node) => node.crash(), (node) => node.start()],
  ['an engine that hangs', (node) => node.hang(), (node) => node.resume()],
  ['a node that is cut off', (node) => node.partition(), (node) => node.heal()],
];

describe('an application on a node that is lost', () => {
  test.each(FAULTS)('answers again after %s, and runs once when the node is back', async (fault, begin, end) => {
    const before = swarm.manager.cluster.container('web');
    const node = nodeOf('web');
    const sinceMs = Date.now();
    await begin(node);
    await moved('web', [node.name]);
    // The answers of a copy that lives on behind a dead engine do not tell: the next one comes from the successor.
    await answers(Date.now() + 2_000);
    console.log(`  gap seen by a client after ${fault}: ${((await gapMs(sinceMs)) / 1000).toFixed(1)} s`);
    expect(swarm.manager.cluster.container('web').id).toBe(before.id);
    expect(await swarm.must(['ps', '-a', '--filter', 'name=^/web$', '--format', '{{.Names}}'])).toMatch(/^[^\n]*web$/);
    await end(node);
    await allHealthy();
    await waitFor('one copy', async () => (await copiesOf('web')).length === 1, PATIENTLY);
    expect(await copiesOf('web')).toEqual([nodeOf('web').name]);
  });

  test('runs again when a whole provider is gone, with all that ran there', async () => {
    const preferred = ['--restart', 'always', '-e', 'constraint:provider==~a'];
    const names = ['w1', 'w2', 'w3', 'w4'];
    for (const name of names) await run(name, preferred, 'sleep 3600');
    await run('port', [...preferred, '-p', '18379:6379'], SERVE);
    await run('pinned', ['--restart', 'always', '-e', 'constraint:provider==a'], 'sleep 3600');
    const lost = ['a1', 'a2'];
    // An image that was made here, and is on no node of another provider until the manager sees to that.
    await swarm.must(['commit', 'w1', 'made-here']);
    await run('own', preferred, 'sleep 3600', 'made-here');
    expect(lost).toContain(nodeOf('own').name);
    const holders = (): readonly string[] => swarm.manager.cluster.images.holders('made-here').map(({ name }) => name);
    await waitFor('the image elsewhere', () => holders().some((name) => !lost.includes(name)), PATIENTLY);
    const sinceMs = performance.now();
    await Promise.all(lost.map((name) => lab.node(name).crash()));
    await moved('port', lost);
    const { address } = nodeOf('port');
    await waitFor('the published port to answer', () => accepts(address, 18_379), PATIENTLY);
    const gap = ((performance.now() - sinceMs) / 1000).toFixed(1);
    console.log(`  gap seen by a client after the loss of a provider: ${gap} s`);
    for (const name of [...names, 'own']) await moved(name, lost);
    await waitFor('the reason', async () => (await status('pinned')).includes('waits:'), PATIENTLY);
    expect(await status('pinned')).toMatch(/Host Down, waits: .*provider==a/);
    await Promise.all(lost.map((name) => lab.node(name).start()));
    await allHealthy();
    for (const name of [...names, 'own', 'port', 'pinned'])
      await waitFor(`one copy of ${name}`, async () => (await copiesOf(name)).length === 1, PATIENTLY);
  });
});

test('a drill has the application run elsewhere without touching the node, and leaves one copy when it ends', async () => {
  const { id } = swarm.manager.cluster.container('web');
  const node = nodeOf('web').name;
  const sinceMs = performance.now();
  await enxame('drill', node, '--yes');
  try {
    await moved('web', [node]);
    const seconds = ((performance.now() - sinceMs) / 1000).toFixed(1);
    console.log(`  from the begin of a drill until the application runs elsewhere: ${seconds} s`);
    expect(swarm.manager.cluster.container('web').id).toBe(id);
    expect((await copiesOf('web')).toSorted()).toEqual([node, nodeOf('web').name].toSorted());
    expect((await swarm.docker(['info'])).stderr).toContain(`a drill is on: treated as lost: ${node}`);
  } finally {
    await enxame('drill', 'end');
  }
  await allHealthy();
  await waitFor('one copy', async () => (await copiesOf('web')).length === 1, PATIENTLY);
  expect(await copiesOf('web')).toEqual([nodeOf('web').name]);
  expect(nodeOf('web').name).not.toBe(node);
  await answers();
});

test('a drained node is left by the application, which goes on answering, and keeps what has data on it', async () => {
  const node = nodeOf('web').name;
  const { id } = swarm.manager.cluster.container('web');
  await run('data', ['--restart', 'always', '-v', 'kept:/data', '-e', `constraint:node==${node}`], 'sleep 3600');
  await answers();
  const sinceMs = Date.now();
  await swarm.must(['node', 'update', '--availability', 'drain', node]);
  try {
    await moved('web', [node]);
    await answers(Date.now() + 2_000);
    console.log(`  gap seen by a client during a drain: ${((await gapMs(sinceMs)) / 1000).toFixed(1)} s`);
    expect(swarm.manager.cluster.container('web').id).toBe(id);
    await waitFor('one copy', async () => (await copiesOf('web')).length === 1, PATIENTLY);
    const why = ['node', 'ps', '--no-trunc', '--format', '{{.Name}} {{.Error}}', node];
    await waitFor('the reason', async () => (await swarm.must(why)).includes('data.1 "stays: it is bound'), PATIENTLY);
    expect(await copiesOf('data')).toEqual([node]);
  } finally {
    await swarm.must(['node', 'update', '--availability', 'active', node]);
  }
});

/** How often a published port answered, and what failed. */
interface Polled {
  answered: number;
  readonly failed: string[];
}

/** Asks a published port over a new connection each time, until the signal. */
async function poll(port: number, polled: Polled, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await fetchOnce(port).then(
      () => {
        polled.answered += 1;
      },
      (error: unknown) => polled.failed.push(`${polled.answered} ${error}`),
    );
    await setTimeout(30);
  }
}

function fetchOnce(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/group', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.once('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
      response.once('error', reject);
    });
    request.once('error', reject);
    request.setTimeout(PATIENCE_MS, () => request.destroy(new Error('no answer')));
  });
}

/** A process of a container, by its ID as this machine knows it: that is in the path of its control group. */
async function processOf({ engineId }: { readonly engineId: string }): Promise<string> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
    if (groups.includes(engineId)) return pid;
  }
  throw new Error(`no process is in a control group of ${engineId}`);
}

/** A server of datagrams in a container's network: the images here have none. */
async function echoDatagrams(name: string, port: number): Promise<() => void> {
  const pid = await processOf(swarm.manager.cluster.container(name));
  const script = `const s = require('dgram').createSocket('udp4');
    s.on('message', (m, r) => s.send('echo ' + m, r.port, r.address)).bind(${port}, () => console.log('up'))`;
  const server = spawn('nsenter', ['-t', pid, '-n', process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'close').then(([code]) => Promise.reject(new Error(`the echo ended with ${code}`)));
  ended.catch(() => undefined);
  await Promise.race([once(server.stdout, 'data'), ended]);
  return () => server.kill('SIGKILL');
}

/** Sends until there is an answer: datagrams may be lost. */
async function askDatagram(port: number): Promise<string> {
  const socket = createSocket('udp4');
  let answer = '';
  socket.on('message', (message) => {
    answer = message.toString();
  });
  const isAnswered = (): boolean => {
    if (answer === '') socket.send('hi', port, '127.0.0.1');
    return answer !== '';
  };
  await waitFor('an answer to a datagram', isAnswered, PATIENTLY).finally(() => socket.close());
  return answer;
}

test('a published port of an application answers every client while its container moves', {
  timeout: 1_200_000,
}, async () => {
  const [port, datagrams] = [await freePort(), await freePort()];
  const file = join(folder, 'site.yml');
  await writeFile(
    file,
    `
services:
  site:
    image: redis
    command: httpd -f -p 80 -h /etc
    stop_signal: SIGKILL
    restart: always
    environment: ["constraint:node!=b3"]
    ports: ["${port}:80", "80", "${datagrams}:9/udp"]
`,
  );
  const client = await clientPath('compose', '28.5');
  const compose = async (...args: string[]): Promise<void> => {
    const env = { ...client.env, DOCKER_HOST: swarm.endpoint };
    const { exitCode, stderr } = await runCommand(client.command, [...client.args, '-p', 'pub', '-f', file, ...args], {
      env,
    });
    expect(exitCode, stderr).toBe(0);
  };
  await compose('up', '-d');
  const name = 'pub-site-1';
  const numbers = async (): Promise<readonly number[]> => {
    const shown = await swarm.must(['port', name, '80/tcp']);
    return shown
      .split('\n')
      .map((line) => Number(/^127\.0\.0\.1:(\d+)$/.exec(line)?.[1]))
      .sort();
  };
  await waitFor(
    'the site to answer',
    () =>
      fetchOnce(port).then(
        () => true,
        () => false,
      ),
    PATIENTLY,
  );
  const before = await numbers();
  expect(before).toContain(port);
  expect(before).toHaveLength(2);
  const endEcho = await echoDatagrams(name, 9);
  expect(await askDatagram(datagrams).finally(endEcho)).toBe('echo hi');

  const from = nodeOf(name).name;
  const to = ['a1', 'a2', 'b1', 'b2'].find((each) => each !== from) ?? '';
  const over = new AbortController();
  const polls = before.map((each) => ({ port: each, polled: { answered: 0, failed: [] } as Polled }));
  const asking = Promise.all(polls.map((each) => poll(each.port, each.polled, over.signal)));
  try {
    await enxame('move', name, '--to', to, '--yes');
    await waitFor('one copy', async () => (await copiesOf(name)).join() === to, PATIENTLY);
    // The old one is gone: what asks now is answered by the new one.
    for (let i = 0; i < 10; i++) await fetchOnce(port);
    await waitFor('answers to clients', () => polls.every(({ polled }) => polled.answered > 20), PATIENTLY);
  } finally {
    over.abort();
  }
  await asking;
  expect(polls.flatMap(({ polled }) => polled.failed)).toEqual([]);
  expect(await numbers()).toEqual(before);
  expect(await swarm.must(['ps', '--filter', `name=${name}`, '--format', '{{.Ports}}'])).toContain(
    `127.0.0.1:${port}->80/tcp`,
  );

  // The number is another process's at the endpoint.
  const taken = await freePort();
  const other = createServer().listen(taken, '127.0.0.1');
  await once(other, 'listening');
  const row = (format: string): Promise<string> => swarm.must(['ps', '--filter', 'name=late', '--format', format]);
  await swarm.must([
    'run',
    '-d',
    '--name',
    'late',
    '-p',
    `${taken}:80`,
    'redis',
    'httpd',
    '-f',
    '-p',
    '80',
    '-h',
    '/etc',
  ]);
  const why = `${taken}/tcp not at the endpoint: another process has it`;
  await waitFor('the reason', async () => (await row('{{.Status}}')).includes(why), PATIENTLY);
  expect(await row('{{.Ports}}')).not.toContain('127.0.0.1');
  await new Promise((resolve) => other.close(resolve));
  await waitFor('the port', async () => (await row('{{.Ports}}')).includes(`127.0.0.1:${taken}`), PATIENTLY);
  expect(await fetchOnce(taken)).toContain('root:');
  await compose('down', '-t', '0');
  const isRefused = (): Promise<boolean> =>
    fetchOnce(port).then(
      () => false,
      (error: unknown) => String(error).includes('ECONNREFUSED'),
    );
  await waitFor('nobody to listen', isRefused, PATIENTLY);
});

test('what was lost while no manager ran is brought back by the next one', async () => {
  const { id, node } = swarm.manager.cluster.container('web');
  await swarm.close();
  isClosed = true;
  await lab.node(node.name).crash();
  await reopen(lab.nodes.length - 1);
  await moved('web', [node.name]);
  await answers(Date.now() + 2_000);
  expect(swarm.manager.cluster.container('web').id).toBe(id);
  await lab.node(node.name).start();
  await allHealthy();
  await waitFor('one copy', async () => (await copiesOf('web')).length === 1, PATIENTLY);
});

test('a successor that never gets healthy leaves the drained container where it was', async () => {
  const health = ['--health-cmd', 'test -e /ready', '--health-interval', '1s', '--health-retries', '2'];
  await run('picky', ['--restart', 'always', ...health, '-e', 'constraint:node!=b3'], 'touch /tmp/x; sleep 3600');
  await swarm.must(['exec', 'picky', 'touch', '/ready']);
  await waitFor('the container to be healthy', async () => (await status('picky')).includes('(healthy)'), PATIENTLY);
  const node = nodeOf('picky');
  const since = String(Math.floor(Date.now() / 1000));
  await swarm.must(['node', 'update', '--availability', 'drain', node.name]);
  try {
    // Made on another node, and removed there.
    await waitFor('a try', async () => (await removedElsewhere(node, since)).includes('picky'), PATIENTLY);
    expect(await copiesOf('picky')).toContain(node.name);
    expect(await status('picky')).toContain('(healthy)');
  } finally {
    await swarm.must(['node', 'update', '--availability', 'active', node.name]);
  }
  await waitFor('one copy', async () => (await copiesOf('picky')).join() === node.name, PATIENTLY);
});

test('a node that returns with an empty data root is a new one, and what ran there runs elsewhere', async () => {
  const { id, node } = swarm.manager.cluster.container('web');
  const { id: engine, name } = node;
  const host = lab.node(name);
  await host.crash();
  await moved('web', [name]);
  await rm(join(lab.directory, host.name, 'data'), { recursive: true, force: true });
  await host.start();
  await allHealthy();
  expect(swarm.manager.cluster.node(name)?.id).not.toBe(engine);
  await waitFor('one copy', async () => (await copiesOf('web')).length === 1, PATIENTLY);
  expect(swarm.manager.cluster.container('web').id).toBe(id);
  await answers();
});

/** Names of the containers that other engines have removed since a moment, in seconds. */
async function removedElsewhere(than: LabNode, since: string): Promise<readonly string[]> {
  const filters = ['--filter', 'type=container', '--filter', 'event=destroy'];
  const until = String(Math.floor(Date.now() / 1000));
  const format = ['--format', '{{.Actor.Attributes.name}}'];
  const others = lab.nodes.filter((node) => node !== than);
  const said = await Promise.all(
    others.map((node) => node.docker(['events', '--since', since, '--until', until, ...filters, ...format])),
  );
  return said.flatMap(({ stdout }) => stdout.trim().split('\n'));
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (isAccepted: boolean): void => {
      socket.destroy();
      resolve(isAccepted);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

function status(name: string): Promise<string> {
  return swarm.must(['ps', '-a', '--filter', `name=^/${name}$`, '--format', '{{.Status}}']);
}
