import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/common/clock.ts';
import { must, run } from '../../src/common/command.ts';
import type { Driver } from '../../src/drivers/driver.ts';
import { driver as generic } from '../../src/drivers/generic/generic.ts';
import { openJournal } from '../../src/drivers/journal.ts';
import { resolveOptions } from '../../src/drivers/option-values.ts';
import type { OptionValues } from '../../src/drivers/options.ts';
import { engineVersion } from '../../src/machine/access.ts';
import { createMachine } from '../../src/machine/create.ts';
import { Servers } from '../../src/machine/masters/servers.ts';
import { plainEngine } from '../../src/machine/record.ts';
import { openStore } from '../../src/machine/store.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import type { EngineSpec } from '../../src/provision/provisioner.ts';
import { testDriver } from '../conformance/driver.ts';
import type { TestHost } from '../hosts/host.ts';
import { EngineTrust } from '../hosts/trust.ts';
import { type HostWorld, openHostWorld } from '../hosts/world.ts';
import { enxame } from './enxame-process.ts';

let world: HostWorld;
let host: TestHost;
let trust: EngineTrust;
beforeAll(async () => {
  world = await openHostWorld((line) => process.stderr.write(`${line}\n`));
  trust = await EngineTrust.create(join(world.directory, 'trust'));
  host = await world.start({ name: 'hive' });
});
afterAll(() => world?.close());

const signal = new AbortController().signal;
const task = { signal, report: () => undefined };

/** The driver of a machine in `directory`, as a new process would open it. */
function open(directory: string, options: OptionValues): Driver {
  const env = { HOME: world.environment.home };
  return generic.open({
    name: 'hive',
    id: 'id',
    options: resolveOptions('generic', generic.options, options, env),
    env,
    tags: {},
    ports: [22, 2376],
    udpPorts: [],
    directory,
    journal: openJournal({ load: () => [], save: async () => undefined }, () => 'token'),
    report: () => undefined,
    change: (_call, make) => make(),
    lookup: (read) => read(),
    clock: systemClock,
  });
}

async function folder(): Promise<string> {
  return await mkdtemp(join(world.directory, 'driver-'));
}

const spec: EngineSpec = {
  name: 'hive',
  driver: 'generic',
  port: 2376,
  labels: { provider: 'generic' },
  options: [],
  env: [],
  insecureRegistries: [],
  registryMirrors: [],
};

/** The host with an engine on a port of its own; made once. */
let engine: Promise<Driver> | undefined;
function withEngine(): Promise<Driver> {
  engine ??= (async () => {
    const options = { 'generic-ip-address': host.address, 'generic-engine-port': 2399 };
    const machine = open(await folder(), options);
    if (typeof machine.provisioning === 'string') throw new Error('it has no provisioner');
    await machine.provisioning.provision(spec, await trust.server([host.address]), task);
    return machine;
  })();
  return engine;
}

testDriver('generic', async () => ({
  driver: generic,
  options: { 'generic-ip-address': host.address },
  env: { HOME: world.environment.home },
  isFixed: true,
  close: async () => undefined,
}));

describe('a host to set up', () => {
  it('is looked at before anything is changed there', async () => {
    await open(await folder(), { 'generic-ip-address': host.address }).check(signal);
    const stranger = open(await folder(), { 'generic-ip-address': host.address, 'generic-ssh-user': 'drone' });
    await expect(stranger.check(signal)).rejects.toMatchObject({ code: 'NO_SUDO' });
    const missing = open(await folder(), { 'generic-ip-address': host.address, 'generic-ssh-key': '~/.ssh/none' });
    await expect(missing.check(signal)).rejects.toThrow(/--generic-ssh-key: cannot read .*\/home\/\.ssh\/none/);
    expect((await host.exec('test', '-e', '/etc/docker')).exitCode).not.toBe(0);
  });

  it('keeps a copy of the key, for its owner only, and needs the file no more', async () => {
    const directory = await folder();
    const key = join(world.directory, 'handed-over');
    await writeFile(key, await readFile(world.keyPath), { mode: 0o600 });
    const options = { 'generic-ip-address': host.address, 'generic-ssh-user': 'bee', 'generic-ssh-key': key };
    await open(directory, options).create(signal);
    await rm(key);
    const { 'generic-ssh-key': _gone, ...stored } = options;
    const shell = await open(directory, stored).shell(signal);
    expect(shell).toMatchObject({ kind: 'ssh', user: 'bee', keyPath: join(directory, 'id') });
    expect((await stat(join(directory, 'id'))).mode & 0o777).toBe(0o600);
    await open(directory, stored).check(signal);
  });

  it('gets an engine on the port of the driver', async () => {
    const machine = await withEngine();
    expect(await machine.url(signal)).toBe(`tcp://${host.address}:2399`);
    expect(await trust.docker(host.address, ['info', '--format', '{{.Labels}}'], 2399)).toBe('[provider=generic]');
    expect(await host.shell('hostname')).toBe('hive\n');
  });

  it('is not ours to stop', async () => {
    const machine = open(await folder(), { 'generic-ip-address': host.address });
    await machine.start(signal);
    await expect(machine.stop(signal)).rejects.toThrow(/cannot be stopped from here/);
    await expect(machine.kill(signal)).rejects.toThrow(/cannot be killed from here/);
    expect(await machine.state(signal)).toBe('Running');
  });
});

describe('an engine to adopt', () => {
  beforeAll(async () => void (await withEngine()));

  const traces = 'cat /var/run/docker.pid; find /etc -newermt "@$(stat -c %Y /var/run/docker.pid)" -type f; hostname';

  it('is used over TLS with the certificates that were given, and nothing there changes', async () => {
    const directory = await folder();
    const before = await host.shell(traces);
    const options = { 'generic-ip-address': host.address, 'generic-engine-port': 2399, adopt: true };
    const machine = open(directory, { ...options, 'cert-path': trust.folder });
    expect(machine.provisioning).toBe('none');
    await machine.check(signal);
    await machine.create(signal);
    expect(await host.shell(traces)).toBe(before);
    const later = open(directory, options);
    expect(await later.url(signal)).toBe(`tcp://${host.address}:2399`);
    expect(await later.state(signal)).toBe('Running');
    expect(await later.clientCertificates?.(signal)).toMatchObject({ ca: trust.ca });
    await expect(later.restart(signal)).rejects.toThrow(/cannot be restarted from here/);
    await later.remove(signal);
    expect(await host.shell(traces)).toBe(before);
  });

  it('is refused with certificates of another, and says so', async () => {
    const stranger = await EngineTrust.create(join(world.directory, 'stranger'));
    const options = { 'generic-ip-address': host.address, 'generic-engine-port': 2399, adopt: true };
    const machine = open(await folder(), { ...options, 'cert-path': stranger.folder });
    await expect(machine.check(signal)).rejects.toMatchObject({
      code: 'ENGINE_TLS',
      message: expect.stringMatching(/does not take these certificates: .*Give --cert-path the folder/),
    });
  });

  it('is used through SSH although its host was never seen before', async () => {
    const known = join(world.environment.home, '.ssh', 'known_hosts');
    const before = await readFile(known, 'utf8');
    await rm(known);
    await open(await folder(), { 'generic-ip-address': host.address, adopt: true }).check(signal);
    expect(await readFile(known, 'utf8')).toContain(host.address);
    await writeFile(known, before);
  });

  it('is used through SSH without certificates', async () => {
    const machine = open(await folder(), { 'generic-ip-address': host.address, adopt: true });
    await machine.check(signal);
    expect(await machine.url(signal)).toBe(`ssh://root@${host.address}`);
    expect(await machine.clientCertificates?.(signal)).toBeUndefined();
  });

  it('must be there', async () => {
    const options = { 'generic-ip-address': host.address, adopt: true, 'cert-path': trust.folder };
    await expect(open(await folder(), options).check(signal)).rejects.toMatchObject({
      code: 'NO_ENGINE',
      message: expect.stringMatching(/^no engine to adopt at tcp:\/\/[\d.]+:2376: .*leave --adopt out/),
    });
  });

  it.each([
    { options: { 'cert-path': '/x' }, message: /--cert-path goes with --adopt only/ },
    { options: { adopt: true, 'generic-ssh-key': '/x' }, message: /put IdentityFile into/ },
    { options: { adopt: true, 'generic-set-hostname': true }, message: /leave --generic-set-hostname out/ },
  ])('refuses $options', async ({ options, message }) => {
    const directory = await folder();
    expect(() => open(directory, { 'generic-ip-address': host.address, ...options })).toThrow(message);
  });
});

describe('enxame machine create', () => {
  it('sets a host up whose engine docker uses with what the store has', async () => {
    const queen = await world.start({ name: 'queen' });
    const store = openStore(join(world.directory, 'store'));
    const context = {
      store,
      env: { HOME: world.environment.home },
      clock: systemClock,
      runSwarm: async () => undefined,
    };
    const request = {
      name: 'queen',
      driver: 'generic',
      options: { 'generic-ip-address': queen.address, 'generic-ssh-user': 'bee' },
      engine: { ...plainEngine(), labels: { zone: 'a' } },
      savesCredentials: false,
    };
    const stored = await createMachine(request, context, task);
    const url = `tcp://${queen.address}:2376`;
    expect(await engineVersion(stored, url, { timeoutMs: 60_000, signal })).toMatch(/^20\.10/);
    const env = { DOCKER_HOST: url, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: stored.tlsFolder };
    const labels = await must('docker', ['info', '--format', '{{json .Labels}}'], { env });
    expect(JSON.parse(labels).sort()).toEqual(['provider=generic', 'zone=a']);
  });

  it("does the same as a program, and logs in with our own SSH or the system's", async () => {
    const worker = await world.start({ name: 'worker' });
    const env = {
      HOME: world.environment.home,
      ENXAME_MACHINE_STORAGE_PATH: join(world.directory, 'program-store'),
      SSH_AUTH_SOCK: '',
    };
    const type = async (...words: readonly string[]): Promise<{ code: number | null; said: string }> => {
      const process = enxame(['machine', ...words], env);
      return { code: await process.ended(), said: process.said() };
    };
    const address = ['--generic-ip-address', worker.address];
    const refused = await type('create', '-d', 'generic', ...address, '--generic-ssh-user', 'drone', 'worker');
    expect(refused).toMatchObject({ code: 3, said: expect.stringMatching(/may not use sudo without a password/) });
    const key = ['--generic-ssh-key', world.keyPath];
    const swarm = ['--swarm', '--swarm-master', '--swarm-discovery', `nodes://${worker.address}:2376`];
    const made = await type('create', '-d', 'generic', ...address, ...key, ...swarm, 'worker');
    expect(made.code, made.said).toBe(0);
    expect((await type('ls', '-f', '{{.Name}} {{.State}} {{.Error}}')).said).toBe('worker Running \n');
    expect(await type('ssh', 'worker', 'hostname; exit 7')).toEqual({ code: 7, said: 'worker\n' });
    const native = await type('--native-ssh', 'ssh', 'worker', 'hostname; echo bad >&2; exit 7');
    expect(native).toEqual({ code: 7, said: expect.stringMatching(/^(worker\nbad\n|bad\nworker\n)$/) });

    // The agent of its service is heard by the manager on it, so that it takes strict containers.
    const image = (await worker.shell('docker images -q enxame')).trim();
    const certificates = join(env.ENXAME_MACHINE_STORAGE_PATH, 'machines', 'worker', 'tls');
    const client = {
      DOCKER_HOST: `tcp://${worker.address}:3376`,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: certificates,
    };
    const create = ['create', '--label', 'io.enxame.fence=strict', image];
    const isTaken = async (): Promise<boolean> => (await run('docker', create, { env: client })).exitCode === 0;
    await waitFor('an agent that is heard', isTaken, { everyMs: 500 });
    const service = 'systemctl show -p MainPID --value enxame-fence';
    const before = await worker.shell(service);
    await worker.shell('systemctl restart docker');
    expect(await worker.shell(service)).toBe(before);

    const [old, moved] = [worker.address, worker.address.replace(/\d+$/, '177')];
    await worker.shell(
      `ip addr add ${moved}/24 dev eth0; ip addr del ${old}/24 dev eth0; ip addr add ${moved}/24 dev eth0 || :`,
    );
    const told = await type('regenerate-certs', '-f', '--address', moved, 'worker');
    expect(told.code, told.said).toBe(0);
    expect((await type('ls', '-f', '{{.URL}} {{.State}} {{.Error}}')).said).toBe(`tcp://${moved}:2376 Running \n`);
    expect(await worker.shell(service)).not.toBe(before);
    expect(await worker.shell('cat /opt/enxame/fence-agent')).toContain(`'--fence-peer' '${moved}:2378'`);

    const removed = await type('rm', '-y', 'worker');
    expect(removed.code, removed.said).toBe(0);
    expect(await worker.shell('ls -d /opt/enxame /etc/systemd/system/enxame-* /run/enxame-* 2>/dev/null || :')).toBe(
      '',
    );
    await waitFor('the end of its guard', async () => (await worker.shell("pgrep -f '[g]uard-main' || :")) === '');
  });

  it('takes hosts into the mesh, which is up before their engines', { timeout: 900_000 }, async () => {
    const [open, far] = await Promise.all([world.start({ name: 'open' }), world.start({ name: 'far' })]);
    const storage = join(world.directory, 'store-of-the-mesh');
    const env = { HOME: world.environment.home, ENXAME_MACHINE_STORAGE_PATH: storage, SSH_AUTH_SOCK: '' };
    const type = async (...words: readonly string[]): Promise<string> => {
      const process = enxame(words, env);
      expect(await process.ended(), `${words.join(' ')}: ${process.said()}`).toBe(0);
      return process.said();
    };
    const swarm = ['--swarm', '--mesh', '--swarm-discovery', 'nodes://agent://open,agent://far'];
    const on = ({ address }: TestHost): readonly string[] => ['-d', 'generic', '--generic-ip-address', address];
    const reached = ['--swarm-master', '--mesh-public', `${open.address}:51820`];
    await type('machine', 'create', ...on(open), ...swarm, ...reached, 'open');
    expect(await type('machine', 'create', ...on(far), ...swarm, '--dry-run', 'far')).toMatch(
      /far: install wireguard-tools, .*\nfar: run enxame-mesh .*before the engine .*agent:\/\/far, udp 51820/,
    );
    await type('machine', 'create', ...on(far), ...swarm, '--generic-ssh-key', world.keyPath, 'far');
    // 0x948 is 2376, in state 0A: it listens.
    const listening = "grep -hiE ':0948 [0-9A-F:]+ 0A' /proc/net/tcp /proc/net/tcp6 || :";
    expect(await open.shell(listening)).toBe('');
    expect(await far.shell(listening)).toBe('');

    const client = {
      DOCKER_HOST: `tcp://${open.address}:3376`,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: join(storage, 'machines', 'open', 'tls'),
    };
    const mesh = async (...flags: readonly string[]): Promise<string> => {
      const shown = enxame(['mesh', ...flags], { ...env, ...client });
      await shown.ended();
      return shown.said();
    };
    const forLong = { timeoutMs: 240_000, everyMs: 500 };
    const isMeasured = async (): Promise<boolean> => /^far\s+open\s+direct\s+[\d.]+ ms/m.test(await mesh());
    await waitFor('a tunnel between them', isMeasured, forLong);
    const info = async (): Promise<string> => (await run('docker', ['info'], { env: client })).stdout;
    await waitFor('both nodes', async () => (await info()).split('Status: Healthy').length === 3, forLong);
    expect(await type('machine', 'ls', '-f', '{{.Name}} {{.Error}}')).toBe('far \nopen \n');
    expect(JSON.parse(await type('machine', 'inspect', 'far'))).toMatchObject({
      reach: 'ssh',
      swarm: { isMesh: true },
      mesh: [`${open.address}:3376`],
    });

    await keepsStrictWithoutManager(open, far, client);
    await usesDockerThroughSsh(far, storage, type);
    await type('machine', 'regenerate-certs', '-f', 'far');
    await type('machine', 'provision', 'far');
    expect(await far.shell(listening)).toBe('');

    // As after a start of the host: nothing of the mesh is there, and no manager answers.
    const again = `systemctl stop docker.socket docker enxame-mesh
ip link delete "$(ls /sys/class/net | grep ^enxame-)"
iptables -I OUTPUT -p tcp --dport 3376 -j DROP
systemctl start multi-user.target
systemctl start docker
ip -o -4 address show | grep -c enxame-
for unit in enxame-mesh docker; do systemctl show -p ActiveEnterTimestampMonotonic --value $unit; done
systemctl show -p ExecMainStartTimestampMonotonic --value docker
iptables -D OUTPUT -p tcp --dport 3376 -j DROP`;
    const [addresses, meshUp, , dockerBegun] = (await far.shell(again)).trim().split('\n').map(Number);
    expect(addresses).toBe(1);
    expect(meshUp).toBeLessThanOrEqual(dockerBegun ?? 0);
    await waitFor('the tunnel again', isMeasured, forLong);

    await type('machine', 'rm', '-y', 'far');
    const left =
      'ls -d /opt/enxame /etc/systemd/system/enxame-* /var/lib/enxame /sys/class/net/enxame-* 2>/dev/null || :';
    expect(await far.shell(`${left}; iptables -S | grep ENXAME || :`)).toBe('');
    await type('machine', 'rm', '-y', 'open');
  });

  it('makes several masters of hosts, whose store comes from their packages', { timeout: 1_200_000 }, async () => {
    const names = ['uma', 'duas', 'tres'] as const;
    const hosts = await Promise.all(names.map((name) => world.start({ name })));
    const addresses = hosts.map(({ address }) => address);
    const [uma, duas, tres] = hosts as [TestHost, TestHost, TestHost];
    const env = {
      HOME: world.environment.home,
      ENXAME_MACHINE_STORAGE_PATH: join(world.directory, 'store-of-masters'),
      SSH_AUTH_SOCK: '',
    };
    const type = async (...words: readonly string[]): Promise<string> => {
      const process = enxame(['machine', ...words], env);
      expect(await process.ended(), `machine ${words.join(' ')}: ${process.said()}`).toBe(0);
      return process.said();
    };
    const swarm = ['--swarm', '--swarm-master', '--swarm-discovery', `nodes://${addresses.map((a) => `${a}:2376`)}`];
    const createOf = (name: string, { address }: TestHost): readonly string[] => [
      'create',
      '-d',
      'generic',
      '--generic-ip-address',
      address,
      ...swarm,
      name,
    ];
    const create = (name: string, host: TestHost): Promise<string> => type(...createOf(name, host));
    const stored = () => openStore(env.ENXAME_MACHINE_STORAGE_PATH).load('uma');
    /** Machines whose servers have a vote. */
    const members = async (): Promise<readonly string[]> => {
      const servers = await Servers.at([uma.address], await stored());
      try {
        const voters = (await servers.look(signal)).filter(({ isLearner }) => !isLearner);
        return voters.map(({ name }) => name.split('-')[0] ?? '').sort();
      } finally {
        await servers.close();
      }
    };
    const docker = async ({ address }: TestHost, ...words: readonly string[]): Promise<string> => {
      const tls = join(env.ENXAME_MACHINE_STORAGE_PATH, 'machines', 'uma', 'tls');
      return await must('docker', words, {
        env: { DOCKER_HOST: `tcp://${address}:3376`, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: tls },
      });
    };
    const shown = async (): Promise<string> => (await type('ls', '-f', '{{.Swarm}} {{.Error}}')).trim();

    await create('uma', uma);
    const image = (await uma.shell('docker images -q enxame')).trim();
    await docker(uma, 'create', '--name', 'kept', '-e', 'constraint:node==uma', image);

    // A server that cannot be started is none: the first master goes on alone, and the second leaves no dead member.
    const refusedBy = async (host: TestHost): Promise<string> => {
      const isHeld = async (): Promise<boolean> => (await host.exec('test', '-s', '/run/held.pid')).exitCode === 0;
      await host.shell('/usr/sbin/sshd -p 2380 -o PidFile=/run/held.pid');
      await waitFor('the port to be taken', isHeld);
      const failed = enxame(['machine', ...createOf('tres', tres)], env);
      expect(await failed.ended(), failed.said()).toBe(1);
      expect(failed.said()).toContain('TCP port 2380 is taken by another program');
      await host.shell('kill "$(cat /run/held.pid)"');
      await waitFor('the port to be free', async () => !(await isHeld()));
      return failed.said();
    };
    await refusedBy(uma);
    expect((await stored()).record).toMatchObject({ replicated: false });
    expect((await stored()).record).not.toHaveProperty('etcd');
    expect(await refusedBy(tres)).toContain('uma: handing the records of the cluster over');
    expect(await members()).toEqual(['uma']);

    // Both at once: servers become members one after the other.
    await Promise.all([create('duas', duas), create('tres', tres)]);
    await expect.poll(members).toEqual(['duas', 'tres', 'uma']);
    // Managers begin anew, and hear of each other, while their machines are made.
    const roles = async () => (await shown()).match(/primary|replica/g)?.sort();
    await expect.poll(roles).toEqual(['primary', 'replica', 'replica']);
    for (const host of hosts) {
      const listed = ['ps', '-a', '--filter', 'name=kept', '--format', '{{.Names}}'];
      await expect.poll(() => docker(host, ...listed).catch(String)).toMatch(/kept\s*$/);
      const units = 'systemctl is-active enxame-etcd; systemctl is-enabled etcd || :; dpkg-query -W etcd-server';
      expect(await host.shell(units)).toMatch(/^active\ndisabled\netcd-server\s+3\./);
    }

    await type('regenerate-certs', '-f', ...names);
    await type('upgrade', 'duas');
    await expect.poll(() => docker(duas, 'inspect', '-f', '{{.Name}}', 'kept').catch(() => '')).toMatch(/kept/);

    expect(await type('rm', '-y', 'duas')).toContain("removing the store's server duas-");
    expect(await duas.shell('ls -d /etc/systemd/system/enxame-etcd* /var/lib/enxame-etcd 2>/dev/null || :')).toBe('');
    // The primary may have been on the one that went.
    const remove = () => docker(tres, 'rm', '-f', 'kept').catch(String);
    await expect.poll(remove).toMatch(/^kept\s*$|No such container/);
  });

  it('leaves a host that refuses us as it was, and says why', async () => {
    const store = openStore(join(world.directory, 'store'));
    const context = {
      store,
      env: { HOME: world.environment.home },
      clock: systemClock,
      runSwarm: async () => undefined,
    };
    const options = { 'generic-ip-address': host.address, 'generic-ssh-user': 'drone' };
    const request = { name: 'drone', driver: 'generic', options, engine: plainEngine(), savesCredentials: false };
    await expect(createMachine(request, context, task)).rejects.toThrow(
      /^Error with pre-create check: drone@.* may not use sudo/,
    );
  });
});

/** A strict container lives on while the manager is gone: the agents ask each other, over the mesh alone. */
async function keepsStrictWithoutManager(
  open: TestHost,
  far: TestHost,
  client: Readonly<Record<string, string>>,
): Promise<void> {
  const forLong = { timeoutMs: 240_000, everyMs: 500 };
  const docker = async (...words: readonly string[]): Promise<string> =>
    (await must('docker', words, { env: client })).trim();
  const image = (await far.shell('docker images -q enxame')).trim();
  const forEver = ['--entrypoint', 'node', image, '-e', 'setInterval(() => {}, 1e9)'];
  const strict = ['--label', 'io.enxame.fence=strict', '-e', 'constraint:node==far', '--name', 'strict'];
  const run = (): Promise<string> => docker('run', '-d', ...strict, ...forEver);
  const id = await waitFor('an agent that is heard', () => run().catch(() => undefined), forLong);
  const began = await docker('inspect', '-f', '{{.State.StartedAt}}', id);

  // 0x94A is 2378: nowhere but at the address in the mesh.
  const at =
    "grep -hiE ':094A [0-9A-F:]+ 0A' /proc/net/tcp /proc/net/tcp6 | wc -l; grep -hiE ' 0+:094A [0-9A-F:]+ 0A' /proc/net/tcp /proc/net/tcp6 | wc -l";
  for (const host of [open, far]) expect((await host.shell(at)).split('\n').slice(0, 2)).toEqual(['1', '0']);
  const toldOf = async (): Promise<string> =>
    await far.shell("grep -o \"'--fence-peer' '[^']*'\" /opt/enxame/fence-agent");
  expect(await toldOf()).toBe("'--fence-peer' 'mesh:2378'\n");

  const manager = (await open.shell('docker ps -q --filter name=swarm-agent-master')).trim();
  const fenceMs = 10_000;
  const goneMs = Number((await far.shell('cut -d" " -f1 /proc/uptime')).trim()) * 1_000;
  await open.shell(`docker stop -t 1 ${manager}`);
  const isRenewed = async (): Promise<boolean> =>
    (JSON.parse(await far.shell('cat /run/enxame-fence.json')) as { untilMs: number }).untilMs > goneMs + 3 * fenceMs;
  await waitFor('a lease without a manager', isRenewed, forLong);
  const state = "docker ps -a --no-trunc --format '{{.ID}} {{.State}}'";
  expect(await far.shell(state)).toContain('running');
  await open.shell(`docker start ${manager}`);
  await waitFor(
    'the manager',
    () => docker('inspect', '-f', '{{.State.Status}}', 'strict').catch(() => undefined),
    forLong,
  );
  expect(await docker('inspect', '-f', '{{.State.Status}} {{.State.StartedAt}}', 'strict')).toBe(`running ${began}`);
  await docker('rm', '-f', 'strict');
}

/** `env`, `config`, `url` and `version` of a machine whose engine has no port, with the docker CLI, whose `ssh` reads the home of this test. */
async function usesDockerThroughSsh(
  { address }: TestHost,
  storage: string,
  type: (...words: readonly string[]) => Promise<string>,
): Promise<void> {
  const { home } = world.environment;
  const url = `ssh://root@${address}:22`;
  expect(await type('machine', 'url', 'far')).toBe(`${url}\n`);
  const include = `Include "${join(storage, 'machines', '*', 'ssh_config')}"`;
  const told = await type('machine', 'env', '--shell', 'bash', 'far');
  expect(told).toContain(include);
  expect(await type('machine', 'context', 'far')).toContain(include);
  expect(told).toContain(`export DOCKER_HOST="${url}"`);
  expect(told).not.toContain('DOCKER_TLS_VERIFY="1"');
  const config = join(home, '.ssh', 'config');
  const before = await readFile(config, 'utf8').catch(() => '');
  const bin = await folder();
  // OpenSSH takes the home of the account, whatever $HOME says.
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\nPATH=$\{PATH#*:}; exec ssh -F '${config}' "$@"\n`, { mode: 0o755 });
  await writeFile(config, `${include}\n${before}`);
  try {
    expect(await type('machine', 'config', 'far')).toBe(`-H=${url}\n`);
    const version = (await type('machine', 'version', 'far')).trim();
    const env = { DOCKER_HOST: url, PATH: `${bin}:${process.env.PATH}` };
    const asked = ['version', '--format', '{{.Server.Version}}'];
    expect(await must('docker', asked, { env })).toBe(`${version}\n`);
    const throughContext = { PATH: env.PATH, DOCKER_CONFIG: join(home, '.docker') };
    expect(await must('docker', ['--context', 'far', ...asked], { env: throughContext })).toBe(`${version}\n`);
    expect(await type('machine', 'ls', '--filter', 'name=far', '-f', '{{.URL}} {{.DockerVersion}}')).toBe(
      `${url} v${version}\n`,
    );
  } finally {
    await writeFile(config, before);
  }
}
