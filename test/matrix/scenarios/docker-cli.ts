import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Generation } from '../../../src/lab/lab.ts';
import { waitFor } from '../../../src/lab/processes.ts';
import { NODES, type Swarm } from '../swarm.ts';
import { User } from '../user.ts';

const MIB = 2 ** 20;
/** No listing is to be taken for another's: every container here carries it. */
const LABEL = 'scenario=cli';
/** Published on each node. */
const PORTS = { one: 8081, two: 8082, three: 8083 } as const;

/** What people do with docker, by the CLI of one generation. */
export function dockerScenarios(generation: Generation, swarm: () => Swarm): void {
  const user = new User(generation, swarm);
  describe(`docker ${generation}`, () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'enxame-cli-'));
      await Promise.all(
        NODES.map((node) => sleeper(user, `on-${node}`, node, '-p', `${PORTS[node]}:80`, '--label', `at=${node}`)),
      );
    });
    afterAll(async () => {
      const left = await user.docker(['ps', '-aq', '--filter', `label=${LABEL}`]);
      if (left) await user.docker(['rm', '-f', ...left.split('\n')]);
      await rm(folder, { recursive: true, force: true });
    });
    listing(user, swarm);
    lives(user);
    refusals(user);
    images(user, () => folder);
    networksAndVolumes(user);
    system(user, swarm);
  });
}

/** A container on a node that sleeps until it is killed. */
function sleeper(user: User, name: string, node: string, ...more: string[]): Promise<string> {
  const where = ['-e', `constraint:node==${node}`, '--label', LABEL, '--stop-signal', 'KILL'];
  return user.docker(['run', '-d', '--name', name, ...where, ...more, 'busybox', 'sleep', '1000']);
}

function listing(user: User, swarm: () => Swarm): void {
  test('ps shows node/name, and ports with the address of the node', async () => {
    const lines = (await user.docker(['ps', '--filter', `label=${LABEL}`, '--format', '{{.Names}} {{.Ports}}'])).split(
      '\n',
    );
    const expected = swarm().lab.nodes.map(
      ({ name, address }) => `${name}/on-${name} ${address}:${PORTS[name as keyof typeof PORTS]}->80/tcp`,
    );
    expect(lines.sort()).toEqual(expected.sort().map((pattern) => expect.stringMatching(new RegExp(`^${pattern}$`))));
    const plain = await user.docker(['ps']);
    for (const node of NODES) expect(plain).toContain(`${node}/on-${node}`);
  });

  test('ps filters as one engine does', async () => {
    const list = async (...args: string[]): Promise<string> => {
      const format = ['--filter', `label=${LABEL}`, '--format', '{{.Names}}'];
      return (await user.docker(['ps', '-a', ...format, ...args])).split('\n').sort().join(' ');
    };
    const all = 'one/on-one three/on-three two/on-two';
    const cases: readonly (readonly [string, string])[] = [
      ['name=on-tw', 'two/on-two'],
      ['name=^/on-one$', 'one/on-one'],
      ['label=at', all],
      ['label=at=three', 'three/on-three'],
      ['status=running', all],
      ['status=exited', ''],
      ['ancestor=busybox', all],
      ['network=bridge', all],
      ['network=none', ''],
      ['publish=8082', 'two/on-two'],
      ['expose=80', all],
      ['volume=nothing', ''],
      ['health=none', all],
      ['is-task=false', all],
      ['node=one', 'one/on-one'],
      [`id=${await user.docker(['inspect', '-f', '{{.Id}}', 'on-two'])}`, 'two/on-two'],
    ];
    const found = await Promise.all(cases.map(async ([filter]) => [filter, await list('--filter', filter)]));
    expect(found).toEqual(cases);
    const refused = await user.try(['ps', '--filter', 'nonsense=1']);
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('nonsense')]);
  });

  test('ps -l, -n, -s, before and since follow the order of creation', async () => {
    const create = (name: string): Promise<string> =>
      user.docker(['create', '--name', name, '--label', LABEL, 'busybox']);
    for (const name of ['first', 'second', 'third']) await create(name);
    const names = async (...args: string[]): Promise<string[]> =>
      (await user.docker(['ps', '-a', '--format', '{{.Names}}', ...args]))
        .split('\n')
        .map((name) => name.replace(/.*\//, ''));
    expect(await names('-l')).toEqual(['third']);
    expect(await names('-n', '2')).toEqual(['third', 'second']);
    expect(await names('--filter', 'since=first')).toEqual(['third', 'second']);
    expect(await names('--filter', 'before=second', '--filter', 'status=created')).toEqual(['first']);
    expect(await user.docker(['ps', '-a', '-s', '--format', '{{.Size}}'])).toMatch(/^\d+B \(virtual/m);
    await user.docker(['rm', 'first', 'second', 'third']);
  });

  test('inspect, port, top and stats reach the node', async () => {
    for (const reference of ['on-two', 'two/on-two', '/on-two']) {
      const [details] = JSON.parse(await user.docker(['inspect', reference])) as [
        { Name: string; Node: { Name: string } },
      ];
      expect([details.Name, details.Node.Name]).toEqual(['/on-two', 'two']);
    }
    const address = swarm().lab.node('two').address;
    expect(await user.docker(['port', 'on-two'])).toMatch(new RegExp(`^80/tcp -> ${address}:8082$`));
    expect(await user.docker(['top', 'on-two'])).toContain('sleep 1000');
    const stats = await user.docker(['stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}']);
    for (const node of NODES) expect(stats).toContain(`on-${node} 1`);
  });
}

function lives(user: User): void {
  test('a container’s life: create, start, pause, rename, update, kill, wait, restart, rm', async () => {
    const state = (name: string): Promise<string> => user.docker(['inspect', '-f', '{{.State.Status}}', name]);
    await user.docker([
      'create',
      '--name',
      'life',
      '--label',
      LABEL,
      '-m',
      '32m',
      '-i',
      'busybox',
      'sh',
      '-c',
      'cat; exit 4',
    ]);
    expect(await state('life')).toBe('created');
    await user.docker(['start', 'life']);
    await user.docker(['pause', 'life']);
    expect(await state('life')).toBe('paused');
    await user.docker(['unpause', 'life']);
    await user.docker(['rename', 'life', 'lives']);
    await user.docker(['update', '-m', '48m', '--memory-swap', '96m', 'lives']);
    expect(await user.docker(['inspect', '-f', '{{.HostConfig.Memory}}', 'lives'])).toBe(String(48 * MIB));
    const waiting = user.docker(['wait', 'lives']);
    await user.docker(['kill', 'lives']);
    expect(['0', '137']).toContain(await waiting);
    expect(await user.docker(['wait', 'lives'])).toBe('137');
    await user.docker(['restart', '-t', '0', 'lives']);
    expect(await state('lives')).toBe('running');
    await user.docker(['stop', '-t', '0', 'lives']);
    await user.docker(['rm', 'lives']);
    expect((await user.try(['inspect', 'lives'])).exitCode).not.toBe(0);
  });

  test('run in the foreground: output, exit code, --rm', async () => {
    const run = [
      'run',
      '--rm',
      '-i',
      '--name',
      'fore',
      '--label',
      LABEL,
      'busybox',
      'sh',
      '-c',
      'cat; echo no >&2; exit 6',
    ];
    const result = await user.try(run, { input: 'words' });
    expect([result.exitCode, result.stdout, result.stderr]).toEqual([6, 'words', 'no\n']);
    await waitFor('its removal', async () => (await user.try(['inspect', 'fore'])).exitCode !== 0);
  });

  test('exec, logs and cp both ways', async () => {
    const content = randomBytes(MIB);
    const source = join(tmpdir(), `enxame-cli-${content.toString('hex', 0, 6)}`);
    await writeFile(source, content);
    try {
      await user.docker(['cp', source, 'on-three:/tmp/data']);
      expect(await user.docker(['exec', 'on-three', 'sha1sum', '/tmp/data'])).toContain(
        createHash('sha1').update(content).digest('hex'),
      );
      await rm(source);
      await user.docker(['cp', 'three/on-three:/tmp/data', source]);
      expect((await readFile(source)).equals(content)).toBe(true);
    } finally {
      await rm(source, { force: true });
    }
    await user.docker(['run', '--name', 'said', '--label', LABEL, 'busybox', 'echo', 'heard']);
    expect(await user.docker(['logs', 'said'])).toBe('heard');
  });
}

function refusals(user: User): void {
  const refused = async (...args: string[]): Promise<string> => {
    const { exitCode, stderr } = await user.try(args);
    expect(exitCode).not.toBe(0);
    return stderr;
  };

  test('a taken name', async () => {
    const id = await user.docker(['inspect', '-f', '{{.Id}}', 'on-one']);
    expect(await refused('run', '-d', '--name', 'on-one', 'busybox')).toContain(
      `Conflict. The container name "/on-one" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  });

  test('no node: which filter refused how many, and why', async () => {
    const say = (...args: string[]): Promise<string> => refused('run', '-d', '--label', LABEL, ...args, 'busybox');
    const headline = 'Unable to find a node that satisfies the following conditions: ';
    expect(await say('-e', 'constraint:storage==tape')).toContain(
      `${headline}constraint storage==tape is not met: no node has storage=tape (3 of 3 nodes: one, two, three)`,
    );
    expect(await say('-e', 'constraint:storage==ssd', '-e', 'affinity:container==on-one')).toContain(
      `${headline}affinity container==on-one is not met (2 of 3 nodes: two, three); constraint storage==ssd is not met (1 of 3 nodes: one)`,
    );
    expect(await say('-m', '900g')).toMatch(/no resources available to schedule container: .*3 of 3 nodes/);
    expect(await say('-e', 'constraint:node==two', '-p', '8082:80')).toContain(
      'host port 8082/tcp is taken (1 of 3 nodes: two)',
    );
    expect(await say('-e', 'constraint:!!')).toContain("One of operator ==, != is expected in '!!'");
  });

  test('what is not there', async () => {
    expect(await refused('run', 'no-such-image:1')).toMatch(
      /Unable to find image 'no-such-image:1' locally\n[\s\S]*Error response from daemon: /,
    );
    expect(await refused('start', 'nobody')).toContain('No such container: nobody');
    expect(await refused('run', '--network', 'nowhere', 'busybox')).toContain('network nowhere not found');
    expect(await refused('rmi', 'no-such-image')).toContain('No such image: no-such-image');
    expect(await refused('volume', 'rm', 'nothing')).toMatch(/no such volume/i);
    expect(await refused('rm', 'on-one')).toMatch(/cannot remove .*running/i);
  });
}

function images(user: User, folder: () => string): void {
  test('commit, tag, history, run elsewhere, save, load, rmi', async () => {
    await user.docker(['exec', 'on-one', 'sh', '-c', 'echo honey > /comb']);
    const id = await user.docker(['commit', '-m', 'a comb', 'on-one', 'comb:1']);
    await user.docker(['tag', 'comb:1', 'comb:2']);
    expect(await user.docker(['images', '--no-trunc', '--format', '{{.Tag}} {{.ID}}', 'comb'])).toBe(
      `1 ${id}\n2 ${id}`,
    );
    expect(await user.docker(['history', '--format', '{{.Comment}}', 'comb:1'])).toMatch(/^a comb/);
    // The image remembers where its container had to be.
    const there = ['--label', 'com.docker.swarm.constraints=["node==three"]'];
    expect(await user.docker(['run', '--rm', ...there, 'comb:2', 'cat', '/comb'])).toBe('honey');
    const archive = join(folder(), 'comb.tar');
    await user.docker(['save', '-o', archive, 'comb:1']);
    await user.docker(['rmi', 'comb:1', 'comb:2']);
    expect(await user.docker(['images', '-q', 'comb'])).toBe('');
    expect(await user.docker(['load', '-i', archive])).toContain('Loaded image: comb:1');
    expect(await user.docker(['images', '-q', '--no-trunc', 'comb'])).toBe(id);
    await user.docker(['rmi', 'comb:1']);
  });
}

function networksAndVolumes(user: User): void {
  test('networks: create, connect over nodes, inspect, disconnect, ls, rm', async () => {
    const id = await user.docker(['network', 'create', '--label', 'tier=back', 'comb']);
    for (const node of NODES) await user.docker(['network', 'connect', '--alias', `bee-${node}`, 'comb', `on-${node}`]);
    const ping = ['exec', 'on-one', 'ping', '-c', '1', '-W', '1', 'bee-three'];
    await waitFor('one to reach three', async () => (await user.try(ping)).exitCode === 0);
    const [network] = JSON.parse(await user.docker(['network', 'inspect', 'comb'])) as [
      { Id: string; Containers: Record<string, { Name: string }> },
    ];
    expect(network.Id).toBe(id);
    expect(
      Object.values(network.Containers)
        .map(({ Name }) => Name)
        .sort(),
    ).toEqual(['on-one', 'on-three', 'on-two']);
    expect(await user.docker(['network', 'ls', '--filter', 'label=tier', '--format', '{{.Name}} {{.Scope}}'])).toBe(
      'comb swarm',
    );
    expect((await user.try(['network', 'rm', 'comb'])).stderr).toContain('has active endpoints');
    for (const node of NODES) await user.docker(['network', 'disconnect', 'comb', `on-${node}`]);
    await user.docker(['network', 'rm', 'comb']);
    await user.docker(['network', 'prune', '-f']);
  });

  test('volumes: create, ls, use on the home, inspect, rm', async () => {
    await user.docker(['volume', 'create', '--label', 'tier=back', 'store']);
    expect(await user.docker(['volume', 'ls', '-q', '--filter', 'label=tier'])).toBe('store');
    const run = ['run', '--rm', '-v', 'store:/data', 'busybox', 'sh', '-c'];
    await user.docker([...run, 'echo honey > /data/comb']);
    for (let round = 0; round < 3; round++) expect(await user.docker([...run, 'cat /data/comb'])).toBe('honey');
    const [volume] = JSON.parse(await user.docker(['volume', 'inspect', 'store'])) as [
      { Labels: object; Mountpoint: string },
    ];
    expect(volume).toMatchObject({ Labels: { tier: 'back' }, Mountpoint: expect.stringContaining('/store/') });
    await user.docker(['volume', 'rm', 'store']);
    expect(await user.docker(['volume', 'ls', '-q'])).toBe('');
    await user.docker(['volume', 'prune', '-f']);
  });
}

function system(user: User, swarm: () => Swarm): void {
  test('info and version tell of the cluster', async () => {
    const info = await user.docker(['info']);
    expect(info).toMatch(/Server Version: enxame\/\d/);
    expect(info).toMatch(/Swarm: inactive/);
    for (const { name, endpoint } of swarm().lab.nodes) expect(info).toContain(`${name}: ${endpoint}`);
    expect(info.match(/Status: Healthy/g)).toHaveLength(3);
    const version = await user.docker(['version']);
    for (const { generation } of swarm().lab.nodes) expect(version).toMatch(new RegExp(`Version: +${generation}`));
    expect(version).not.toMatch(/: +\/$/m);
  });

  test('events of all nodes come in one stream, each with its node', async () => {
    const since = (Date.now() / 1000).toFixed(3);
    for (const node of NODES) await user.docker(['kill', '-s', 'CONT', `on-${node}`]);
    const format = '{{.Action}} {{index .Actor.Attributes "name"}} {{index .Actor.Attributes "node.name"}}';
    const filters = ['--filter', 'type=container', '--filter', 'event=kill', '--since', since];
    const seen = await waitFor('all events', async () => {
      const until = (Date.now() / 1000).toFixed(3);
      const text = await user.docker(['events', ...filters, '--until', until, '--format', format]);
      return text.split('\n').length === NODES.length && text.split('\n');
    });
    expect(seen).toEqual(NODES.map((node) => `kill on-${node} ${node}`));
  });

  test('what a cluster has not is said in a sentence', async () => {
    for (const args of [
      ['node', 'ls'],
      ['service', 'ls'],
      ['swarm', 'init'],
    ]) {
      const { exitCode, stderr } = await user.try(args);
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/not a swarm manager.*Enxame/)]);
    }
  });
}
