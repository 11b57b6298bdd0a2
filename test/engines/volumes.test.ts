import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arrayBuffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { createTarPacker } from 'modern-tar';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RunView } from '../../src/availability/plan-run.ts';
import { run as runCli } from '../../src/cli/program.ts';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Generation, type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { fakeIo } from '../fakes/fake-io.ts';
import { type EnxameProcess, enxame as enxameProcess } from './enxame-process.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

const GENERATIONS: readonly Generation[] = ['20.10', '26.1', '28.5'];
const NAMES = ['old', 'mid', 'new'] as const;
const OPTIONS = ['enxame.substrate=lazy'] as const;

const PATIENTLY = { timeoutMs: 300_000, everyMs: 50 } as const;

/** `cap_net_raw=ep`, as the kernel has it. */
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex').toString('latin1');

let lab: Lab;
let swarm: LabManager;
let folder: string;

beforeAll(async () => {
  lab = await startLab({
    nodes: GENERATIONS.map((generation, index) => ({ name: NAMES[index] ?? '', generation })),
  });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  folder = await mkdtemp(join(tmpdir(), 'enxame-volumes-'));
  swarm = await managerOver(lab, OPTIONS, join(folder, 'state'));
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

afterEach(() => waitFor('nothing to be left', isEmptied, PATIENTLY));

/** Removes what is there; whether nothing was. */
async function isEmptied(): Promise<boolean> {
  const ids = (await docker('ps', '-aq')).split('\n').filter(Boolean);
  if (ids.length > 0) await swarm.docker(['rm', '-f', '-v', ...ids]);
  const volumes = (await docker('volume', 'ls', '-q')).split('\n').filter(Boolean);
  if (volumes.length > 0) await swarm.docker(['volume', 'rm', ...volumes]);
  return ids.length + volumes.length === 0;
}

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
    expect(refused.stderr).toContain('volume "data" lives on new');
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

/** A compose CLI over a file, which must succeed; resolves with what it printed. */
async function composeWith(generation: Generation, path: string): Promise<(...args: string[]) => Promise<string>> {
  const client = await clientPath('compose', generation);
  return async (...args) => {
    const env = { ...client.env, DOCKER_HOST: swarm.endpoint };
    const all = [...client.args, '-p', 'demo', '-f', path, ...args];
    const { stdout, stderr, exitCode } = await run(client.command, all, { env });
    expect(exitCode, `compose ${args.join(' ')}: ${stderr}${stdout}`).toBe(0);
    return stdout.trim();
  };
}

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
    const compose = await composeWith(generation, path);
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

describe('a volume that moves with its container', () => {
  const SERVICE = `
services:
  db:
    image: busybox
    command: httpd -f -p 80 -h /data
    stop_signal: SIGKILL
    restart: always
    environment: ["constraint:node==~old"]
    volumes: ["data:/data", "/scratch"]
volumes:
  data: {labels: {tier: data}}
`;
  const FILL = `cd /data; chown 999:998 .; chmod 700 .; mkdir d; echo hi > d/f; chown 123:456 d/f; chmod 4755 d/f; ln d/f d/hard
    ln -s ../d/f d/soft; ln -s /nowhere dangling; mkfifo pipe; touch -t 202001020304.05 old
    ln -s ../../../../../../etc/passwd out; ln -s /etc abs; mknod null c 1 3; echo a > "$(printf 'no-utf8-\\377')"; echo b > "$(printf 'no-utf8-\\376')"; echo index > index.html
    dd if=/dev/zero of=sparse bs=1 count=1 seek=9999999; dd if=/dev/urandom of=random bs=1M count=24; echo a > /scratch/a`;
  const TELL = `cd /data; find . -print | sort | while read f; do stat -c '%n %u:%g %f %h %s %Y' "$f"; done; readlink d/soft dangling out abs
    sha256sum d/f random sparse; stat -c '%i' d/f d/hard | uniq | wc -l; cat /scratch/a`;

  async function enxame(...argv: readonly string[]): Promise<string> {
    const io = fakeIo({ DOCKER_HOST: swarm.endpoint, HOME: '/nowhere' });
    expect([await runCli(argv, io), io.stderr()]).toEqual([0, '']);
    return io.stdout();
  }

  /** Puts a file with a capability into the volume: an archive carries it, and no command of busybox does. */
  async function putCapability(): Promise<void> {
    const { readable, controller } = createTarPacker();
    const pax = { 'SCHILY.xattr.security.capability': CAPABILITY };
    const file = controller.add({
      name: 'able',
      mode: 0o755,
      uid: 0,
      gid: 0,
      size: 0,
      mtime: new Date(0),
      type: 'file',
      pax,
    });
    await file.close();
    controller.finalize();
    const archive = await arrayBuffer(readable);
    const put = await fetch(`${swarm.endpoint.replace('tcp', 'http')}/containers/demo-db-1/archive?path=/data`, {
      method: 'PUT',
      body: archive,
    });
    expect(put.status).toBe(200);
  }

  async function hasCapability(): Promise<boolean> {
    const url = `${swarm.endpoint.replace('tcp', 'http')}/containers/demo-db-1/archive?path=/data/able`;
    return (await (await fetch(url)).text()).includes(`SCHILY.xattr.security.capability=${CAPABILITY}`);
  }

  function tell(): Promise<string> {
    return docker('exec', 'demo-db-1', 'sh', '-c', TELL);
  }

  async function containersPerNode(): Promise<readonly number[]> {
    const listed = await Promise.all(lab.nodes.map((node) => node.docker(['ps', '-aq'])));
    return listed.map(({ stdout }) => stdout.split('\n').filter(Boolean).length);
  }

  async function isCopying(): Promise<boolean> {
    const answer = await fetch(`${swarm.endpoint.replace('tcp', 'http')}/enxame/v1/moves`);
    const plans = (await answer.json()) as readonly RunView[];
    return plans.some(({ moves }) => moves.some(({ bytes }) => bytes > 0));
  }

  /** The first is killed while it copies, the next one is stopped politely, and the last one ends what was accepted. */
  async function moveUnderThreeManagers(name: string, to: string): Promise<void> {
    const server = lab.certificates?.server;
    if (!server) throw new Error('the lab has no certificates');
    const state = join(folder, 'state');
    await swarm.close();
    await lab.node(to).slow({ rateKbit: 30_000 });
    const tls = ['--tlsverify', '--tlscacert', server.ca, '--tlscert', server.cert, '--tlskey', server.key];
    const engines = lab.nodes.map(({ endpoint }) => endpoint).join(',');
    const own = ['--state-dir', state, '--cluster-opt', ...OPTIONS, '-H', 'tcp://127.0.0.1:0'];
    const killed = enxameProcess(['manage', ...tls, ...own, engines]);
    let client: EnxameProcess | undefined;
    try {
      const [, address = ''] = await killed.until(/Manager at tcp:\/\/(\S+)/);
      await waitFor('all nodes', () => (killed.said().match(/node is healthy/g) ?? []).length === 3, PATIENTLY);
      client = enxameProcess(['move', name, '--to', to, '--yes'], lab.dockerEnv(address));
      await client.until(/copying|copied/);
    } finally {
      await killed.end('SIGKILL');
      await client?.end('SIGKILL');
    }
    swarm = await managerOver(lab, OPTIONS, state);
    await waitFor('the volume to be copied anew', isCopying, PATIENTLY);
    await swarm.close();
    await lab.node(to).unslow();
    swarm = await managerOver(lab, OPTIONS, state);
    await waitFor(
      'the move',
      async () => (await docker('ps', '--format', '{{.Names}}')) === `${to}/${name}`,
      PATIENTLY,
    );
  }

  test('arrives as it was, and clients see one container', async () => {
    const path = join(folder, 'moving.yml');
    await writeFile(path, SERVICE);
    const compose = await composeWith('28.5', path);
    await compose('up', '-d');
    await docker('exec', 'demo-db-1', 'sh', '-c', FILL);
    await putCapability();
    const before = await tell();
    const id = await docker('ps', '-q', '--no-trunc');
    expect(await holders('demo_data')).toEqual(['old']);

    let isOver = false;
    const answers: number[] = [];
    const client = (async () => {
      while (!isOver) {
        const { exitCode } = await swarm.docker(['exec', 'demo-db-1', 'wget', '-qO-', 'http://127.0.0.1/']);
        if (exitCode === 0) answers.push(Date.now());
        await setTimeout(100);
      }
    })();
    expect(await enxame('move', 'demo-db-1', '--to', 'new', '--yes')).toContain('demo-db-1: old -> new: moved');
    isOver = true;
    await client;
    const gaps = answers.slice(1).map((ms, i) => ms - (answers[i] ?? ms));
    process.stderr.write(`a database of 34 MB moved: no answer for ${Math.max(...gaps)} ms\n`);

    expect(await tell()).toBe(before);
    expect(await hasCapability()).toBe(true);
    expect(await docker('ps', '-q', '--no-trunc')).toBe(id);
    expect((await inspect('demo_data')).Labels).toMatchObject({ tier: 'data' });
    expect(await holders('demo_data')).toEqual(['old', 'new']);
    expect((await swarm.docker(['volume', 'ls'])).stderr).not.toContain('is used');
    await compose('up', '-d');
    expect(await docker('ps', '-q', '--no-trunc')).toBe(id);

    // Engines before 28.5 lose the bit where there are hard links.
    await docker('exec', 'demo-db-1', 'chmod', '755', '/data/d/f');
    const plain = await tell();
    await moveUnderThreeManagers('demo-db-1', 'mid');
    expect(await tell()).toBe(plain);
    expect(await docker('ps', '-q', '--no-trunc')).toBe(id);
    expect(await holders('demo_data')).toEqual(['old', 'mid', 'new']);
    // What reached the volumes is gone everywhere.
    await waitFor('one container in all', async () => (await containersPerNode()).join() === '0,1,0', PATIENTLY);
  });

  test('goes with all containers that share it, and with what they share besides', async () => {
    await docker(
      'create',
      '--name',
      'data',
      '-v',
      '/scratch',
      '-v',
      'shared:/named',
      '-e',
      'constraint:node==~mid',
      'busybox',
      'true',
    );
    const always = ['run', '-d', '--restart', 'always', '--stop-signal', 'KILL', '--network', 'none'];
    await docker(...always, '--name', 'app', '--volumes-from', 'data', 'busybox', 'sleep', '3600');
    await docker(...always, '--name', 'backup', '-v', 'shared:/backup:ro', 'busybox', 'sleep', '3600');
    await docker('exec', 'app', 'sh', '-c', 'echo precious > /named/file; echo passing > /scratch/file');
    const ids = await docker('ps', '-aq', '--no-trunc');
    const plan = await enxame('move', 'app', '--to', 'new', '--dry-run');
    expect(plan).toMatch(/^Move: 3 to move, 0 to stay/);
    expect(plan).toMatch(/backup: mid -> new \(stop-first; it shares volumes with app; together with data, app/);
    await enxame('move', 'app', '--to', 'new', '--yes');
    expect(await docker('ps', '-aq', '--no-trunc')).toBe(ids);
    expect((await docker('ps', '-a', '--format', '{{.Names}} {{.State}}')).split('\n').sort()).toEqual([
      'new/app running',
      'new/backup running',
      'new/data created',
    ]);
    expect(await docker('exec', 'app', 'cat', '/named/file', '/scratch/file')).toBe('precious\npassing');
    expect(await docker('exec', 'backup', 'cat', '/backup/file')).toBe('precious');
    await docker('exec', 'app', 'sh', '-c', 'echo more >> /named/file');
    expect(await docker('exec', 'backup', 'cat', '/backup/file')).toBe('precious\nmore');
    await waitFor('the old copies to be gone', async () => (await containersPerNode()).join() === '0,0,3', PATIENTLY);
  });
});
