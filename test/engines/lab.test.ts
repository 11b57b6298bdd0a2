import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type Credentials,
  type Generation,
  type Lab,
  type LabNode,
  runNames,
  startLab,
  sweepLeftovers,
} from '../../src/lab/lab.ts';
import { generations } from '../../src/namespaces/generations.ts';
import { labRoot } from '../../src/namespaces/paths.ts';
import { commandName, identify, waitFor } from '../../src/namespaces/processes.ts';
import { tidy } from './tidy.ts';

let lab: Lab;
let nodes: readonly [LabNode, LabNode, LabNode];

/** The generations the three engines take in turn: "20.10,26.1,28.5" makes a mixed lab. */
const wanted = (process.env.ENXAME_GENERATIONS ?? '20.10').split(',');

function generationOf(index: number): Generation {
  const name = wanted[index % wanted.length];
  const found = generations.find((generation) => generation === name);
  if (found === undefined) throw new Error(`ENXAME_GENERATIONS: "${name}" is none of ${generations.join(', ')}`);
  return found;
}

beforeAll(async () => {
  lab = await startLab({
    nodes: ['one', 'two', 'three'].map((name, index) => ({
      name,
      labels: { zone: `z${index + 1}` },
      generation: generationOf(index),
    })),
  });
  nodes = [lab.node('one'), lab.node('two'), lab.node('three')];
  await Promise.all(nodes.map((node) => node.load(['busybox', 'redis'])));
});

afterAll(async () => {
  await lab?.close();
});

afterEach(async () => {
  for (const node of lab.nodes) await node.unslow();
  await tidy(lab);
});

/** The CLI's standard output; fails the test with its standard error. */
async function docker(node: LabNode, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await node.docker(args);
  expect(exitCode, `docker ${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout.trim();
}

/** Status of GET /_ping over the node's TCP port, or the error's code. */
async function ping(node: LabNode, credentials?: Credentials, timeoutMs = 60_000): Promise<number | string> {
  const [host = '', port = ''] = node.endpoint.split(':');
  const options: RequestOptions = { host, port, path: '/_ping', agent: false, timeout: timeoutMs };
  const pem = credentials && {
    ca: await readFile(lab.certificates?.ca ?? '', 'utf8'),
    cert: await readFile(credentials.cert, 'utf8'),
    key: await readFile(credentials.key, 'utf8'),
  };
  return await new Promise((resolve) => {
    const client = pem ? tlsRequest({ ...options, ...pem }) : plainRequest(options);
    client.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    client.once('timeout', () => client.destroy(Object.assign(new Error('no answer'), { code: 'SILENT' })));
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    client.end();
  });
}

/** First bytes a TCP server answers after `text`. */
async function converse(host: string, port: number, text: string): Promise<string> {
  const socket = connect({ host, port, timeout: 30_000 });
  socket.once('timeout', () => socket.destroy(new Error(`${host}:${port} does not answer`)));
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return chunk.toString();
}

describe('engines', () => {
  test('have host names, labels and IDs of their own and share image IDs', async () => {
    const infos = await Promise.all(
      nodes.map((node) => docker(node, 'info', '--format', '{{.Name}} {{.Labels}} {{.ID}}')),
    );
    expect(infos.map((info) => info.split(' ').slice(0, 2).join(' '))).toEqual([
      'one [zone=z1]',
      'two [zone=z2]',
      'three [zone=z3]',
    ]);
    expect(new Set(infos.map((info) => info.split(' ')[2])).size).toBe(3);
    const ids = await Promise.all(nodes.map((node) => docker(node, 'images', '--no-trunc', '-q', 'redis')));
    expect(new Set(ids).size).toBe(1);
  });

  test('demand a client certificate of their own CA', async () => {
    const certificates = lab.certificates;
    if (certificates === undefined) throw new Error('the lab has no certificates');
    expect(await ping(nodes[0], certificates)).toBe(200);
    expect(await ping(nodes[0], certificates.server)).toBe(200);
    expect(await ping(nodes[0], certificates.other)).toMatch(/ERR_SSL|ECONNRESET/);
    expect(await ping(nodes[0])).toBe(400); // Plain HTTP on a TLS port.
  });

  test('run containers whose published ports this machine reaches', async () => {
    await Promise.all(
      nodes.map((node) => docker(node, 'run', '-d', '--name', 'cache', '-p', '6379:6379', '-m', '64m', 'redis')),
    );
    for (const node of nodes) {
      const reply = await waitFor('redis', () => converse(node.address, 6379, 'PING\r\n').catch(() => undefined));
      expect(reply).toBe('+PONG\r\n');
    }
  });

  test('carry an overlay network', async () => {
    const [one, two] = nodes;
    await docker(one, 'swarm', 'init', '--advertise-addr', one.address);
    const token = await docker(one, 'swarm', 'join-token', '-q', 'worker');
    await docker(two, 'swarm', 'join', '--token', token, '--advertise-addr', two.address, `${one.address}:2377`);
    await docker(one, 'network', 'create', '-d', 'overlay', '--attachable', 'wide');
    await docker(one, 'run', '-d', '--name', 'left', '--network', 'wide', 'busybox', 'sleep', '600');
    await docker(two, 'run', '-d', '--name', 'right', '--network', 'wide', 'busybox', 'sleep', '600');
    const pings = async (node: LabNode, from: string, to: string): Promise<boolean> =>
      (await node.docker(['exec', from, 'ping', '-c1', '-W5', to])).stdout.includes('1 packets received');
    await waitFor('left to reach right', () => pings(one, 'left', 'right'));
    await waitFor('right to reach left', () => pings(two, 'right', 'left'));
  });
});

describe('faults', () => {
  test('a stopped engine refuses connections and comes back as itself', async () => {
    const node = nodes[2];
    const id = await docker(node, 'info', '--format', '{{.ID}}');
    await docker(node, 'create', '--name', 'kept', 'busybox');
    await node.stop();
    expect(node.enginePid).toBeUndefined();
    expect(await ping(node, lab.certificates)).toBe('ECONNREFUSED');
    await node.start();
    expect(await docker(node, 'info', '--format', '{{.ID}}')).toBe(id);
    expect(await docker(node, 'ps', '-aq', '--filter', 'name=kept')).not.toBe('');
  });

  test('a lost host answers nothing, its containers are gone, and it comes back with its data', async () => {
    const node = nodes[2];
    await docker(node, 'run', '-d', '--name', 'lost', 'busybox', 'sleep', '600');
    const pid = node.enginePid;
    await node.crash();
    expect(node.enginePid).toBeUndefined();
    expect(commandName(pid ?? 0)).not.toBe('dockerd');
    expect(await ping(node, lab.certificates, 1_000)).toMatch(/SILENT|EHOSTUNREACH/);
    await node.start();
    expect(await docker(node, 'ps', '-a', '--filter', 'name=lost', '--format', '{{.State}}')).toBe('exited');
    expect(await ping(node, lab.certificates)).toBe(200);
  });

  test('a killed engine takes its running containers back', async () => {
    const node = await lab.addNode({ name: 'live', generation: generationOf(2), engineArgs: ['--live-restore'] });
    await node.load(['busybox']);
    const container = await docker(node, 'run', '-d', 'busybox', 'sleep', '600');
    const started = await docker(node, 'inspect', '--format', '{{.State.StartedAt}}', container);
    await node.killEngine();
    await node.start();
    expect(await docker(node, 'inspect', '--format', '{{.State.Running}} {{.State.StartedAt}}', container)).toBe(
      `true ${started}`,
    );
  });

  test('a hanging engine accepts connections and answers nothing until it is resumed', async () => {
    const node = nodes[1];
    node.hang();
    expect(await ping(node, lab.certificates, 500)).toBe('SILENT');
    node.resume();
    expect(await ping(node, lab.certificates)).toBe(200);
  });

  test('a partitioned node is unreachable from this machine and from its peers until it heals', async () => {
    const [one, two] = nodes;
    const reach = async () => (await two.exec(['busybox', 'ping', '-c1', '-W1', one.address])).exitCode;
    await one.partition();
    expect(await ping(one, lab.certificates, 500)).toMatch(/SILENT|EHOSTUNREACH/);
    expect(await reach()).not.toBe(0);
    await one.heal();
    await waitFor('healed link', async () => (await ping(one, lab.certificates)) === 200);
    await waitFor('its peer to reach it', async () => (await reach()) === 0);
  });

  test('a lossy link loses packets until it is restored', async () => {
    const [one, two] = nodes;
    const reach = async () => (await two.exec(['busybox', 'ping', '-c1', '-W1', one.address])).exitCode;
    await one.slow({ lossPercent: 100, rateKbit: 10_000 });
    expect(await reach()).not.toBe(0);
    await one.unslow();
    await waitFor('its peer to reach it', async () => (await reach()) === 0);
  });

  test('a small disk fills up', async () => {
    const node = await lab.addNode({ name: 'small', generation: generationOf(1), dataRootBytes: 16 * 1024 ** 2 });
    await node.load(['busybox']);
    const result = await node.docker(['run', '--rm', 'busybox', 'dd', 'if=/dev/zero', 'of=/fill', 'bs=1M', 'count=20']);
    expect(result.stderr).toContain('No space left on device');
  });

  test('clones share an engine ID', async () => {
    const clones = await Promise.all(
      ['clone-1', 'clone-2'].map((name, index) =>
        lab.addNode({ name, engineId: 'shared', generation: generationOf(index) }),
      ),
    );
    const ids = await Promise.all(clones.map((node) => docker(node, 'info', '--format', '{{.ID}}')));
    expect(ids[0]).toBe(ids[1]);
  });
});

test('a run is swept without a trace once its owner was killed, and not before', async () => {
  const owner = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(owner, 'spawn');
  const orphan = await startLab({ nodes: [{ name: 'orphan' }], tls: false });
  await orphan.node('orphan').load(['busybox']);
  await docker(orphan.node('orphan'), 'run', '-d', 'busybox', 'sleep', '600');
  await writeFile(join(orphan.directory, 'owner.json'), JSON.stringify(identify(owner.pid ?? 0)));

  expect(await sweepLeftovers()).not.toContain(orphan.name);
  expect(await ping(orphan.node('orphan'))).toBe(200);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  // A lab that another suite starts may sweep it first.
  await sweepLeftovers();
  await waitFor('no trace', async () => (await traces(orphan.name)).length === 0);
  expect(await runNames()).toContain(lab.name);
  expect(await ping(nodes[0], lab.certificates)).toBe(200);
});

test('close leaves no trace and may be called twice', async () => {
  const own = await startLab({ nodes: [{ name: 'brief' }], tls: false });
  const left = (): Promise<string[]> => waitFor('a look', () => traces(own.name));
  expect(await left()).not.toEqual([]);
  await own.close();
  await own.close();
  expect(await left()).toEqual([]);
});

/**
 * Everything on this machine that bears the run's name: namespaces, folders, control groups, mounts and processes. Rejects when a folder goes while it
 * looks: there are other labs.
 */
async function traces(name: string): Promise<string[]> {
  const [spaces, mounts, pids, groups] = await Promise.all([
    readdir('/run/netns'),
    readFile('/proc/self/mounts', 'utf8'),
    readdir('/proc'),
    readdir('/sys/fs/cgroup', { recursive: true }),
  ]);
  const commands = await Promise.all(
    pids.map((pid) => readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')),
  );
  return [
    ...spaces.filter((space) => `${space}.`.startsWith(`enxame.${name}.`)),
    ...(await readdir(labRoot(), { recursive: true })).filter((path) => path.includes(name)),
    ...groups.filter((path) => path.includes(`enxame-lab/${name}`)),
    ...[...mounts.split('\n'), ...commands].filter((text) => text.includes(`/${name}/`)),
  ];
}
