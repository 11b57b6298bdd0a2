import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Generation, type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

const GENERATIONS: readonly Generation[] = ['20.10', '26.1', '28.5'];
const NAMES = ['old', 'mid', 'new'] as const;
/** Limit only against what never comes. What engines tell each other may need some of their rounds of 30 s when a packet is lost. */
const PATIENTLY = { timeoutMs: 300_000, everyMs: 250 } as const;

let lab: Lab;
let swarm: LabManager;
let isManaged = false;
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
  await startManager();
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

// Also after a test that failed half-way: all engines run, a manager has them, and nothing is on them.
afterEach(async () => {
  for (const node of lab.nodes) if (node.enginePid === undefined) await node.start();
  if (!isManaged) await startManager();
  await waitFor('all engines', () => swarm.manager.cluster.healthyNodes().length === NAMES.length, PATIENTLY);
  await waitFor('nothing to be left', isEmptied, PATIENTLY);
});

async function startManager(): Promise<void> {
  swarm = await managerOver(lab, [], join(folder, 'state'));
  isManaged = true;
}

async function stopManager(): Promise<void> {
  isManaged = false;
  await swarm.close();
}

/** Removes what is there; whether nothing was. */
async function isEmptied(): Promise<boolean> {
  const ids = (await docker('ps', '-aq')).split('\n').filter(Boolean);
  if (ids.length > 0) await swarm.docker(['rm', '-f', ...ids]);
  const networks = (await docker('network', 'ls', '-q', '--filter', 'type=custom')).split('\n').filter(Boolean);
  if (networks.length > 0) await swarm.docker(['network', 'rm', ...networks]);
  return ids.length + networks.length === 0;
}

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

/** As {@link sleeper}, where nodes were just lost or joined: what the swarm does not attach within a minute is started again. */
async function sleeperAtLast(node: string, name: string, ...more: string[]): Promise<void> {
  const constraint = ['-e', `constraint:node==${node}`];
  await docker('create', '--name', name, ...constraint, '--stop-signal', 'KILL', ...more, 'busybox', 'sleep', '3600');
  await startAtLast(name);
}

function startAtLast(name: string): Promise<true> {
  return waitFor(`${name} to start`, async () => (await swarm.docker(['start', name])).exitCode === 0, PATIENTLY);
}

/** Names in a network may take a moment to reach every engine. */
async function pings(from: string, to: string): Promise<true> {
  const probe = async (): Promise<boolean> => {
    const { exitCode } = await swarm.docker(['exec', from, 'ping', '-c', '1', '-W', '1', to]);
    return exitCode === 0;
  };
  return waitFor(`${from} to reach ${to}`, probe, PATIENTLY);
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

/** The time as `docker events` takes it. */
function now(): string {
  return (Date.now() / 1000).toFixed(3);
}

/** What `docker events` tells of a time: type, action and name, one line each. */
async function events(since: string, until: string): Promise<string[]> {
  const format = '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}';
  return (await docker('events', '--since', since, '--until', until, '--format', format)).split('\n').filter(Boolean);
}

function endOf(line: string): string {
  return line.slice(line.lastIndexOf(' ') + 1);
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

  test('finds containers by a new name when they were renamed while they did not run, and only then', async () => {
    await docker('network', 'create', 'web');
    await Promise.all(NAMES.map((node) => sleeper(node, `c-${node}`, '--network', 'web')));
    for (const node of NAMES) {
      const { stderr } = await swarm.docker(['rename', `c-${node}`, `d-${node}`]);
      expect(stderr).toMatch(`container c-${node} is up on cluster network web, where engines lose its name`);
    }
    for (const [from, to] of [
      ['c-old', 'c-mid'],
      ['c-mid', 'c-new'],
      ['c-new', 'c-old'],
    ] as const)
      await pings(from, to);
    for (const node of NAMES) {
      await docker('stop', '-t', '1', `c-${node}`);
      await docker('rename', `c-${node}`, `d-${node}`);
      await docker('start', `d-${node}`);
    }
    for (const [from, to] of [
      ['d-old', 'd-mid'],
      ['d-mid', 'd-new'],
      ['d-new', 'd-old'],
    ] as const)
      await pings(from, to);
  });

  test('is told of once in the events, and nothing of what it stands on', async () => {
    // Engines tell late of the end of networks that other tests removed: what had a name before is not meant.
    await docker('network', 'create', 'before');
    await sleeper('mid', 'c-before', '--network', 'before');
    const since = now();
    const earlier = await events('1', since);
    const isMeant = (line: string): boolean =>
      !line.startsWith('container') && !earlier.some((other) => endOf(other) === endOf(line));
    await docker('network', 'create', 'told');
    await sleeper('mid', 'c-mid', '--network', 'told');
    await docker('rm', '-f', 'c-mid');
    await docker('network', 'rm', 'told');
    const told = await waitFor(
      'all of them',
      async () => {
        const lines = await events(since, now());
        return lines.includes('network remove told') && lines.filter(isMeant);
      },
      PATIENTLY,
    );
    expect(told).toEqual([
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
    expect(refused.stderr).toContain('network "local" lives on ');
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

  test('with driver bridge: services on several nodes by name and alias, shown as asked, up twice changes nothing', async () => {
    const path = join(folder, 'bridge.yml');
    await writeFile(path, `version: "3"\n${file('driver: bridge')}`);
    for (const generation of ['20.10', '28.5'] as const) {
      await compose(generation, ['-f', path, 'up', '-d']);
      const names = (await docker('ps', '--format', '{{.Names}} {{.ID}}')).split('\n').sort();
      expect(new Set(names.map((name) => name.split('/')[0]))).toEqual(new Set(['new', 'old']));
      const front = (await docker('ps', '-q', '--filter', 'label=com.docker.compose.service=front')).trim();
      await pings(front, 'database');
      expect(await docker('network', 'inspect', '--format', '{{.Driver}}', 'demo_inner')).toBe('bridge');
      await compose(generation, ['-f', path, 'up', '-d']);
      expect((await docker('ps', '--format', '{{.Names}} {{.ID}}')).split('\n').sort()).toEqual(names);
      await compose(generation, ['-f', path, 'down']);
    }
  });

  test('with fixed addresses in one network over all nodes', async () => {
    const path = join(folder, 'fixed.yml');
    const services = NAMES.map(
      (node, index) => `
  s-${node}:
    image: busybox
    command: sleep 3600
    stop_signal: SIGKILL
    networks: { zk: { ipv4_address: 172.31.203.${index + 2} } }
    environment: ["constraint:node==${node}"]`,
    );
    const ipam = 'ipam: { config: [{ subnet: 172.31.203.0/24 }] }';
    await writeFile(path, `services:${services.join('')}\nnetworks: { zk: { ${ipam} } }\n`);
    await compose('28.5', ['-f', path, 'up', '-d']);
    const address = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
    for (const [index, node] of NAMES.entries())
      expect(await docker('inspect', '--format', address, `demo-s-${node}-1`)).toBe(`172.31.203.${index + 2}`);
    await compose('28.5', ['-f', path, 'down']);
  });
});

describe('a network that is created', () => {
  const create = (body: object): ReturnType<typeof api> => api('POST', '/networks/create', body);
  const subnet = (Subnet: string, more: object = {}): object => ({ IPAM: { Config: [{ Subnet, ...more }] } });

  test('is answered for when it has its driver and addresses, and is shown as asked', async () => {
    const range = { AuxiliaryAddresses: { router: '10.98.1.9' } };
    expect(await create({ Name: 'shown', Driver: 'bridge', ...subnet('10.98.1.0/24', range) })).toMatchObject({
      status: 201,
    });
    expect(await api('GET', '/networks/shown')).toMatchObject({
      body: { Driver: 'bridge', IPAM: { Config: [{ Subnet: '10.98.1.0/24', Gateway: '10.98.1.1', ...range }] } },
    });
  });

  test('is refused in the answer when it cannot be', async () => {
    await create({ Name: 'first', ...subnet('10.98.2.0/24') });
    await docker('network', 'create', '--scope', 'local', '--subnet', '10.98.3.0/24', 'plain');
    const docker0 = await lab
      .node('new')
      .docker(['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'bridge']);
    const overlaps = 'Pool overlaps with other one on this address space';
    const refusals: [object, number, string][] = [
      [subnet('10.98.2.0/25'), 403, `${overlaps} (network first)`],
      [subnet('10.98.3.0/24'), 403, `${overlaps} (network plain of `],
      [subnet(docker0.stdout.trim()), 403, `${overlaps} (network bridge of `],
      [{ Scope: 'local', Driver: 'bridge', ...subnet('10.98.2.0/24') }, 403, overlaps],
      [subnet('nonsense'), 400, 'invalid subnet nonsense: invalid CIDR block notation'],
      [
        subnet('10.98.4.0/24', { Gateway: '10.98.5.1' }),
        400,
        "invalid gateway 10.98.5.1: parent subnet 10.98.4.0/24 doesn't",
      ],
      [subnet('10.98.4.0/24', { Gateway: '10.98.4.255' }), 400, 'failed to allocate gateway (10.98.4.255)'],
      [{ Options: { 'com.docker.network.driver.mtu': 'wide' } }, 400, 'invalid com.docker.network.driver.mtu "wide"'],
      [{ Driver: 'overlay', EnableIPv6: true }, 400, 'IPv6 is not supported by networks that span nodes'],
    ];
    for (const [body, status, message] of refusals) {
      const answer = await create({ Name: 'refused', ...body });
      expect(answer).toEqual({ status, body: { message: expect.stringContaining(message) } });
    }
    const twice = await Promise.all(['one', 'two'].map((Name) => create({ Name, ...subnet('10.98.6.0/24') })));
    expect(twice.map(({ status }) => status).sort()).toEqual([201, 403]);
  });

  test('gives containers the size of packets that was asked for, with room for the headers between nodes', async () => {
    const option = 'com.docker.network.driver.mtu';
    await docker('network', 'create', '-o', `${option}=1500`, 'wide');
    expect(await docker('network', 'inspect', '-f', `{{index .Options "${option}"}}`, 'wide')).toBe('1500');
    await sleeper('old', 'c-old', '--network', 'wide');
    await sleeper('new', 'c-new', '--network', 'wide');
    expect(await docker('exec', 'c-old', 'cat', '/sys/class/net/eth0/mtu')).toBe('1500');
    await pings('c-new', 'c-old');
  });

  test('may have any name that Docker takes, also after the manager was started anew', async () => {
    const names = ['my.net', 'my net', 'trailing_', `${'long-'.repeat(20)}project_default`, 'Web', 'web'];
    for (const name of names) await docker('network', 'create', name);
    await sleeper('old', 'c-old', '--network', 'my.net', '--network-alias', 'database');
    await sleeper('new', 'c-new', '--network', 'my.net', '--network', 'my net');
    await pings('c-new', 'database');
    await docker('network', 'connect', 'trailing_', 'c-old');
    await stopManager();
    await startManager();
    const listed = await waitFor(
      'the networks',
      async () => {
        const text = await docker('network', 'ls', '--filter', 'type=custom', '--format', '{{.Name}}');
        return text.split('\n').length === names.length && text.split('\n');
      },
      PATIENTLY,
    );
    expect(listed.sort()).toEqual([...names].sort());
    const shown =
      '{{.HostConfig.NetworkMode}} {{range $name, $_ := .NetworkSettings.Networks}}[{{$name}}]{{end}} {{.Config.Labels}}';
    expect(await docker('inspect', '--format', shown, 'c-new')).toMatch(/^my\.net \[my net]\[my\.net] map\[[^ ]*]$/);
    expect(await docker('ps', '--filter', 'network=my.net', '--format', '{{.Networks}}')).toContain('trailing_');
    expect(await docker('ps', '-q', '--filter', 'network=my net')).not.toBe('');
    expect(JSON.stringify(await api('GET', '/containers/json?all=1'))).not.toContain('enxame-');
  });

  test('of a configuration has what that says', async () => {
    await docker('network', 'create', '--config-only', '--subnet', '10.98.7.0/24', 'conf');
    await docker('network', 'create', '--config-from', 'conf', 'made');
    const format = '{{(index .IPAM.Config 0).Subnet}} {{.ConfigFrom.Network}} {{.Scope}}';
    expect(await docker('network', 'inspect', '--format', format, 'made')).toBe('10.98.7.0/24 conf swarm');
    expect(await api('DELETE', '/networks/conf')).toMatchObject({ status: 403 });
    // In this order, or the rest of the tests' networks would be removed around it.
    await docker('network', 'rm', 'made');
    await docker('network', 'rm', 'conf');
  });

  test('with IPv6 lives on one node, where it works', async () => {
    await docker('network', 'create', '--ipv6', '--subnet', '10.98.8.0/24', '--subnet', 'fd00:98::/64', 'six');
    const address = '{{.NetworkSettings.Networks.six.GlobalIPv6Address}}';
    await docker(
      'run',
      '-d',
      '--name',
      'c-six',
      '--stop-signal',
      'KILL',
      '--network',
      'six',
      'busybox',
      'sleep',
      '3600',
    );
    expect(await docker('inspect', '--format', address, 'c-six')).toMatch(/^fd00:98:/);
  });
});

describe('a start that cannot succeed', () => {
  const start = (node: string, ...more: string[]): Promise<{ exitCode: number; stderr: string }> =>
    swarm.docker(['run', '-d', '-e', `constraint:node==${node}`, ...more, 'busybox', 'sleep', '3600']);

  test.each(NAMES)('fails with the first words of the engine or about the address: %s', async (node) => {
    await docker('network', 'create', '--subnet', '10.98.9.0/24', 'web');
    await docker('network', 'create', '--subnet', '10.98.10.0/29', 'small');
    await sleeper(node, 'taker', '--network', 'web', '--ip', '10.98.9.77');
    // A process of the host, as far as engine and manager know.
    const listener = ['--network', 'host', '-e', `constraint:node==${node}`, '--stop-signal', 'KILL'];
    await docker('run', '-d', ...listener, 'busybox', 'httpd', '-f', '-p', '18411');
    for (const more of [[], ['--network', 'web'], ['--rm', '--network', 'web']]) {
      const busy = await start(node, '--name', 'busy', '-p', '18411:80', ...more);
      // As on one engine it stays, without `--rm`; its port would count for the next one.
      await swarm.docker(['rm', '-f', 'busy']);
      expect(busy).toMatchObject({
        exitCode: 125,
        stderr: expect.stringMatching(/address already in use|port is already allocated/),
      });
    }
    for (const other of NAMES) {
      const taken = await start(other, '--rm', '--network', 'web', '--ip', '10.98.9.77');
      expect(taken).toMatchObject({
        exitCode: 125,
        stderr: expect.stringMatching(`Address already in use.*container taker on ${node}`),
      });
    }
    const outside = await start(node, '--network', 'web', '--ip', '10.99.9.1');
    expect(outside).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('contain the IP address 10.99.9.1'),
    });
    // Eight addresses: the network's, the gateway's, the node's and the broadcast's leave four.
    for (const name of ['s1', 's2', 's3', 's4']) await sleeper(node, name, '--network', 'small');
    const full = await start(node, '--name', 'full', '--network', 'small');
    expect(full).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('no available IPv4 addresses on this network'),
    });
    // Its engine still waits for an address: it gets one, and then lets go of it.
    await docker('rm', '-f', 's1');
    await docker('rm', '-f', 'full');
  });
});

describe('what is shown', () => {
  test('is one ID for bridge, in lists, inspections, containers, filters and events', async () => {
    const since = now();
    await Promise.all(NAMES.map((node) => sleeper(node, `c-${node}`)));
    const id = await docker('network', 'ls', '-q', '--no-trunc', '--filter', 'name=^bridge$');
    expect(await docker('network', 'inspect', '--format', '{{.Id}} {{len .Containers}}', id)).toBe(`${id} 3`);
    const containers = NAMES.map((node) => `c-${node}`);
    const ids = await docker('inspect', '--format', '{{.NetworkSettings.Networks.bridge.NetworkID}}', ...containers);
    expect(new Set(ids.split('\n'))).toEqual(new Set([id]));
    expect((await docker('ps', '-q', '--filter', `network=${id}`)).split('\n')).toHaveLength(3);
    const containerIds = await docker('inspect', '--format', '{{.Id}}', ...containers);
    const format = '{{.Actor.ID}} {{.Actor.Attributes.container}}';
    const filters = ['--filter', `network=${id}`, '--filter', 'event=connect', '--format', format];
    const told = await waitFor(
      'all of them',
      async () => {
        const text = await docker('events', '--since', since, '--until', now(), ...filters);
        const lines = text.split('\n').filter((line) => containerIds.includes(endOf(line)));
        return lines.length >= NAMES.length && lines;
      },
      PATIENTLY,
    );
    expect(new Set(told)).toEqual(new Set(containerIds.split('\n').map((container) => `${id} ${container}`)));
    expect(told).toHaveLength(NAMES.length);
  });

  test.each(NAMES)('is the network mode that was asked for, though engines may need another one: %s', async (node) => {
    for (const name of ['inner', 'outer']) await docker('network', 'create', '--internal', name);
    const local = ['--scope', 'local', '--label', `com.docker.swarm.constraints=["node==${node}"]`];
    for (const name of ['plain', 'other']) await docker('network', 'create', ...local, name);
    for (const [first = '', second = ''] of [
      ['inner', 'outer'],
      ['plain', 'other'],
    ]) {
      const Image = 'busybox';
      const body = {
        ...{ Image, Cmd: ['sleep', '3600'], StopSignal: 'KILL', Env: [`constraint:node==${node}`] },
        HostConfig: { NetworkMode: first },
        NetworkingConfig: { EndpointsConfig: { [first]: {}, [second]: {} } },
      };
      expect(await api('POST', `/containers/create?name=in-${first}`, body)).toMatchObject({ status: 201 });
      await docker('start', `in-${first}`);
      const shown = '{{.HostConfig.NetworkMode}} {{len .NetworkSettings.Networks}} {{len .Config.Labels}}';
      expect(await docker('inspect', '--format', shown, `in-${first}`)).toBe(`${first} 2 1`);
      const listed = (await api('GET', '/containers/json')).body as unknown as {
        HostConfig: { NetworkMode: string };
      }[];
      expect(listed.map(({ HostConfig }) => HostConfig.NetworkMode)).toContain(first);
    }
  });
});

describe('when an engine is lost', () => {
  test('the others go on, and it is healed when it returns', async () => {
    await docker('network', 'create', 'web');
    await Promise.all(NAMES.map((node) => sleeper(node, `c-${node}`, '--network', 'web')));
    await pings('c-old', 'c-new');
    await lab.node('mid').crash();
    await pings('c-old', 'c-new');
    await waitFor('the loss to be known', () => !swarm.manager.cluster.node('mid')?.isHealthy, PATIENTLY);
    await sleeperAtLast('new', 'late', '--network', 'web');
    await pings('late', 'c-old');
    await lab.node('mid').start();
    await waitFor('it to be healthy', () => swarm.manager.cluster.node('mid')?.isHealthy, PATIENTLY);
    await startAtLast('c-mid');
    await pings('c-mid', 'late');
  });
});

describe('a substrate that is formed anew', () => {
  test('has its networks again, with the same ID and subnet; what was removed meanwhile stays away', async () => {
    const inspect = async (): Promise<unknown> => {
      const [network] = JSON.parse(await docker('network', 'inspect', 'web')) as [
        { Id: string; IPAM: object; Labels: object },
      ];
      return { Id: network.Id, IPAM: network.IPAM, Labels: network.Labels };
    };
    const id = await docker('network', 'create', '--label', 'tier=back', 'web');
    await docker('network', 'create', '--subnet', '10.98.60.0/24', 'gone');
    const before = await inspect();
    await docker(
      'create',
      '--name',
      'waiting',
      '-e',
      'constraint:node==old',
      '--network',
      'web',
      'busybox',
      'sleep',
      '3600',
    );
    // While no manager runs, by hand, one after the other: no engine has the old one any more.
    await stopManager();
    for (const name of NAMES) await leaveByHand(name);
    // Older ones may keep the gossip of the swarm they left until then: no name would pass.
    await Promise.all(lab.nodes.map((node) => node.stop().then(() => node.start())));
    await startManager();
    await docker('network', 'rm', 'gone');
    const isAgain = async (): Promise<boolean> => (await swarm.docker(['network', 'inspect', 'web'])).exitCode === 0;
    await waitFor('the network', isAgain, PATIENTLY);
    expect(await inspect()).toEqual(before);
    await sleeperAtLast('new', 'c-new', '--network', id);
    await sleeperAtLast('mid', 'c-mid', '--network', 'web', '--network-alias', 'database');
    await pings('c-new', 'database');
    expect(await docker('inspect', '--format', '{{(index .NetworkSettings.Networks "web").NetworkID}}', 'c-new')).toBe(
      id,
    );
    // One that was made before follows.
    await startAtLast('waiting');
    await pings('c-new', 'waiting');
    const names = (await docker('network', 'ls', '--format', '{{.Name}}')).split('\n').sort();
    expect(names).toEqual(['bridge', 'host', 'none', 'web']);
  });
});

/** On a busy machine an engine that leaves may say that it took too long, and has left all the same. */
async function leaveByHand(name: string): Promise<void> {
  const node = lab.node(name);
  const hasLeft = async (): Promise<boolean> => {
    await node.docker(['swarm', 'leave', '--force']);
    return (await node.docker(['info', '--format', '{{.Swarm.LocalNodeState}}'])).stdout.trim() === 'inactive';
  };
  await waitFor(`${name} to leave`, hasLeft, { ...PATIENTLY, everyMs: 1_000 });
}
