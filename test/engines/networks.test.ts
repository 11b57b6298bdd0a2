import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { clientPath } from '../../src/lab/clients.ts';
import { run } from '../../src/lab/commands.ts';
import { type Generation, type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/lab/processes.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

const GENERATIONS: readonly Generation[] = ['20.10', '26.1', '28.5'];
const NAMES = ['old', 'mid', 'new'] as const;

let lab: Lab;
let swarm: LabManager;
let folder: string;

beforeAll(async () => {
  lab = await startLab({
    nodes: GENERATIONS.map((generation, index) => ({
      name: NAMES[index] ?? '',
      generation,
      labels: { zone: `z${index}` },
    })),
  });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  folder = await mkdtemp(join(tmpdir(), 'enxame-networks-'));
  swarm = await managerOver(lab);
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
  const ids = (await docker('ps', '-aq')).split('\n').filter(Boolean);
  if (ids.length > 0) await docker('rm', '-f', ...ids);
  const networks = (await docker('network', 'ls', '-q', '--filter', 'type=custom')).split('\n').filter(Boolean);
  if (networks.length > 0) await docker('network', 'rm', ...networks);
});

function docker(...args: string[]): Promise<string> {
  return swarm.must(args);
}

/** A sleeping container on a given node. */
function sleeper(node: string, name: string, ...more: string[]): Promise<string> {
  return docker(
    'run',
    '-d',
    '--name',
    name,
    '-e',
    `constraint:node==${node}`,
    '--stop-signal',
    'KILL',
    ...more,
    'busybox',
    'sleep',
    '3600',
  );
}

/** Names in a network may take a moment to reach every engine. */
async function pings(from: string, to: string): Promise<true> {
  return waitFor(`${from} to reach ${to}`, async () => {
    const { exitCode } = await swarm.docker(['exec', from, 'ping', '-c', '1', '-W', '1', to]);
    return exitCode === 0;
  });
}

async function api(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: { message?: string; Id?: string } }> {
  const answer = await fetch(`${swarm.endpoint.replace('tcp:', 'http:')}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text) };
}

describe('a network without driver', () => {
  test('spans engines of all generations: containers find each other by name and alias', async () => {
    await docker('network', 'create', 'web');
    await Promise.all(
      NAMES.map((node) => sleeper(node, `c-${node}`, '--network', 'web', '--network-alias', `alias-${node}`)),
    );
    for (const from of NAMES) {
      for (const to of NAMES.filter((name) => name !== from)) {
        await pings(`c-${from}`, `c-${to}`);
        await pings(`c-${from}`, `alias-${to}`);
      }
    }
  });

  test('is one network with one ID and all endpoints', async () => {
    const id = await docker('network', 'create', '--label', 'tier=back', 'web');
    await Promise.all(NAMES.map((node) => sleeper(node, `c-${node}`, '--network', 'web')));
    expect(
      await docker('network', 'ls', '--no-trunc', '--filter', 'name=web', '--format', '{{.ID}} {{.Driver}} {{.Scope}}'),
    ).toBe(`${id} overlay swarm`);
    const [network] = JSON.parse(await docker('network', 'inspect', 'web')) as [
      { Id: string; Labels: object; Containers: Record<string, { Name: string; IPv4Address: string }> },
    ];
    expect(network.Id).toBe(id);
    expect(network.Labels).toEqual({ tier: 'back' });
    const endpoints = Object.values(network.Containers);
    expect(endpoints.map(({ Name }) => Name).sort()).toEqual(['c-mid', 'c-new', 'c-old']);
    expect(new Set(endpoints.map(({ IPv4Address }) => IPv4Address)).size).toBe(3);
    const ids = (await docker('ps', '-q', '--no-trunc')).split('\n');
    expect(Object.keys(network.Containers).sort()).toEqual(ids.sort());
  });

  test('hides what it stands on, and lists the predefined ones once', async () => {
    await docker('network', 'create', 'web');
    const names = (await docker('network', 'ls', '--format', '{{.Name}}')).split('\n').sort();
    expect(names).toEqual(['bridge', 'host', 'none', 'web']);
    expect(await docker('info', '--format', '{{.Swarm.LocalNodeState}}')).toBe('inactive');
  });

  test('can be removed right after its last container, and made anew under its name', async () => {
    for (let round = 0; round < 2; round++) {
      await docker('network', 'create', 'web');
      await Promise.all(NAMES.map((node) => sleeper(node, `c-${node}`, '--network', 'web')));
      await docker('rm', '-f', ...NAMES.map((node) => `c-${node}`));
      await docker('network', 'rm', 'web');
      expect(await docker('network', 'ls', '-q', '--filter', 'name=web')).toBe('');
    }
  });

  test('is not removed while a container is connected', async () => {
    await docker('network', 'create', 'web');
    await sleeper('mid', 'c-mid', '--network', 'web');
    const answer = await api('DELETE', '/networks/web');
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain('has active endpoints (name:"c-mid"');
  });

  test('has its name once, however many ask at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => api('POST', '/networks/create', { Name: 'once', CheckDuplicate: false })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(
      answers.filter(({ status, body }) => status === 409 && body.message === 'network with name once already exists'),
    ).toHaveLength(63);
    expect((await docker('network', 'ls', '-q', '--filter', 'name=once')).split('\n')).toHaveLength(1);
  });

  test('is connected and disconnected at the container’s node', async () => {
    await docker('network', 'create', 'web');
    await docker('network', 'create', 'back');
    await sleeper('new', 'c-new', '--network', 'web');
    await sleeper('old', 'c-old', '--network', 'back');
    await docker('network', 'connect', '--alias', 'database', 'web', 'c-old');
    await pings('c-new', 'database');
    await docker('network', 'disconnect', 'web', 'c-old');
    const [network] = JSON.parse(await docker('network', 'inspect', 'web')) as [
      { Containers: Record<string, { Name: string }> },
    ];
    expect(Object.values(network.Containers).map(({ Name }) => Name)).toEqual(['c-new']);
  });

  test('is told of once in the events, and nothing of what it stands on', async () => {
    // A name of its own: engines tell late of the end of networks that other tests removed.
    const since = (Date.now() / 1000).toFixed(3);
    await docker('network', 'create', 'told');
    await sleeper('mid', 'c-mid', '--network', 'told');
    await docker('rm', '-f', 'c-mid');
    await docker('network', 'rm', 'told');
    const format = '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}';
    const events = await waitFor('all of them', async () => {
      const text = await docker(
        'events',
        '--since',
        since,
        '--until',
        (Date.now() / 1000).toFixed(3),
        '--format',
        format,
      );
      return text.includes('network remove told') && text.split('\n').filter((line) => !line.startsWith('container'));
    });
    expect(events).toEqual([
      'network create told',
      'network connect told',
      'network disconnect told',
      'network remove told',
    ]);
  });

  test('answers unknown and ambiguous references as an engine does', async () => {
    expect(await api('GET', '/networks/nope')).toEqual({ status: 404, body: { message: 'network nope not found' } });
    expect((await api('DELETE', '/networks/bridge')).status).toBe(403);
    expect((await api('POST', '/networks/create', { Name: 'host' })).status).toBe(403);
    expect((await api('POST', '/networks/create', {})).status).toBe(400);
  });
});

describe('a network of a local driver', () => {
  test('has a home, where all its containers go', async () => {
    await docker(
      'network',
      'create',
      '--scope',
      'local',
      '--label',
      'com.docker.swarm.constraints=["node==mid"]',
      'local',
    );
    for (const name of ['first', 'second', 'third'])
      await docker(
        'run',
        '-d',
        '--name',
        name,
        '--stop-signal',
        'KILL',
        '--network',
        'local',
        'busybox',
        'sleep',
        '3600',
      );
    expect(
      new Set((await docker('ps', '--format', '{{.Names}}')).split('\n').map((name) => name.split('/')[0])),
    ).toEqual(new Set(['mid']));
    await pings('first', 'third');
    const refused = await swarm.docker([
      'run',
      '-d',
      '-e',
      'constraint:node==old',
      '--network',
      'local',
      'busybox',
      'true',
    ]);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain('network "local" lives there');
  });
});

describe('compose', () => {
  const compose = async (generation: Generation, args: readonly string[]): Promise<string> => {
    const client = await clientPath('compose', generation);
    const { stdout, stderr, exitCode } = await run(client.command, [...client.args, '-p', 'demo', ...args], {
      env: { ...client.env, DOCKER_HOST: swarm.endpoint },
      timeoutMs: 180_000,
    });
    expect(exitCode, `compose ${args.join(' ')}: ${stderr}${stdout}`).toBe(0);
    return stdout;
  };
  const file = (driver: string): string => `
services:
  front:
    image: busybox
    command: sleep 3600
    stop_signal: SIGKILL
    networks: [outer, inner]
    environment: ["constraint:node==~old"]
  back:
    image: busybox
    command: sleep 3600
    stop_signal: SIGKILL
    networks: { inner: { aliases: [database] } }
    environment: ["constraint:node==~new"]
networks:
  outer: {${driver}}
  inner: {${driver}}
`;

  test.each(GENERATIONS)(
    'of %s: services on other nodes by name, two networks, up twice changes nothing',
    async (generation) => {
      const path = join(folder, 'span.yml');
      await writeFile(path, `version: "3"\n${file('')}`);
      await compose(generation, ['-f', path, 'up', '-d']);
      const names = (await docker('ps', '--format', '{{.Names}} {{.ID}}')).split('\n').sort();
      expect(new Set(names.map((name) => name.split('/')[0]))).toEqual(new Set(['new', 'old']));
      const front = (await docker('ps', '-q', '--filter', 'label=com.docker.compose.service=front')).trim();
      await pings(front, 'back');
      await pings(front, 'database');
      await compose(generation, ['-f', path, 'up', '-d']);
      expect((await docker('ps', '--format', '{{.Names}} {{.ID}}')).split('\n').sort()).toEqual(names);
      await compose(generation, ['-f', path, 'down']);
      expect(await docker('network', 'ls', '-q', '--filter', 'type=custom')).toBe('');
    },
  );

  test('with driver bridge: the services of a network share a node', async () => {
    const path = join(folder, 'bridge.yml');
    await writeFile(
      path,
      file('driver: bridge').replace('  outer: {driver: bridge}\n', '').replace('[outer, inner]', '[inner]'),
    );
    await compose('28.5', ['-f', path, 'up', '-d']);
    const nodes = (await docker('ps', '--format', '{{.Names}}')).split('\n').map((name) => name.split('/')[0]);
    expect(nodes).toHaveLength(2);
    expect(new Set(nodes).size).toBe(1);
    await compose('28.5', ['-f', path, 'down']);
  });
});

describe('when an engine is lost', () => {
  test('the others go on, and it is healed when it returns', async () => {
    await docker('network', 'create', 'web');
    await Promise.all(NAMES.map((node) => sleeper(node, `c-${node}`, '--network', 'web')));
    await pings('c-old', 'c-new');
    await lab.node('mid').crash();
    await pings('c-old', 'c-new');
    await waitFor('the loss to be known', () => !swarm.manager.cluster.node('mid')?.isHealthy);
    await sleeper('new', 'late', '--network', 'web');
    await pings('late', 'c-old');
    await lab.node('mid').start();
    await waitFor('it to be healthy', () => swarm.manager.cluster.node('mid')?.isHealthy);
    await docker('start', 'c-mid');
    await pings('c-mid', 'late');
  });
});
