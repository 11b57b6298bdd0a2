import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Generation, type Lab, startLab } from '../../src/lab/lab.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

const GENERATIONS: readonly Generation[] = ['20.10', '26.1', '28.5'];
const NAMES = ['old', 'mid', 'new'] as const;

let lab: Lab;
let swarm: LabManager;
let folder: string;

beforeAll(async () => {
  lab = await startLab({
    nodes: GENERATIONS.map((generation, index) => ({ name: NAMES[index] ?? '', generation })),
  });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  folder = await mkdtemp(join(tmpdir(), 'enxame-volumes-'));
  swarm = await managerOver(lab, ['enxame.substrate=lazy']);
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
  const ids = (await docker('ps', '-aq')).split('\n').filter(Boolean);
  if (ids.length > 0) await docker('rm', '-f', '-v', ...ids);
  const volumes = (await docker('volume', 'ls', '-q')).split('\n').filter(Boolean);
  if (volumes.length > 0) await docker('volume', 'rm', ...volumes);
});

function docker(...args: string[]): Promise<string> {
  return swarm.must(args);
}

/** Runs a command in a container with a volume and answers its output. */
function withVolume(volume: string, command: string, ...more: string[]): Promise<string> {
  return docker('run', '--rm', '--network', 'none', '-v', `${volume}:/data`, ...more, 'busybox', 'sh', '-c', command);
}

/** Names of the nodes whose engine holds a volume. */
async function holders(volume: string): Promise<string[]> {
  const found = await Promise.all(
    lab.nodes.map(async (node) => {
      const { stdout } = await node.docker(['volume', 'ls', '-q']);
      return stdout.split('\n').includes(volume) ? node.name : [];
    }),
  );
  return found.flat();
}

async function inspect(
  volume: string,
): Promise<{ Name: string; Mountpoint: string; Labels: Record<string, string> | null }> {
  const [details] = JSON.parse(await docker('volume', 'inspect', volume));
  return details;
}

describe('a named volume', () => {
  test('has no node until its first user has one, and is listed all the same', async () => {
    await docker('volume', 'create', '--label', 'tier=data', 'data');
    expect(await holders('data')).toEqual([]);
    expect(await docker('volume', 'ls', '-q', '--filter', 'label=tier=data')).toBe('data');
    expect((await inspect('data')).Mountpoint).toBe('');
    await withVolume('data', 'echo kept > /data/file', '-e', 'constraint:node==mid');
    expect(await holders('data')).toEqual(['mid']);
    expect((await inspect('data')).Labels).toEqual({ tier: 'data' });
    expect((await inspect('data')).Mountpoint).not.toBe('');
  });

  test('is where every later user goes', async () => {
    await withVolume('data', 'echo kept > /data/file', '-e', 'constraint:node==new');
    for (let round = 0; round < 4; round++) expect(await withVolume('data', 'cat /data/file')).toBe('kept');
    expect(await holders('data')).toEqual(['new']);
    const refused = await swarm.docker([
      'run',
      '--rm',
      '-v',
      'data:/data',
      '-e',
      'constraint:node==old',
      'busybox',
      'true',
    ]);
    expect(refused.stderr).toContain('volume "data" lives on ');
  });

  test('gets one home, however many users come at the same time', async () => {
    for (const volume of ['recorded', 'implicit']) {
      if (volume === 'recorded') await docker('volume', 'create', volume);
      await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          docker(
            'run',
            '-d',
            '--name',
            `${volume}-${index}`,
            '--network',
            'none',
            '-v',
            `${volume}:/data`,
            'busybox',
            'true',
          ),
        ),
      );
      expect(await holders(volume)).toHaveLength(1);
    }
  });

  test('is made at once where its constraints say', async () => {
    await docker('volume', 'create', '--label', 'com.docker.swarm.constraints=["node==old"]', 'placed');
    expect(await holders('placed')).toEqual(['old']);
  });

  test('is removed at its home, not while it is used', async () => {
    await docker('run', '-d', '--name', 'user', '--network', 'none', '-v', 'data:/data', 'busybox', 'true');
    const refused = await swarm.docker(['volume', 'rm', 'data']);
    expect(refused.stderr).toContain('volume is in use');
    await docker('rm', '-f', 'user');
    await docker('volume', 'rm', 'data');
    expect(await holders('data')).toEqual([]);
    const missing = await swarm.docker(['volume', 'rm', 'data']);
    expect(missing.stderr).toContain('no such volume');
    expect((await swarm.docker(['volume', 'rm', '-f', 'data'])).exitCode).toBe(0);
  });

  test('can be removed before it has a node, and is pruned with the rest', async () => {
    await docker('volume', 'create', 'unused');
    expect(await docker('volume', 'ls', '-q', '--filter', 'dangling=true')).toBe('unused');
    await docker('volume', 'rm', 'unused');
    expect(await docker('volume', 'ls', '-q')).toBe('');
    await docker('volume', 'create', 'unused');
    await withVolume('named', 'true', '-e', 'constraint:node==old');
    await docker('run', '--name', 'gone', '-v', '/anonymous', '-e', 'constraint:node==old', 'busybox', 'true');
    await docker('rm', 'gone');
    expect((await docker('volume', 'ls', '-q')).split('\n')).toHaveLength(3);
    await docker('volume', 'prune', '-f');
    // An engine of API 1.41 would take named ones too.
    expect((await docker('volume', 'ls', '-q')).split('\n').sort()).toEqual(['named', 'unused']);
    expect(await docker('volume', 'prune', '-af')).toContain('unused');
    expect(await docker('volume', 'ls', '-q')).toBe('');
  });

  test('that several engines have already is the one in use', async () => {
    for (const name of ['old', 'new']) await lab.node(name).docker(['volume', 'create', 'twice']);
    await lab.node('new').docker(['create', '-v', 'twice:/data', 'busybox', 'true']);
    await Promise.all(
      swarm.manager.cluster.nodes.map((node) => Promise.all([node.refreshVolumes(), node.refreshContainers([])])),
    );
    expect(await docker('volume', 'ls', '-q')).toBe('twice');
    await withVolume('twice', 'echo here > /data/file');
    expect(
      (
        await lab.node('new').docker(['run', '--rm', '-v', 'twice:/data', 'busybox', 'cat', '/data/file'])
      ).stdout.trim(),
    ).toBe('here');
  });

  test('is refused for a bad name before anything is recorded', async () => {
    const refused = await swarm.docker(['volume', 'create', 'a/b']);
    expect(refused.stderr).toContain('includes invalid characters for a local volume name');
    expect(await docker('volume', 'ls', '-q')).toBe('');
  });
});

describe('compose', () => {
  test.each(GENERATIONS)('of %s: recreating a service keeps its data', async (generation) => {
    const path = join(folder, 'compose.yml');
    const content = `
version: "3"
services:
  store:
    image: busybox
    command: sleep 3600
    stop_signal: SIGKILL
    network_mode: none
    volumes: ["data:/data"]
volumes:
  data: {}
`;
    await writeFile(path, content);
    const client = await clientPath('compose', generation);
    const compose = async (...args: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await run(
        client.command,
        [...client.args, '-p', 'demo', '-f', path, ...args],
        {
          env: { ...client.env, DOCKER_HOST: swarm.endpoint },
          timeoutMs: 120_000,
        },
      );
      expect(exitCode, `compose ${args.join(' ')}: ${stderr}${stdout}`).toBe(0);
      return stdout.trim();
    };
    await compose('up', '-d');
    await compose('exec', '-T', 'store', 'sh', '-c', 'echo precious > /data/file');
    const before = await docker('ps', '-q');
    await compose('up', '-d', '--force-recreate');
    expect(await docker('ps', '-q')).not.toBe(before);
    expect(await compose('exec', '-T', 'store', 'cat', '/data/file')).toBe('precious');
    await compose('down');
    await compose('up', '-d');
    expect(await compose('exec', '-T', 'store', 'cat', '/data/file')).toBe('precious');
    await compose('down', '-v');
    expect(await docker('volume', 'ls', '-q')).toBe('');
  });
});
