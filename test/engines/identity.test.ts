import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Node } from '../../src/cluster/node.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { type LabManager, managerOver, nodesOf } from './manager-over-lab.ts';
import { tidy } from './tidy.ts';

const PATIENTLY = { everyMs: 500 } as const;
/** How long a client may follow, in milliseconds. */
const FOLLOW = { timeoutMs: 600_000 } as const;
/** Says who it is, and then counts. */
const COUNT =
  'echo copy $(cat /proc/sys/kernel/random/uuid); n=0; while :; do echo line $n; n=$((n+1)); sleep 0.2; done';

let lab: Lab;
let folder: string;
let swarm: LabManager;

beforeAll(async () => {
  lab = await startLab({ nodes: ['n1', 'n2', 'n3'].map((name) => ({ name, generation: '28.5' as const })) });
  await Promise.all(lab.nodes.map((node) => node.load(['redis'])));
  folder = await mkdtemp(join(tmpdir(), 'enxame-identity-'));
  swarm = await managerOver(lab, [], folder);
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

function nodesTold() {
  return { ...PATIENTLY, why: () => nodesOf(swarm.manager, lab) };
}

/** Containers, volumes and records go, and every node is there again. */
afterEach(async () => {
  const { cluster } = swarm.manager;
  for (const node of lab.nodes) await node.start();
  await waitFor('all nodes to be healthy', () => cluster.healthyNodes().length === lab.nodes.length, nodesTold());
  const ids = (await swarm.must(['ps', '-aq'])).split('\n').filter(Boolean);
  if (ids.length > 0) await swarm.docker(['rm', '-f', '-v', ...ids]);
  await tidy(lab, { keepsSwarm: true });
  await waitFor('a model without containers', () => cluster.containerCount === 0, PATIENTLY);
});

test('streams of the CLI go on when the container is brought back elsewhere', async () => {
  const sinceS = Math.floor(Date.now() / 1_000);
  const id = await swarm.must(['run', '-d', '--name', 'web', '--restart', 'always', 'redis', 'sh', '-c', COUNT]);
  const { cluster } = swarm.manager;
  const before = cluster.container('web');
  const usual = new Map(cluster.healthyNodes().map((node) => [node, node.client.openStreams]));
  const areFollowed = (node: Node): boolean => node.client.openStreams >= (usual.get(node) ?? 0) + 3;
  const logs = swarm.docker(['logs', '-f', 'web'], FOLLOW);
  const attached = swarm.docker(['attach', '--no-stdin', 'web'], FOLLOW);
  const waiting = swarm.docker(['wait', 'web'], FOLLOW);
  await waitFor('three streams of the container', () => areFollowed(before.node), PATIENTLY);
  await waitFor('some lines', async () => (await swarm.must(['logs', 'web'])).includes('line 5'), PATIENTLY);
  await lab.node(before.node.name).killEngine();
  const isBack = (): boolean =>
    cluster.container('web').node !== before.node && cluster.container('web').state === 'running';
  await waitFor('web to run elsewhere', isBack, PATIENTLY);
  await waitFor('three streams of the new copy', () => areFollowed(cluster.container('web').node), PATIENTLY);
  await waitFor('lines of the new copy', async () => (await swarm.must(['logs', 'web'])).includes('line 5'), PATIENTLY);
  expect(await swarm.must(['ps', '-aq', '--no-trunc'])).toBe(id);
  const after = cluster.container('web');
  for (const reference of [id, after.engineId, id.slice(0, 12)])
    expect(await swarm.must(['inspect', '--format', '{{.Id}} {{.Name}} {{.Config.Hostname}}', reference])).toBe(
      `${id} /web ${id.slice(0, 12)}`,
    );
  expect(await swarm.must(['inspect', '--format', '{{json .Config.Labels}}', 'web'])).not.toContain('io.enxame');
  const until = String(Math.ceil(Date.now() / 1_000) + 1);
  const format = ['--format', '{{.Action}} {{.Actor.ID}} {{index .Actor.Attributes "enxame.move.from"}}'];
  const tell = (): Promise<string> =>
    swarm.must(['events', '--since', String(sinceS), '--until', until, '--filter', 'type=container', ...format]);
  const told = await tell();
  expect(told).toContain(`die ${id} ${before.node.name}\nstart ${id} ${before.node.name}`);
  expect(told).not.toContain(after.engineId);
  await swarm.must(['rm', '-f', 'web']);
  expect(await tell()).not.toContain(after.engineId);
  expect((await waiting).stdout.trim()).toBe('137');
  for (const { stdout } of [await logs, await attached]) {
    const lines = stdout.trim().split('\n');
    const starts = lines.filter((line) => line.startsWith('copy '));
    const second = lines.lastIndexOf(starts.at(-1) ?? '');
    expect(lines.slice(second, second + 3)).toEqual([starts.at(-1), 'line 0', 'line 1']);
    const firstPart = lines.slice(0, second).filter((line) => line.startsWith('line '));
    expect(firstPart).toEqual(firstPart.map((_, i) => `line ${i + Number(firstPart[0]?.slice(5))}`));
  }
  expect((await logs).stdout.match(/^copy /gm)).toHaveLength(2);
});

test('what is stopped while its node is down stays so, and what went with the data of its node is made anew', async () => {
  const { cluster } = swarm.manager;
  const host = lab.node('n3');
  const isUp = (): boolean => cluster.node('n3')?.isHealthy === true;
  const there = ['-d', '--restart', 'always', '--stop-timeout', '1', '-e', 'constraint:node==n3'];
  const id = await swarm.must(['run', ...there, '--name', 'web', 'redis', 'sh', '-c', COUNT]);
  await swarm.must(['run', ...there, '--name', 'db', '-v', 'data:/data', 'redis', 'sh', '-c', COUNT]);
  const onEngine = async (name: string): Promise<string> =>
    (await host.docker(['ps', '-a', '--filter', `name=^/?${name}$`, '--format', '{{.State}}'])).stdout.trim();

  await host.killEngine();
  await waitFor('n3 to be missed', () => !isUp(), PATIENTLY);
  await swarm.must(['stop', 'web']);
  expect(await swarm.must(['ps', '-a', '--filter', 'name=web', '--format', '{{.Status}}'])).toBe(
    'Host Down, stopped: done when its node is back',
  );
  expect((await swarm.docker(['start', 'web'])).stderr).toMatch(/is on node n3, which is unhealthy.* It waits: /);
  await host.start();
  await waitFor('n3 to be back', isUp, nodesTold());
  const areThere = async (): Promise<boolean> =>
    (await onEngine('web')) === 'exited' && (await onEngine('db')) === 'running';
  await waitFor('web to be stopped, and db to run', areThere, PATIENTLY);
  expect(await swarm.must(['start', 'web'])).toBe('web');

  await host.stop();
  await waitFor('n3 to be missed', () => !isUp(), PATIENTLY);
  const data = join(lab.directory, host.name, 'data');
  // 28.5 has its ID there, 20.10 elsewhere: such a node is the same one.
  const lost = (await readdir(data)).filter((name) => name !== 'engine-id');
  await Promise.all(lost.map((name) => rm(join(data, name), { recursive: true, force: true })));
  await host.start();
  const isAnew = (): boolean =>
    cluster.findContainer('web')?.state === 'running' && cluster.container('web').engineId !== id;
  await waitFor('web to be made anew', isAnew, PATIENTLY);
  expect(cluster.container('web').id).toBe(id);
  expect(await onEngine('web')).toBe('running');
  const warned = async (): Promise<boolean> =>
    /container db of node n3 is gone: .*volume "data"/.test((await swarm.docker(['info'])).stderr);
  await waitFor('a word about db', warned, PATIENTLY);
  expect(await onEngine('db')).toBe('');
  await swarm.must(['rm', 'db']);
  await swarm.must(['run', '-d', '--stop-timeout', '1', '--name', 'db', 'redis', 'sh', '-c', COUNT]);
});
