import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheapestPlan } from '../../src/cheapest/cheapest-plan.ts';
import { run as runCli } from '../../src/cli/program.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { fakeIo } from '../fakes/fake-io.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

const PATIENTLY = { timeoutMs: 90_000, everyMs: 300 } as const;
const SERVE = 'exec redis-server --protected-mode no --save ""';
/** A new connection each time, and one retry: a name outlives its listener by up to a tenth of a second, and by more on a busy machine. */
const POLL =
  'while :; do if timeout 1 redis-cli -h web ping | grep -q PONG; then echo ok; else sleep 1; if timeout 1 redis-cli -h web ping | grep -q PONG; then echo retried; else echo FAILED; fi; fi; sleep 0.03; done';

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

test('the dear provider is emptied while an application answers, its database goes with its data, and the bill is as promised', async () => {
  await swarm.must(['network', 'create', '--attachable', 'front']);
  await on('a1', 'web', ['--network', 'front']);
  await on('a2', 'side', ['-m', '64m', '-p', '18080:6379']);
  await on('a1', 'db', ['-v', 'data:/data'], 'exec redis-server --protected-mode no');
  await swarm.must(['exec', 'db', 'redis-cli', 'set', 'key', 'kept']);
  await swarm.must(['exec', 'db', 'redis-cli', 'save']);
  await swarm.must([
    'run',
    '-d',
    '--name',
    'client',
    '--network',
    'front',
    '-e',
    'constraint:node==b1',
    'redis',
    'sh',
    '-c',
    POLL,
  ]);
  const logs = async (): Promise<readonly string[]> => (await swarm.must(['logs', 'client'])).split('\n');
  await waitFor('the application to answer', async () => (await logs()).at(-1) === 'ok', PATIENTLY);
  const before = (await logs()).length;

  const plan = JSON.parse(await enxame('plan', 'cheapest', '--format', 'json')) as CheapestPlan;
  expect(plan.cost).toMatchObject({ currency: 'EUR', monthlyBefore: 70, monthlyAfter: 5 });
  expect(plan.bound.kind).toBe('proven');
  expect(plan.moves.map(({ container, how }) => `${container.name} ${how}`).sort()).toEqual([
    'db stop-first',
    'side start-first',
    'web start-first',
  ]);
  expect(plan.nodes.flatMap(({ name, fate }) => (fate === 'goes' ? [name] : [])).sort()).toEqual(['a1', 'a2', 'b2']);

  const { id } = swarm.manager.cluster.container('web');
  await enxame('plan', 'cheapest', '--apply', '--yes');
  expect(['web', 'side', 'db'].map(nodeOf)).toEqual(['b1', 'b1', 'b1']);
  expect(swarm.manager.cluster.container('web').id).toBe(id);
  expect(await swarm.must(['exec', 'db', 'redis-cli', 'get', 'key'])).toBe('kept');
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
  const again = JSON.parse(await enxame('plan', 'cheapest', '--format', 'json')) as CheapestPlan;
  expect(again).toMatchObject({ moves: [], cost: { monthlyAfter: 5 } });
});
