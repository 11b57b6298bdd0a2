import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheapestPlan } from '../../src/cheapest/cheapest-plan.ts';
import { run as runCli } from '../../src/cli/program.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import type { ShownBill } from '../../src/prices/shown-bill.ts';
import { fakeIo } from '../fakes/fake-io.ts';
import { type EnxameProcess, enxame as enxameProcess } from './enxame-process.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

const PATIENTLY = { timeoutMs: 240_000, everyMs: 300 } as const;
const SERVE = 'exec redis-server --protected-mode no --save ""';
/** A new connection each time, and retries: a name outlives its listener by up to a tenth of a second, and by more on a busy machine. */
const POLL =
  'while :; do n=0; until timeout 10 redis-cli -h web ping | grep -q PONG || [ $n = 10 ]; do n=$((n+1)); sleep 1; done; case $n in 0) echo ok;; 10) echo FAILED;; *) echo retried;; esac; sleep 0.03; done';

/** The same without a retry. */
const POLL_ONCE =
  'while :; do if timeout 1 redis-cli -h web ping | grep -q PONG; then echo ok; else echo FAILED; fi; sleep 0.03; done';
const CHECKSUM = 'sha256sum < /data/blob';

let lab: Lab;
let folder: string;
let swarm: LabManager;

beforeAll(async () => {
  const nodes = ['a1', 'a2', 'b1', 'b2'].map((name) => ({
    name,
    generation: '28.5' as const,
    labels: { provider: name.slice(0, 1), 'io.enxame.price': name.startsWith('a') ? '30 EUR/month' : '5 EUR/month' },
  }));
  lab = await startLab({ nodes });
  await Promise.all(lab.nodes.map((node) => node.load(['redis'])));
  folder = await mkdtemp(join(tmpdir(), 'enxame-cheapest-'));
  swarm = await managerOver(lab, [], folder);
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function enxame(...argv: readonly string[]): Promise<string> {
  const io = fakeIo({ DOCKER_HOST: swarm.endpoint, HOME: folder });
  expect(await runCli(argv, io), io.stderr()).toBe(0);
  return io.stdout();
}

async function on(node: string, name: string, options: readonly string[], script: string = SERVE): Promise<void> {
  const placed = ['-e', `affinity:image==redis`, '-e', `constraint:node==~${node}`];
  await swarm.must([
    'run',
    '-d',
    '--restart',
    'always',
    '--name',
    name,
    ...placed,
    ...options,
    'redis',
    'sh',
    '-c',
    script,
  ]);
  expect(swarm.manager.cluster.container(name).node.name).toBe(node);
}

function nodeOf(name: string): string {
  return swarm.manager.cluster.container(name).node.name;
}

/** Begins to note when a container runs; says how long it did not, in milliseconds. */
function downOf(name: string): () => number {
  const { cluster } = swarm.manager;
  let downSince: number | undefined;
  let downMs = 0;
  const timer = setInterval(() => {
    const isUp = cluster.findContainer(name)?.state === 'running';
    if (!isUp) downSince ??= performance.now();
    else if (downSince !== undefined) {
      downMs += performance.now() - downSince;
      downSince = undefined;
    }
  }, 20);
  return () => {
    clearInterval(timer);
    return Math.round(downMs);
  };
}

test('the dear provider is emptied while an application answers, its database goes with its data, and the bill is as promised', async () => {
  await swarm.must(['network', 'create', '--attachable', 'front']);
  await on('a1', 'web', ['--network', 'front']);
  await on('a2', 'side', ['-m', '64m', '-p', '18080:6379']);
  await on('a1', 'db', ['-v', 'data:/data'], 'exec redis-server --protected-mode no');
  await swarm.must(['exec', 'db', 'redis-cli', 'set', 'key', 'kept']);
  await swarm.must(['exec', 'db', 'redis-cli', 'save']);
  await swarm.must(['exec', 'db', 'sh', '-c', 'head -c 20000000 /dev/urandom > /data/blob']);
  const checksum = await swarm.must(['exec', 'db', 'sh', '-c', CHECKSUM]);
  for (const [name, script] of [
    ['client', POLL],
    ['impatient', POLL_ONCE],
  ] as const) {
    const where = ['--network', 'front', '-e', 'constraint:node==b1'];
    await swarm.must(['run', '-d', '--name', name, ...where, 'redis', 'sh', '-c', script]);
  }
  const logs = async (name = 'client'): Promise<readonly string[]> => (await swarm.must(['logs', name])).split('\n');
  await waitFor('the application to answer', async () => (await logs()).at(-1) === 'ok', PATIENTLY);
  const before = (await logs()).length;
  const beforeOnce = (await logs('impatient')).length;

  const plan = JSON.parse(await enxame('plan', 'cheapest', '--format', 'json')) as CheapestPlan;
  expect(plan.cost).toMatchObject({ currency: 'EUR', monthlyBefore: 70, monthlyAfter: 5 });
  expect(plan.bound.kind).toBe('proven');
  expect(plan.moves.map(({ container, how }) => `${container.name} ${how}`).sort()).toEqual([
    'db stop-first',
    'side start-first',
    'web start-first',
  ]);
  expect(plan.nodes.flatMap(({ name, fate }) => (fate === 'goes' ? [name] : [])).sort()).toEqual(['a1', 'a2', 'b2']);

  expect(plan.moves.find(({ container }) => container.name === 'db')?.copies).toEqual([
    { volume: 'data', bytes: expect.any(Number) },
  ]);

  const { id } = swarm.manager.cluster.container('web');
  const stopped = downOf('db');
  await enxame('plan', 'cheapest', '--apply', '--yes');
  expect(['web', 'side', 'db'].map(nodeOf)).toEqual(['b1', 'b1', 'b1']);
  expect(swarm.manager.cluster.container('web').id).toBe(id);
  // It has just been started.
  const kept = ['exec', 'db', 'redis-cli', 'get', 'key'];
  await waitFor('the database', async () => (await swarm.docker(kept)).stdout.trim() === 'kept', PATIENTLY);
  expect(await swarm.must(['exec', 'db', 'sh', '-c', CHECKSUM])).toBe(checksum);
  console.log(`  the database: down for some ${plan.downtimeMs} ms by the plan, ${stopped()} ms as measured`);
  const { cluster } = swarm.manager;
  await waitFor(
    'the nodes to be empty',
    () => ['a1', 'a2', 'b2'].every((name) => cluster.node(name)?.containers.size === 0),
    PATIENTLY,
  );
  expect(['a1', 'a2', 'b1', 'b2'].map((name) => cluster.node(name)?.availability)).toEqual([
    'drain',
    'drain',
    'active',
    'drain',
  ]);

  const polls = (await logs()).slice(before);
  console.log(`  polls during the move: ${polls.length}, retried ${polls.filter((each) => each === 'retried').length}`);
  expect(polls.filter((each) => each === 'FAILED')).toEqual([]);
  const once = (await logs('impatient')).slice(beforeOnce);
  console.log(`  without a retry: ${once.filter((each) => each === 'FAILED').length} of ${once.length} failed`);
  const bill = JSON.parse(await enxame('bill', '--format', 'json')) as ShownBill;
  const paid = bill.nodes.filter(({ name }) => cluster.node(name)?.availability === 'active');
  expect(paid.map(({ name, amount }) => [name, Number(amount?.perMonth)])).toEqual([['b1', plan.cost.monthlyAfter]]);
  const again = JSON.parse(await enxame('plan', 'cheapest', '--format', 'json')) as CheapestPlan;
  expect(again).toMatchObject({ moves: [], cost: { monthlyAfter: 5 } });
});

/** A manager as users start it, on the state of the one before. */
async function startProcess(socket: string): Promise<EnxameProcess> {
  const { ca, cert, key } = lab.certificates?.server ?? { ca: '', cert: '', key: '' };
  const tls = ['--tlsverify', '--tlscacert', ca, '--tlscert', cert, '--tlskey', key];
  const nodes = lab.nodes.map(({ endpoint }) => endpoint).join(',');
  const manager = enxameProcess(['manage', ...tls, '-H', socket, '--state-dir', folder, nodes]);
  await manager.until(/Manager at/);
  const healthy = (): number => (manager.said().match(/"node is healthy"/g) ?? []).length;
  await waitFor('the nodes to be healthy', () => healthy() >= lab.nodes.length, PATIENTLY);
  return manager;
}

test('prices change, the manager is killed in the middle, and the next one comes to the same end', async () => {
  await swarm.must(['rm', '-f', 'client', 'impatient']);
  const checksum = await swarm.must(['exec', 'db', 'sh', '-c', CHECKSUM]);
  await swarm.must(['node', 'update', '--availability', 'active', 'b2']);
  await swarm.must(['node', 'update', '--label-add', 'io.enxame.price=90 EUR/month', 'b1']);
  await swarm.close();
  const socket = `unix://${folder}/manager.sock`;
  let manager = await startProcess(socket);
  const names = ['db', 'side', 'web'];
  const on = async (node: string): Promise<readonly string[]> => {
    const { stdout } = await lab.node(node).docker(['ps', '--format', '{{.Names}}']);
    return stdout
      .split('\n')
      .filter((name) => names.includes(name))
      .sort();
  };
  const client = enxameProcess(['plan', 'cheapest', '--apply', '--yes'], { DOCKER_HOST: socket, HOME: folder });
  try {
    await waitFor('the first one to be there', async () => (await on('b2')).length > 0, { ...PATIENTLY, everyMs: 50 });
    await manager.end('SIGKILL');
    console.log(`  killed with ${(await on('b2')).join(', ')} there and ${(await on('b1')).join(', ')} still here`);
    manager = await startProcess(socket);
    await waitFor('all to be there', async () => (await on('b2')).join() === names.join(), PATIENTLY);
    await waitFor('nothing to be here', async () => (await on('b1')).length === 0, PATIENTLY);
    const sum = async (): Promise<string> =>
      (await lab.node('b2').docker(['exec', 'db', 'sh', '-c', CHECKSUM])).stdout.trim();
    await expect.poll(sum).toBe(checksum);
    const availability = async (): Promise<string> => {
      const io = fakeIo({ DOCKER_HOST: socket, HOME: folder });
      await runCli(['node', 'ls', '--format', '{{.Name}} {{.Availability}}'], io);
      return io.stdout();
    };
    await waitFor('the dear node to be drained', async () => /b1 drain/i.test(await availability()), PATIENTLY);
  } finally {
    await client.end('SIGKILL');
    await manager.end('SIGKILL');
  }
});
