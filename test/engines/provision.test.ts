import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../src/common/command.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import type { EngineSpec, ServerCertificates, Task } from '../../src/provision/provisioner.ts';
import { sshProvisioner } from '../../src/provision/ssh-provisioner.ts';
import type { TestHost } from '../hosts/host.ts';
import { EngineTrust } from '../hosts/trust.ts';
import { type HostWorld, openHostWorld } from '../hosts/world.ts';

/** What docker-machine left on a host it once set up. */
const OLD_DROP_IN = `[Service]
ExecStart=
ExecStart=/usr/bin/dockerd -H tcp://0.0.0.0:2376 -H unix:///var/run/docker.sock --tlsverify --label provider=generic
Environment=
`;

/** A host that has seen some life: settings of its owner, a firewall, a service of docker-machine. */
const LIVED_IN = `mkdir -p /etc/docker /etc/systemd/system/docker.service.d
echo '{"log-opts": {"max-size": "7m"}, "labels": ["rack=4", "tier=old"]}' >/etc/docker/daemon.json
cat >/etc/systemd/system/docker.service.d/10-machine.conf <<'E'
${OLD_DROP_IN}E
cat >/usr/local/sbin/ufw <<'E'
#!/bin/sh
case $1 in
status) printf 'Status: active\\n\\n'; cat /var/lib/ufw-allowed 2>/dev/null ;;
allow) echo "$2  ALLOW  Anywhere" >>/var/lib/ufw-allowed ;;
esac
E
chmod +x /usr/local/sbin/ufw
`;

const spec: EngineSpec = {
  name: 'queen',
  driver: 'generic',
  port: 2376,
  labels: { provider: 'generic', tier: 'new' },
  options: ['log-level=warn'],
  env: ['HTTP_PROXY=http://127.0.0.1:9/%41"x y"'],
  insecureRegistries: ['10.0.0.9:5000'],
  registryMirrors: [],
};

interface Info {
  readonly Labels: readonly string[];
  readonly Name: string;
  readonly HttpProxy: string;
  readonly LiveRestoreEnabled: boolean;
  readonly RegistryConfig: { readonly InsecureRegistryCIDRs: readonly string[]; readonly IndexConfigs: object };
}

let world: HostWorld;
let trust: EngineTrust;
beforeAll(async () => {
  world = await openHostWorld((line) => process.stderr.write(`${line}\n`));
  trust = await EngineTrust.create(join(world.directory, 'trust'));
});
afterAll(() => world?.close());

const signal = new AbortController().signal;

/** What a driver would say of that host. */
function shellOf(host: TestHost, user = 'root'): Parameters<typeof sshProvisioner>[0] {
  return {
    shell: async () => ({ kind: 'ssh', host: host.address, port: 22, user }),
    url: async () => `tcp://${host.address}:2376`,
  };
}

/** Provisions and answers what was reported. */
async function provision(
  host: TestHost,
  certificates: ServerCertificates,
  {
    user = 'root',
    ...options
  }: { user?: string; setsHostname?: boolean; spec?: EngineSpec; task?: Partial<Task> } = {},
): Promise<readonly string[]> {
  const said: string[] = [];
  const provisioner = sshProvisioner(shellOf(host, user), {
    environment: world.environment,
    waitMs: 1_000,
    ...options,
  });
  const task = { signal, report: (text: string) => void said.push(text), ...options.task };
  await provisioner.provision(options.spec ?? spec, certificates, task);
  return said;
}

const pidOf = (host: TestHost): Promise<string> => host.shell('cat /var/run/docker.pid');

describe('a Debian host with systemd', () => {
  let host: TestHost;
  let certificates: ServerCertificates;
  const docker = (...args: readonly string[]): Promise<string> => trust.docker(host.address, args);

  let said: readonly string[];
  beforeAll(async () => {
    host = await world.start({ name: 'lived-in', prepare: LIVED_IN });
    certificates = await trust.server([host.address]);
    said = await provision(host, certificates);
  });

  /** Whatever the test before made of it. */
  beforeEach(() => provision(host, certificates));

  it('tells from which address this computer logs in', async () => {
    const task = { signal, report: () => undefined };
    const provisioner = sshProvisioner(shellOf(host), { environment: world.environment, waitMs: 1_000 });
    const address = await provisioner.clientAddress?.(task);
    expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    // This side of the network that the host is on.
    expect(address?.split('.').slice(0, 3)).toEqual(host.address.split('.').slice(0, 3));
    expect(address).not.toBe(host.address);
  });

  it('gets an engine that is used over TLS', async () => {
    expect(said[0]).toMatch(/^installing the engine on Debian GNU\/Linux 12/);
    expect(await docker('version', '--format', '{{.Server.Version}}')).toMatch(/^20\.10/);
    const info = JSON.parse(await docker('info', '--format', '{{json .}}')) as Info;
    expect([...info.Labels].sort()).toEqual(['provider=generic', 'rack=4', 'tier=new']);
    expect(info.HttpProxy).toBe('http://127.0.0.1:9/%41"x y"');
    expect(Object.keys(info.RegistryConfig.IndexConfigs)).toContain('10.0.0.9:5000');
    expect(info.Name).toBe('lived-in');
    expect(await host.shell('stat -c "%a %U" /etc/docker/server-key.pem')).toBe('600 root\n');
    expect(await host.shell('docker version >/dev/null && ps -o args= -C dockerd')).toMatch(/-H fd:\/\/|-H=fd:/);
    expect(JSON.parse(await host.shell('cat /etc/docker/daemon.json'))['log-opts']).toEqual({ 'max-size': '7m' });
    expect(await host.shell('cat /var/lib/ufw-allowed')).toBe('2376/tcp  ALLOW  Anywhere\n');
    // A host that was not known is remembered.
    const known = await readFile(join(world.environment.home, '.ssh', 'known_hosts'), 'utf8');
    expect(known.split('\n').filter((line) => line.startsWith(`${host.address} ssh-ed25519 `))).toHaveLength(1);
  });

  it('refuses whoever has no certificate of ours', async () => {
    const other = await EngineTrust.create(join(world.directory, 'other'), trust.ca);
    // A client that is still writing sees the connection reset, and not why.
    await expect(other.docker(host.address, ['version'])).rejects.toThrow(/certificate|connection reset by peer/);
  });

  it('is left alone when nothing is different', async () => {
    const before = await pidOf(host);
    const files = 'cd /etc/docker && stat -c "%n %Y %a" * ../systemd/system/docker.service.d/*';
    const there = await host.shell(files);
    expect(await provision(host, certificates)).toEqual([]);
    expect(await pidOf(host)).toBe(before);
    expect(await host.shell(files)).toBe(there);
    expect(await host.shell('cat /var/lib/ufw-allowed')).toBe('2376/tcp  ALLOW  Anywhere\n');
  });

  it('is restarted when an earlier run was cut off before that', async () => {
    const before = await pidOf(host);
    await host.shell('touch -d "+1 second" /etc/docker/enxame.json');
    expect(await provision(host, certificates)).toEqual(['starting the engine']);
    expect(await pidOf(host)).not.toBe(before);
  });

  it('takes back what is not wanted any more', async () => {
    await provision(host, certificates, { spec: { ...spec, labels: { provider: 'generic' }, insecureRegistries: [] } });
    const settings = JSON.parse(await host.shell('cat /etc/docker/daemon.json'));
    expect(settings.labels).toEqual(['rack=4', 'provider=generic']);
    expect(settings).not.toHaveProperty('insecure-registries');
  });

  it('gets new certificates while its containers run on', async () => {
    await host.shell(
      'rm -rf /tmp/i && mkdir /tmp/i && cp /bin/sleep /tmp/i/ && cp --parents $(ldd /bin/sleep | grep -o "/[^ ]*") /tmp/i/',
    );
    await host.shell(
      'tar -C /tmp/i -c . | docker import - tiny; docker rm -f bee 2>/dev/null || :; docker run -d --name bee tiny /sleep 1000',
    );
    const state = (): Promise<string> => docker('inspect', '--format', '{{.State.Pid}} {{.State.StartedAt}}', 'bee');
    const [before, settings, engine] = [
      await state(),
      await host.shell('cat /etc/docker/daemon.json'),
      await pidOf(host),
    ];
    const fresh = await trust.server([host.address, 'queen.example']);
    const provisioner = sshProvisioner(shellOf(host), { environment: world.environment });
    expect(await provisioner.restartsContainers?.({ signal, report: () => undefined })).toBe(false);
    await provisioner.replaceCertificates(spec, fresh, { signal, report: () => undefined });
    expect(await state()).toBe(before);
    expect(await pidOf(host)).not.toBe(engine);
    expect(await host.shell('cat /etc/docker/daemon.json')).toBe(settings);
    expect((JSON.parse(await docker('info', '--format', '{{json .}}')) as Info).LiveRestoreEnabled).toBe(false);
    certificates = fresh;
    await docker('rm', '-f', 'bee');
  });

  it('is brought up to date from where its engine came from', async () => {
    const provisioner = sshProvisioner(shellOf(host), { environment: world.environment });
    await provisioner.upgrade(spec, { signal, report: () => undefined });
    expect(await docker('version', '--format', '{{.Server.Version}}')).toMatch(/^20\.10/);
  });

  it('says what dockerd says when it does not start', async () => {
    const wrong = { ...spec, options: ['storage-opt=nonsense=1'] };
    await expect(provision(host, certificates, { spec: wrong })).rejects.toMatchObject({
      step: 'starting the engine',
      message: expect.stringMatching(
        /^starting the engine on root@[\d.]+ failed \(exit code 1\): [^|]*.*unknown option nonsense$/,
      ),
    });
    await provision(host, certificates);
    expect(await docker('version', '--format', '{{.Server.Version}}')).toMatch(/^20\.10/);
  });
});

describe('a host without an init system, through sudo', () => {
  it('can be cut off in the middle and gone on with', async () => {
    const host = await world.start({ name: 'plain', init: 'none' });
    const certificates = await trust.server([host.address]);
    // As if the power had failed in the middle: files are there, nothing is configured, and what it needs is missing.
    await host.shell(
      'apt-get -qq update && cd /tmp && apt-get -qq download docker.io && dpkg --force-depends --unpack docker.io*',
    );
    const stop = new AbortController();
    const report = (text: string): void => {
      if (text.startsWith('installing')) setTimeout(() => stop.abort(new Error('told to stop')), 1500);
    };
    const cut = provision(host, certificates, { user: 'bee', task: { signal: stop.signal, report } });
    await expect(cut).rejects.toThrow('told to stop');
    await provision(host, certificates, { user: 'bee', setsHostname: true });
    const info = JSON.parse(await trust.docker(host.address, ['info', '--format', '{{json .}}'])) as Info;
    expect([...info.Labels].sort()).toEqual(['provider=generic', 'tier=new']);
    expect(info.Name).toBe('queen');
    const before = await pidOf(host);
    expect(await provision(host, certificates, { user: 'bee', setsHostname: true })).toEqual([]);
    expect(await pidOf(host)).toBe(before);
    const fresh = await trust.server([host.address]);
    const provisioner = sshProvisioner(shellOf(host, 'bee'), { environment: world.environment });
    await provisioner.replaceCertificates(spec, fresh, { signal, report: () => undefined });
    expect(await trust.docker(host.address, ['version', '--format', '{{.Server.Version}}'])).toMatch(/^20\.10/);
  });
});

describe('a host in the way', () => {
  let host: TestHost;
  let certificates: ServerCertificates;
  beforeAll(async () => {
    host = await world.start({ name: 'stubborn', init: 'none' });
    certificates = await trust.server([host.address]);
    await host.shell('mkdir /kept && cp -L /etc/os-release /etc/apt/sources.list /kept/');
  });

  /** The host as it was, wherever the test ended. */
  afterEach(() =>
    host.shell(`! [ -e /usr/bin/sudo.away ] || mv /usr/bin/sudo.away /usr/bin/sudo
! [ -e /run/holder ] || kill "$(cat /run/holder)" || :
rm -f /run/holder
! grep -q ' /var tmpfs ' /proc/mounts || umount /var
cat /kept/sources.list >/etc/apt/sources.list
cat /kept/os-release >/etc/os-release`),
  );

  it.each([
    { user: 'drone', message: /may not use sudo without a password.* as root: echo 'drone ALL=/ },
    { user: 'wasp', message: /may not use sudo without a password/ },
  ])('refuses $user', async ({ user, message }) => {
    await expect(provision(host, certificates, { user })).rejects.toMatchObject({
      code: 'NO_SUDO',
      message: expect.stringMatching(message),
    });
  });

  it('has no sudo at all', async () => {
    await host.shell('mv /usr/bin/sudo /usr/bin/sudo.away');
    await expect(provision(host, certificates, { user: 'drone' })).rejects.toThrow(/there is no sudo: log in as root/);
  });

  it('does not know our key', async () => {
    const key = join(world.directory, 'wrong-key');
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const shell = { kind: 'ssh', host: host.address, port: 22, user: 'root', keyPath: key } as const;
    const driver = { ...shellOf(host), shell: async () => shell };
    const provisioner = sshProvisioner(driver, { environment: world.environment, waitMs: 0 });
    const failed = provisioner.provision(spec, certificates, { signal, report: () => undefined });
    await expect(failed).rejects.toMatchObject({ code: 'SSH_AUTH', message: expect.stringMatching(/1 key refused/) });
  });

  it('is another one than before', async () => {
    const [file, line] = [join(world.directory, 'known'), await host.shell('cat /etc/ssh/ssh_host_ed25519_key.pub')];
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(world.directory, 'other-host')]);
    const other = await must('cat', [join(world.directory, 'other-host.pub')]);
    expect(other).not.toBe(line);
    await must('sh', ['-c', `echo "$0 $1" >"$2"`, host.address, other.trim(), file]);
    const shell = { kind: 'ssh', host: host.address, port: 22, user: 'root', knownHostsPath: file } as const;
    const provisioner = sshProvisioner(
      { ...shellOf(host), shell: async () => shell },
      { environment: world.environment },
    );
    const failed = provisioner.provision(spec, certificates, { signal, report: () => undefined });
    await expect(failed).rejects.toMatchObject({ code: 'SSH_HOST_KEY' });
  });

  it('does not answer', async () => {
    const address = host.address.replace(/\d+$/, '9');
    const away = { ...host, address };
    const stop = AbortSignal.timeout(60_000);
    await expect(provision(away, certificates, { task: { signal: stop } })).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: expect.stringMatching(/EHOSTUNREACH.*\. Check that the machine runs and that port 22/),
    });
  });

  it('has another package manager at work', async () => {
    const hold = `open F, ">/var/lib/dpkg/lock-frontend"; $l = pack("s s x4 l! l! i", 1, 0, 0, 0, 0); fcntl(F, 6, $l) or die $!; open P, ">/run/holder"; print P $$; close P; sleep 1000`;
    await host.shell(`setsid --fork perl -e '${hold}' >/dev/null 2>&1`);
    await waitFor('the lock', async () => (await host.exec('test', '-s', '/run/holder')).exitCode === 0);
    const stop = new AbortController();
    const report = (text: string): void => {
      if (text.startsWith('waiting for another package manager')) stop.abort(new Error('it waits'));
    };
    await expect(provision(host, certificates, { task: { signal: stop.signal, report } })).rejects.toThrow('it waits');
  });

  it('cannot fetch packages: the step and what it said are told', async () => {
    await host.shell(
      'echo "deb [trusted=yes] http://127.0.0.1:9/ ./" >/etc/apt/sources.list; rm -rf /var/lib/apt/lists/*',
    );
    await expect(provision(host, certificates)).rejects.toMatchObject({
      step: 'installing the engine',
      output: expect.arrayContaining([expect.stringMatching(/Unable to locate package|has no installation candidate/)]),
      message: expect.stringMatching(/^installing the engine on root@[\d.]+ failed \(exit code 100\): /),
    });
  });

  it('has a full disk', async () => {
    await host.shell('mount -t tmpfs -o size=1m tmpfs /var');
    await expect(provision(host, certificates)).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  it('runs something unknown', async () => {
    await host.shell('printf "ID=haiku\\nPRETTY_NAME=\\"Haiku R1\\"\\n" >/etc/os-release');
    await expect(provision(host, certificates)).rejects.toMatchObject({
      code: 'UNSUPPORTED_OS',
      message: expect.stringMatching(/runs Haiku R1; .*--adopt/),
    });
  });
});
