import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Generation } from '../../../src/lab/lab.ts';
import { waitFor } from '../../../src/lab/processes.ts';
import { NODES, type Swarm } from '../swarm.ts';
import { type Project, User } from '../user.ts';

/** What people do with compose, by the compose of one generation. */
export function composeScenarios(generation: Generation, swarm: () => Swarm): void {
  const user = new User(generation, swarm);
  describe(`compose of ${generation}`, () => {
    stackScenario(user);
    scaleScenario(user);
    recreateScenario(user);
    replaceScenario(user);
    placementScenario(user);
    jobScenario(user);
    buildScenario(user);
    if (!user.hasOldCompose) newerScenarios(user);
    test('leaves nothing behind', async () => {
      expect(await user.docker(['ps', '-aq'])).toBe('');
      expect(await user.docker(['network', 'ls', '-q', '--filter', 'type=custom'])).toBe('');
      expect(await user.docker(['volume', 'ls', '-q'])).toBe('');
    });
  });
}

/** A test with a project of its own, which is taken down in any case. */
function projectTest(user: User, fixture: string, name: string, body: (project: Project) => Promise<void>): void {
  test(name, async () => {
    const project = user.project(fixture, fixture);
    try {
      await body(project);
    } finally {
      await project.try(['down', '-v']);
    }
  });
}

/** Names in a network may take a moment to be known on every node. */
function reaches(project: Project, from: string, to: string): Promise<true> {
  return waitFor(
    `${from} to reach ${to}`,
    async () => (await project.exec(from, 'ping', '-c', '1', '-W', '1', to)).exitCode === 0,
  );
}

async function ids(project: Project): Promise<string[]> {
  return (await project.containers()).map(({ id }) => id);
}

function stackScenario(user: User): void {
  describe('a project over three nodes', () => {
    const project = user.project('stack', 'stack');

    beforeAll(async () => {
      await user.docker(['network', 'create', 'outside']);
      await project.compose(['up', '-d']);
    });

    afterAll(async () => {
      await project.try(['down', '-v']);
      await user.try(['network', 'rm', 'outside']);
    });

    test('starts where its constraints say, and docker ps shows nodes and addresses', async () => {
      const listed = await project.containers();
      expect(listed.map(({ shown }) => shown)).toEqual([
        `two/${project.nameOf('api')}`,
        `one/${project.nameOf('front')}`,
        `three/${project.nameOf('store')}`,
      ]);
      expect(listed[0]?.status).toMatch(/^Up .*\(healthy\)$/);
      const address = await user.docker(['port', project.nameOf('front'), '8080']);
      expect(listed[1]?.ports).toBe(`${address}->8080/tcp`);
      expect((await project.compose(['port', 'front', '8080'])).trim()).toBe(address);
      expect(await (await fetch(`http://${address}`)).text()).toMatch(/^[0-9a-f]{12}\n$/);
      const shown = await project.compose(['ps']);
      for (const service of ['api', 'front', 'store']) expect(shown).toContain(project.nameOf(service));
    });

    test('scheduling expressions stay out of the containers', async () => {
      const { stdout } = await project.exec('front', 'env');
      expect(stdout).toContain('MODE=fast');
      expect(stdout).not.toContain('constraint');
    });

    test('services reach each other by name and alias, in every network they share', async () => {
      await reaches(project, 'front', 'api');
      await reaches(project, 'api', 'front');
      await reaches(project, 'api', 'database');
      await reaches(project, 'store', 'api');
      const format = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}';
      expect(await user.docker(['inspect', '-f', format, project.nameOf('front')])).toBe(`${project.name}_default`);
      const guest = ['run', '--rm', '--network', 'outside', 'busybox', 'ping', '-c', '1', '-W', '2', 'api.outside'];
      expect(await user.docker(guest)).toContain('1 packets received');
    });

    test('limits are given to the engine and counted for the node', async () => {
      const format = '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}';
      expect(await user.docker(['inspect', '-f', format, project.nameOf('front')])).toBe('250000000 67108864');
      expect(await user.docker(['info'])).toMatch(/Reserved CPUs: 0\.25 \/ 2\n.*Reserved Memory: 64 MiB/);
    });

    test('logs of all containers come together', async () => {
      const text = await project.compose(['logs', '--no-color']);
      for (const service of ['front', 'api', 'store'])
        expect(text).toMatch(new RegExp(`^${service}[-_]1 +\\| ${service} is up$`, 'm'));
    });

    test('a second up changes nothing', async () => {
      const before = await ids(project);
      const said = await project.compose(['up', '-d']);
      expect(said).toMatch(user.hasOldCompose ? /front_1 is up-to-date/ : /front-1 +Running/);
      expect(said).not.toMatch(/recreat/i);
      expect(await ids(project)).toEqual(before);
    });

    test('exec, top, restart, stop, start, pause and kill', async () => {
      const before = await ids(project);
      const failed = await project.exec('store', 'sh', '-c', 'echo in store; exit 5');
      expect([failed.exitCode, failed.stdout.trim()]).toEqual([5, 'in store']);
      expect(await project.compose(['top'])).toContain('httpd -f -p 8080');
      await project.compose(['restart', 'store']);
      await project.compose(['stop', 'api']);
      expect((await project.only('api')).status).toMatch(/^Exited \(137\)/);
      await project.compose(['start']);
      await project.compose(['pause', 'store']);
      expect((await project.only('store')).status).toMatch(/Paused/);
      await project.compose(['unpause', 'store']);
      await project.compose(['kill', 'front']);
      expect((await project.only('front')).status).toMatch(/^Exited \(137\)/);
      await project.compose(['up', '-d']);
      expect(await ids(project)).toEqual(before);
      await reaches(project, 'front', 'api');
      expect(await project.compose(['images'])).toContain('busybox');
    });

    test('run --rm is one more container of the project, and leaves none', async () => {
      const before = await ids(project);
      const { stdout } = await project.try([
        'run',
        '--rm',
        '-T',
        '-e',
        'WHO=me',
        'api',
        'sh',
        '-c',
        'echo one off $WHO',
      ]);
      expect(stdout.trim()).toBe('one off me');
      const failed = await project.try(['run', '--rm', '--no-deps', '-T', 'api', 'sh', '-c', 'exit 9']);
      expect(failed.exitCode).toBe(9);
      expect(await ids(project)).toEqual(before);
    });

    test('down -v takes everything but what is external', async () => {
      await project.compose(['down', '-v']);
      expect(await ids(project)).toEqual([]);
      expect(await user.docker(['network', 'ls', '--filter', 'type=custom', '--format', '{{.Name}}'])).toBe('outside');
      expect(await user.docker(['volume', 'ls', '-q'])).toBe('');
    });
  });
}

function scaleScenario(user: User): void {
  projectTest(user, 'scale', 'scale up spreads over the nodes, scale down takes the last ones', async (project) => {
    await project.compose(['up', '-d', '--scale', 'bee=2']);
    const first = await ids(project);
    await project.compose(['up', '-d', '--scale', 'bee=6']);
    const all = await project.containers();
    const perNode = NODES.map((name) => all.filter(({ node }) => node === name).length);
    expect([all.length, perNode]).toEqual([6, [2, 2, 2]]);
    expect(await ids(project)).toEqual(expect.arrayContaining(first));
    expect(new Set(all.map(({ ports }) => ports)).size).toBe(6);
    const logs = await project.compose(['logs', '--no-color']);
    expect(logs.match(/\| hum from [0-9a-f]{12}$/gm)).toHaveLength(6);
    await project.compose(['up', '-d', '--scale', 'bee=3']);
    const names = [1, 2, 3].map((number) => project.nameOf('bee', number));
    expect((await project.containers()).map(({ shown }) => shown.split('/')[1])).toEqual(names);
  });
}

function recreateScenario(user: User): void {
  projectTest(
    user,
    'recreate',
    'a service made anew keeps the data of its volume, and others are left alone',
    async (project) => {
      await project.compose(['up', '-d']);
      const before = await project.only('store');
      const other = await project.only('other');
      await project.exec('store', 'sh', '-c', 'echo kept > /data/file');
      const changed = { env: { REVISION: 'second' } };
      const said = await project.compose(['up', '-d'], changed);
      expect(said).toMatch(/recreat/i);
      const after = await project.only('store');
      expect(after.id).not.toBe(before.id);
      expect(after.node).toBe(before.node);
      expect(after.shown).toBe(before.shown);
      expect((await project.exec('store', 'sh', '-c', 'cat /data/file; echo $REVISION')).stdout).toBe('kept\nsecond\n');
      expect((await project.only('other')).id).toBe(other.id);
      await project.compose(['up', '-d', '--force-recreate'], changed);
      expect((await project.only('other')).id).not.toBe(other.id);
      expect((await project.exec('store', 'cat', '/data/file')).stdout).toBe('kept\n');
      await project.compose(['down']);
      await project.compose(['up', '-d'], changed);
      expect((await project.exec('store', 'cat', '/data/file')).stdout).toBe('kept\n');
    },
  );
}

function replaceScenario(user: User): void {
  projectTest(
    user,
    'replace',
    'containers are recreated where only their predecessors’ leaving makes room',
    async (project) => {
      await project.compose(['up', '-d']);
      await project.exec('alone', 'sh', '-c', 'echo kept > /data/file; echo too > /anonymous/file');
      const before = await project.containers();
      expect(before.filter(({ service }) => service === 'everywhere').map(({ node }) => node)).toHaveLength(3);
      for (const args of [
        ['up', '-d'],
        ['up', '-d', '--force-recreate'],
      ]) {
        await project.compose(args, { env: { REVISION: 'second' } });
        const after = await project.containers();
        expect(after.map(({ shown, status }) => [shown, status.split(' ')[0]])).toEqual(
          before.map(({ shown }) => [shown, 'Up']),
        );
        expect(after.some(({ id }) => before.some((old) => old.id === id))).toBe(false);
      }
      const { stdout } = await project.exec('alone', 'sh', '-c', 'cat /data/file /anonymous/file; echo $REVISION');
      expect(stdout).toBe('kept\ntoo\nsecond\n');
      await project.compose(['down', '-v']);
      // Compose hands anonymous volumes on by name, so that an engine keeps them: one engine alone has this one left, too.
      const left = await user.docker(['volume', 'ls', '-q']);
      if (left !== '') await user.docker(['volume', 'rm', ...left.split('\n')]);
    },
  );

  projectTest(user, 'links', 'links in a project’s network tie nothing to a node', async (project) => {
    await project.compose(['up', '-d']);
    expect((await project.containers()).slice(0, 2).map(({ node }) => node)).toEqual(['one', 'two']);
    // 1.29 loses the other names of a link on engines from 25 on, also when there is only one engine.
    const names = [user.hasOldCompose ? 'one' : 'first', 'two'];
    for (const name of names) await reaches(project, 'user', name);
    await project.compose(['up', '-d', '--force-recreate']);
    for (const name of names) await reaches(project, 'user', name);
  });
}

function placementScenario(user: User): void {
  projectTest(
    user,
    'local',
    'services of a bridge share a node; affinities bring together and keep apart',
    async (project) => {
      await project.compose(['up', '-d']);
      const nodes = Object.fromEntries((await project.containers()).map(({ service, node }) => [service, node]));
      expect(nodes.right).toBe(nodes.left);
      expect(nodes.near).toBe(nodes.left);
      expect(nodes.far).not.toBe(nodes.left);
      await reaches(project, 'left', 'right');
      await project.compose(['up', '-d']);
    },
  );

  projectTest(user, 'nowhere', 'what cannot be placed is told in the scheduler’s words', async (project) => {
    const { exitCode, stdout, stderr } = await project.try(['up', '-d']);
    expect(exitCode).not.toBe(0);
    expect(`${stdout}${stderr}`).toContain(
      'constraint storage==tape is not met: no node has storage=tape (3 of 3 nodes: one, two, three)',
    );
  });
}

function jobScenario(user: User): void {
  projectTest(user, 'job', 'up in the foreground ends with the exit code of the job', async (project) => {
    const { exitCode, stdout } = await project.try(['up', '--exit-code-from', 'job']);
    expect([exitCode, stdout]).toEqual([3, expect.stringMatching(/job[-_]1.* the job is done/)]);
  });
}

function buildScenario(user: User): void {
  projectTest(user, 'build', 'an image built on one node runs on others', async (project) => {
    await project.compose(['build']);
    await project.compose(['up', '-d']);
    expect((await project.containers()).map(({ node }) => node)).toEqual(['one', 'three']);
    const logs = await waitFor('both to speak', async () => {
      const text = await project.compose(['logs', '--no-color']);
      return text.split('built once').length === 3 && text;
    });
    expect(logs).toMatch(/^there[-_]1 +\| built once$/m);
    const before = await ids(project);
    await project.compose(['up', '-d']);
    expect(await ids(project)).toEqual(before);
    await project.compose(['down', '--rmi', 'all']);
    expect(await user.docker(['images', '-q', 'made-here'])).toBe('');
  });
}

/** What Compose of today has and 1.29 had not. */
function newerScenarios(user: User): void {
  projectTest(user, 'tied', 'services that share something come up on one node, the others spread', async (project) => {
    await project.compose(['up', '-d']);
    const nodeOf = Object.fromEntries((await project.containers()).map(({ service, node }) => [service, node]));
    expect([nodeOf.left, nodeOf.right]).toEqual([nodeOf.both, nodeOf.both]);
    expect([nodeOf.net, nodeOf.pid]).toEqual([nodeOf.guest, nodeOf.guest]);
    expect(nodeOf.source).toEqual(nodeOf.heir);
    expect(new Set(Object.values(nodeOf)).size).toBeGreaterThan(1);
    const before = await ids(project);
    expect(await project.compose(['up', '-d'])).not.toMatch(/recreat/i);
    expect(await ids(project)).toEqual(before);
    await project.exec('left', 'sh', '-c', 'echo shared > /left/file');
    expect((await project.exec('both', 'cat', '/left/file')).stdout).toBe('shared\n');
    await reaches(project, 'both', 'guest-alias');
    const shown = await user.docker(['inspect', '-f', '{{.Id}}', ...before]);
    expect(shown.split('\n')).toEqual(before);
    await project.compose(['up', '-d', '--force-recreate']);
    expect((await project.containers()).map(({ status }) => status.split(' ')[0])).toEqual(before.map(() => 'Up'));
  });

  projectTest(
    user,
    'configs',
    'configs with content are copied into the container, wherever it is',
    async (project) => {
      await project.compose(['up', '-d', '--wait'], { env: { WORD: 'honey' } });
      expect((await project.only('reader')).node).toBe('three');
      expect((await project.exec('reader', 'cat', '/etc/site.conf', '/run/secrets/word')).stdout).toBe(
        'listen 80\nhoney',
      );
      const format = '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemoryReservation}}';
      expect(await user.docker(['inspect', '-f', format, project.nameOf('reader')])).toBe(
        '500000000 33554432 16777216',
      );
      await project.compose(['cp', 'reader:/etc/site.conf', '-']);
    },
  );
}
