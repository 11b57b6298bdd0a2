import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/common/clock.ts';
import type { Driver } from '../../src/drivers/driver.ts';
import { openJournal, type Resource } from '../../src/drivers/journal.ts';
import { resolveOptions } from '../../src/drivers/option-values.ts';
import { driver as qemu } from '../../src/drivers/qemu/qemu.ts';
import { openRemote } from '../../src/provision/open-remote.ts';
import { reboot } from '../../src/provision/reboot.ts';
import { behind } from '../../src/provision/remote.ts';
import { sshProvisioner } from '../../src/provision/ssh-provisioner.ts';
import { testDriver } from '../conformance/driver.ts';
import { type PackageServer, servePackages } from '../hosts/package-server.ts';
import { ensureTree } from '../hosts/tree.ts';
import { EngineTrust } from '../hosts/trust.ts';
import { ensureVmImage, type VmImage } from './image.ts';

const signal = new AbortController().signal;

let image: VmImage;
beforeAll(async () => {
  image = await ensureVmImage((line) => process.stderr.write(`${line}\n`));
}, 1_200_000);

/** Virtual machines of that name that run. */
async function running(name: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(`guest=${name}\0`));
}

// Its machines start no system: what is tested is what surrounds one.
testDriver('qemu', async () => ({
  driver: qemu,
  options: { 'qemu-image': image.disk, 'qemu-accelerator': 'tcg', 'qemu-memory': 128, 'qemu-stop-seconds': 1 },
  env: {},
  existing: () => running('conformance'),
  close: async () => undefined,
}));

describe('a virtual machine', () => {
  let folder: string;
  let packages: PackageServer;
  let machine: Driver;
  const timings: Record<string, number> = {};

  beforeAll(async () => {
    folder = await mkdtemp('/var/tmp/enxame-vm-');
    const tree = await ensureTree((line) => process.stderr.write(`${line}\n`));
    packages = await servePackages(tree.packages, '127.0.0.1');
    let resources: readonly Resource[] = [];
    const options = {
      'qemu-image': image.disk,
      'qemu-kernel': image.kernel,
      'qemu-initrd': image.initrd,
      'qemu-append': image.append,
      'qemu-memory': 1024,
    };
    machine = qemu.open({
      name: 'vm-bee',
      id: `vm${Date.now()}`,
      options: resolveOptions('qemu', qemu.options, options, {}),
      env: {},
      tags: {},
      ports: [22, 2376],
      udpPorts: [],
      directory: folder,
      journal: openJournal(
        {
          load: () => resources,
          save: async (next) => {
            resources = next;
          },
        },
        () => `t${resources.length}`,
      ),
      report: (text) => process.stderr.write(`${text}\n`),
      change: (_call, make) => make(),
      lookup: (read) => read(),
      clock: systemClock,
    });
  }, 1_200_000);

  afterAll(async () => {
    process.stderr.write(`seconds: ${JSON.stringify(timings)}\n`);
    await machine?.remove(signal);
    await packages?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const answer = await work();
    timings[what] = Math.round((performance.now() - start) / 100) / 10;
    return answer;
  };

  it('starts, gets an engine over SSH and is used over TLS', async () => {
    const trust = await EngineTrust.create(join(folder, 'trust'));
    await machine.check(signal);
    await timed('create', () => machine.create(signal));
    expect(await machine.state(signal)).toBe('Running');
    const task = { signal, report: (text: string) => void process.stderr.write(`${text}\n`) };
    await timed('ssh', async () => {
      const remote = await waitForRemote();
      const root = behind(remote, 'sudo -n');
      const source = packages.source.replace('127.0.0.1', '10.0.2.2');
      const { output } = await root.run(`echo '${source}' >/etc/apt/sources.list; hostname`, { signal });
      expect(output.trim()).toBe('vm-bee');
      await remote.close();
    });
    const spec = {
      name: 'vm-bee',
      driver: 'qemu',
      port: 2376,
      labels: await machine.labels(signal),
      ...{ options: [], env: [], insecureRegistries: [], registryMirrors: [] },
    };
    const provisioner = sshProvisioner(machine, { environment: { home: folder } });
    const certificates = await trust.server([await machine.ip(signal)]);
    await timed('provision', () => provisioner.provision(spec, certificates, task));
    await timed('provision again', () => provisioner.provision(spec, certificates, task));
    const labels = await trust.docker(await machine.ip(signal), ['info', '--format', '{{json .Labels}}']);
    expect(JSON.parse(labels).sort()).toEqual(['instance-type=2cpu-1024mb', 'provider=qemu']);
  }, 1_800_000);

  it('shuts down through its own system and comes back with its engine', async () => {
    const running = await waitForRemote();
    const witness = `systemd-run -p RemainAfterExit=yes -p 'ExecStop=/bin/sh -c "touch /var/tmp/asked; sync"' /bin/true`;
    expect(await behind(running, 'sudo -n').run(witness, { signal })).toMatchObject({ exit: 0 });
    await running.close();
    await timed('stop', () => machine.stop(signal));
    expect(await machine.state(signal)).toBe('Stopped');
    await machine.start(signal);
    await timed('ssh after start', async () => (await waitForRemote()).close());
    const remote = await waitForRemote();
    const { output } = await behind(remote, 'sudo -n').run('docker info --format {{.Driver}}; ls /var/tmp/asked', {
      signal,
    });
    expect(output.trim()).toBe('overlay2\n/var/tmp/asked');
    await remote.close();
  }, 1_800_000);

  it('restarts from inside, as a host that is not ours to start does', async () => {
    const boot = async (): Promise<string> => {
      const remote = await waitForRemote();
      const { output } = await remote.run('cat /proc/sys/kernel/random/boot_id', { signal });
      await remote.close();
      return output;
    };
    const before = await boot();
    const task = { signal, report: () => undefined };
    await timed('reboot', () => reboot(waitForRemote, task, systemClock));
    expect(await boot()).not.toBe(before);
  }, 1_800_000);

  async function waitForRemote(): ReturnType<typeof openRemote> {
    for (let tries = 0; ; tries += 1) {
      const shell = await machine.shell(signal);
      if (shell === undefined) throw new Error('it has no shell');
      try {
        return await openRemote(shell, signal, { home: folder });
      } catch (error) {
        if (tries > 300) throw error;
        await systemClock.sleep(1000, signal);
      }
    }
  }
});
