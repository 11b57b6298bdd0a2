import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Node } from '../../src/cluster/node.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

const PATIENTLY = { timeoutMs: 90_000, everyMs: 500 } as const;
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

test('streams of the CLI go on when the container is brought back elsewhere', async () => {
  const sinceS = Math.floor(Date.now() / 1_000);
  const id = await swarm.must(['run', '-d', '--name', 'web', '--restart', 'always', 'redis', 'sh', '-c', COUNT]);
  const { cluster } = swarm.manager;
  const before = cluster.container('web');
  const usual = new Map(cluster.healthyNodes().map((node) => [node, node.client.openStreams]));
  const areFollowed = (node: Node): boolean => node.client.openStreams >= (usual.get(node) ?? 0) + 3;
  const logs = swarm.docker(['logs', '-f', 'web']);
  const attached = swarm.docker(['attach', '--no-stdin', 'web']);
  const waiting = swarm.docker(['wait', 'web']);
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
  const told = await swarm.must([
    'events',
    '--since',
    String(sinceS),
    '--until',
    until,
    '--filter',
    'type=container',
    ...format,
  ]);
  expect(told).toContain(`die ${id} ${before.node.name}\nstart ${id} ${before.node.name}`);
  expect(told).not.toContain(after.engineId);
  await swarm.must(['rm', '-f', 'web']);
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
