import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CommandResult } from '../../src/common/command.ts';
import { run, systemPath } from '../../src/common/command.ts';
import { imageFiles } from '../../src/lab/image-files.ts';
import { imageTar } from '../../src/lab/images.ts';
import { type Generation, type Lab, type LabNode, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { freePort } from '../free-ports.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';
import { tidy } from './tidy.ts';

const GENERATIONS: readonly Generation[] = ['20.10', '26.1', '28.5'];
const NAMES = ['old', 'mid', 'new'] as const;
const MIB = 2 ** 20;
const REGISTRY = '/usr/bin/docker-registry';

let lab: Lab;
let swarm: LabManager;
let folder: string;

beforeAll(async () => {
  lab = await startLab({
    nodes: GENERATIONS.map((generation, i) => ({
      name: NAMES[i] ?? 'node',
      generation,
      // The test's own registry speaks plain HTTP on the bridge.
      engineArgs: ['--insecure-registry', '0.0.0.0/0'],
    })),
  });
  folder = await mkdtemp(join(tmpdir(), 'enxame-images-'));
  swarm = await managerOver(lab);
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Images stay: each test has names of its own. */
afterEach(async () => {
  const { cluster } = swarm.manager;
  await tidy(lab, { keepsSwarm: true });
  const isAsBefore = (): boolean => cluster.healthyNodes().length === lab.nodes.length && cluster.containerCount === 0;
  await waitFor('healthy nodes without containers', isAsBefore);
});

/** An image that only this test has: busybox with a file that names it. */
async function archive(name: string, content = name): Promise<Buffer> {
  const files = await imageFiles('busybox');
  const mark = { path: 'etc/mark', mode: 0o644, content: Buffer.from(content) };
  return imageTar(name, { Cmd: ['sleep', '600'], Env: ['PATH=/bin'] }, [...files, mark]);
}

/** The ID an engine itself has for a reference; empty when it has none. */
async function idOn(node: LabNode, reference: string): Promise<string> {
  const { stdout } = await node.docker(['images', '--no-trunc', '-q', reference]);
  return stdout.trim().split('\n')[0] ?? '';
}

async function runOn(node: LabNode, image: string, ...command: string[]): Promise<string> {
  const args = ['run', '--rm', '--network', 'none', '-e', `constraint:node==${node.name}`, image, ...command];
  return swarm.must(args);
}

describe('an image that is on one node', () => {
  test.each(NAMES)('loaded on %s behind the manager runs on all, with one ID', async (name) => {
    const image = `loaded-on-${name}`;
    const origin = lab.node(name);
    expect((await origin.docker(['load'], { input: await archive(image) })).exitCode).toBe(0);
    await waitFor('the manager to see it', () => swarm.manager.cluster.images.find(image) !== undefined);
    for (const node of lab.nodes) expect(await runOn(node, image, 'cat', '/etc/mark')).toBe(image);
    const ids = await Promise.all(lab.nodes.map((node) => idOn(node, image)));
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^sha256:/);
    expect(JSON.parse(await swarm.must(['inspect', image]))[0].Id).toBe(ids[0]);
  });

  test('is listed once after a load through the manager, and containers of one moment share its copy', async () => {
    await swarm.must(['load'], { input: await archive('shared') });
    expect(await swarm.must(['images', '-q', 'shared'])).toMatch(/^[0-9a-f]{12}$/);
    const loads: string[] = [];
    const unsubscribe = swarm.manager.cluster.subscribe((event) => {
      if (event.kind === 'engine-event' && event.event.Type === 'image' && event.event.Action === 'load')
        loads.push(event.node.name);
    });
    const runs = lab.nodes.flatMap((node) =>
      Array.from({ length: 3 }, () => runOn(node, 'shared', 'cat', '/etc/mark')),
    );
    expect(new Set(await Promise.all(runs))).toEqual(new Set(['shared']));
    await waitFor('word of both copies', () => loads.length >= 2);
    unsubscribe();
    expect([...new Set(loads)].sort()).toEqual([...loads].sort());
    expect(loads.length).toBe(2);
  });

  test('says 404 when nobody has it, so that the CLI pulls', async () => {
    const { stderr, exitCode } = await swarm.docker(['create', '--pull', 'never', 'nowhere:1']);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('No such image: nowhere:1');
  });
});

test('goes both ways between image stores that disagree about its ID', async () => {
  const containerd = ['--feature', 'containerd-snapshotter=true'];
  const nodes = [
    { name: 'layers', generation: '28.5' },
    { name: 'containerd', generation: '28.5', engineArgs: containerd },
  ] as const;
  await using stores = await startLab({ nodes });
  const pair = await managerOver(stores);
  try {
    for (const origin of stores.nodes) {
      const image = `on-${origin.name}`;
      await origin.docker(['load'], { input: await archive(image) });
      await waitFor('the manager to see it', () => pair.manager.cluster.images.find(image) !== undefined);
      const id = pair.manager.cluster.images.find(image)?.id;
      for (const { name } of [...stores.nodes, ...stores.nodes]) {
        const args = ['run', '--rm', '--network', 'none', '-e', `constraint:node==${name}`, image, 'cat', '/etc/mark'];
        expect(await pair.must(args)).toBe(image);
      }
      expect(await pair.must(['images', '--no-trunc', '-q', image])).toBe(id);
      expect(await pair.must(['inspect', '--format', '{{.Id}}', image])).toBe(id);
    }
  } finally {
    await pair.close();
  }
});

describe('names', () => {
  test('tag, list with filters, inspect and remove mean all nodes', async () => {
    await swarm.must(['load'], { input: await archive('named') });
    for (const node of lab.nodes) await runOn(node, 'named', 'true');
    await swarm.must(['tag', 'named', 'named:copy']);
    for (const node of lab.nodes) expect(await idOn(node, 'named:copy')).toBe(await idOn(lab.node('old'), 'named'));
    expect((await swarm.must(['images', '--format', '{{.Repository}}:{{.Tag}}', 'named'])).split('\n').sort()).toEqual([
      'named:copy',
      'named:latest',
    ]);
    expect(await swarm.must(['images', '-q', '--filter', 'reference=nam*:copy'])).not.toBe('');
    expect(await swarm.must(['rmi', 'named:copy'])).toBe('Untagged: named:copy');
    const removed = await swarm.must(['rmi', 'named']);
    expect(removed.split('\n')[0]).toBe('Untagged: named:latest');
    expect(removed).toContain('Deleted: sha256:');
    for (const node of lab.nodes) expect(await idOn(node, 'named')).toBe('');
    expect((await swarm.docker(['rmi', 'named'])).stderr).toContain('No such image: named');
  });

  test('an image in use on one node stays on all', async () => {
    await swarm.must(['load'], { input: await archive('used') });
    for (const node of lab.nodes) await runOn(node, 'used', 'true');
    const container = await swarm.must(['run', '-d', '--network', 'none', '-e', 'constraint:node==mid', 'used']);
    const { stderr, exitCode } = await swarm.docker(['rmi', 'used']);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('(node mid)');
    for (const node of lab.nodes) expect(await idOn(node, 'used')).not.toBe('');
    await swarm.must(['rm', '-f', container]);
    await swarm.must(['rmi', 'used']);
    for (const node of lab.nodes) expect(await idOn(node, 'used')).toBe('');
  });
});

describe('build', () => {
  const build = async (
    content: string,
    node: string,
    env: Record<string, string>,
    more: string[] = [],
  ): Promise<string> => {
    await writeFile(join(folder, 'Dockerfile'), `FROM base\nCOPY mark /etc/mark\n`);
    await writeFile(join(folder, 'mark'), content);
    return swarm.must(
      ['build', '-t', 'built', ...(node ? ['--build-arg', `constraint:node==${node}`] : []), ...more, folder],
      { env },
    );
  };

  test('classic: where the arguments say, on a base that is elsewhere; a rebuild is what runs everywhere', async () => {
    await swarm.must(['load'], { input: await archive('base') });
    const classic = { DOCKER_BUILDKIT: '0' };
    await build('first', 'old', classic);
    for (const node of lab.nodes) expect(await runOn(node, 'built', 'cat', '/etc/mark')).toBe('first');
    const container = await swarm.must(['run', '-d', '--network', 'none', '-e', 'constraint:node==new', 'built']);
    await build('second', 'mid', classic);
    for (const node of lab.nodes) expect(await runOn(node, 'built', 'cat', '/etc/mark')).toBe('second');
    const ids = await Promise.all(lab.nodes.map((node) => idOn(node, 'built')));
    expect(new Set(ids).size).toBe(1);
    expect(await swarm.must(['inspect', '--format', '{{.State.Status}}', container])).toBe('running');
  });

  test('BuildKit: through the sticky builder, with the session of buildx', async () => {
    await swarm.must(['load'], { input: await archive('base') });
    for (const content of ['kit 1', 'kit 2']) {
      await build(content, '', { DOCKER_BUILDKIT: '1' });
      for (const node of lab.nodes) expect(await runOn(node, 'built', 'cat', '/etc/mark')).toBe(content);
    }
  });
});

test('a committed image runs elsewhere and carries no identity', async () => {
  await swarm.must(['load'], { input: await archive('committed-base') });
  const args = ['run', '-d', '--network', 'none', '-e', 'constraint:node==old', 'committed-base'];
  const container = await swarm.must(args);
  await swarm.must(['exec', container, 'sh', '-c', 'echo changed > /etc/mark']);
  await swarm.must(['commit', container, 'committed']);
  for (const node of lab.nodes) expect(await runOn(node, 'committed', 'cat', '/etc/mark')).toBe('changed');
  const copy = await swarm.must(['run', '-d', '--network', 'none', 'committed', 'sleep', '600']);
  expect(copy).not.toBe(container);
});

test('save and load through the manager stay small in memory and carry every byte', {
  timeout: 1_200_000,
}, async () => {
  const env = await swarm.env();
  const shell = (script: string): Promise<CommandResult> =>
    run('sh', ['-ec', script], { env: { ...env, PATH: systemPath }, timeoutMs: 600_000 });
  const file = join(folder, 'big.tar');
  await shell(`cd ${folder} && head -c 512M /dev/urandom > part && tar -cf ${file} part && rm part`);
  await watchMemory(async () => {
    const imported = await shell(`"$DOCKER" import - big:1 < ${file}`);
    expect(imported.exitCode, imported.stderr).toBe(0);
    const id = imported.stdout.trim();
    const sum = await shell(`"$DOCKER" save big:1 | tee ${folder}/saved.tar | "$DOCKER" load`);
    expect(sum.stdout, sum.stderr).toContain('Loaded image: big:1');
    expect(await swarm.must(['images', '--no-trunc', '-q', 'big:1'])).toBe(id);
    const target = lab.nodes.find(
      (node) => !swarm.manager.cluster.images.find('big:1')?.holders.has(nodeOf(node.name)),
    );
    if (!target) throw new Error('every node has it');
    await swarm.must(['create', '--network', 'none', '-e', `constraint:node==${target.name}`, 'big:1', 'x']);
    expect(await idOn(target, 'big:1')).toBe(id);
  }, 256 * MIB);
  const listing = await run('tar', ['-tf', join(folder, 'saved.tar')]);
  expect(listing.exitCode, listing.stderr).toBe(0);
});

function nodeOf(name: string) {
  const node = swarm.manager.cluster.node(name);
  if (!node) throw new Error(`no node ${name}`);
  return node;
}

/** Fails when the process grows by more than `most` bytes while `work` is done. */
async function watchMemory(work: () => Promise<void>, most: number): Promise<void> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  expect(peak - before).toBeLessThan(most);
}

describe.skipIf(!existsSync(REGISTRY))(`a registry (${REGISTRY})`, () => {
  let address: string;
  let stop: () => Promise<void> = () => Promise.resolve();

  beforeAll(async () => {
    const port = await freePort(lab.bridgeAddress);
    address = `${lab.bridgeAddress}:${port}`;
    const config = `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${folder}/registry\n  delete:\n    enabled: true\nhttp:\n  addr: ${address}\n`;
    await writeFile(join(folder, 'registry.yml'), config);
    const child = spawn(REGISTRY, ['serve', join(folder, 'registry.yml')], { stdio: 'ignore' });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    stop = async () => {
      child.kill();
      await exited;
    };
    await waitFor('the registry', async () => {
      const answer = await fetch(`http://${address}/v2/`).catch(() => undefined);
      return answer?.ok;
    });
  });

  afterAll(() => stop());

  test('push, pull on every node with progress, and run by digest', async () => {
    await swarm.must(['load'], { input: await archive('pushed') });
    const name = `${address}/pushed:1`;
    await swarm.must(['tag', 'pushed', name]);
    const pushed = await swarm.must(['push', name]);
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed)?.[1];
    expect(digest).toBeDefined();
    await swarm.must(['rmi', name, 'pushed']);
    for (const node of lab.nodes) expect(await idOn(node, name)).toBe('');

    const pulled = await swarm.must(['pull', name]);
    for (const node of NAMES) expect(pulled).toContain(`${node}: Pulling ${name}... : downloaded`);
    expect(pulled).toContain(`Digest: ${digest}`);
    const ids = await Promise.all(lab.nodes.map((node) => idOn(node, name)));
    expect(new Set(ids).size).toBe(1);
    expect(await swarm.must(['inspect', '--format', '{{index .RepoDigests 0}}', name])).toBe(
      `${address}/pushed@${digest}`,
    );

    await swarm.must(['rmi', name]);
    const byDigest = `${address}/pushed@${digest}`;
    for (const node of lab.nodes) expect(await runOn(node, byDigest, 'cat', '/etc/mark')).toBe('pushed');
    const { stderr, exitCode } = await swarm.docker(['pull', `${address}/pushed:2`]);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/manifest.*unknown|not found/);
  });

  test('build --push pushes what was built, though every node has an older image of that name', async () => {
    await swarm.must(['load'], { input: await archive('base') });
    const name = `${address}/app:1`;
    await writeFile(join(folder, 'Dockerfile'), `FROM base\nCOPY mark /etc/mark\n`);
    for (const content of ['one', 'two', 'three']) {
      await writeFile(join(folder, 'mark'), content);
      await swarm.must(['build', '--push', '-t', name, folder], { env: { DOCKER_BUILDKIT: '1' } });
      const Accept = 'application/vnd.docker.distribution.manifest.v2+json';
      const manifest = await (await fetch(`http://${address}/v2/app/manifests/1`, { headers: { Accept } })).json();
      const id = await swarm.must(['inspect', '--type', 'image', '--format', '{{.Id}}', name]);
      expect((manifest as { readonly config: { readonly digest: string } }).config.digest).toBe(id);
      for (const node of lab.nodes) expect(await runOn(node, name, 'cat', '/etc/mark')).toBe(content);
    }
  });

  test('a node that lacks a pulled image while its holders are away pulls it', async () => {
    const name = `${address}/held:1`;
    await swarm.must(['load'], { input: await archive('held') });
    await swarm.must(['tag', 'held', name]);
    await swarm.must(['push', name]);
    await swarm.must(['rmi', name, 'held']);
    await swarm.must(['pull', name]);
    for (const node of ['mid', 'new']) expect((await lab.node(node).docker(['rmi', name])).exitCode).toBe(0);
    await waitFor('the manager to see it', () => swarm.manager.cluster.images.find(name)?.holders.size === 1);
    await lab.node('old').partition();
    await waitFor('the node to be unhealthy', () => !nodeOf('old').isHealthy);
    expect(await runOn(lab.node('new'), name, 'cat', '/etc/mark')).toBe('held');
  });
});
