import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type DriverWorld, testDriver } from '../../../test/conformance/driver.ts';
import { vboxManage as fakeVBoxManage } from '../../../test/fakes/vbox-manage.mjs';
import { systemClock } from '../../common/clock.ts';
import type { Driver, DriverContext, DriverModule } from '../driver.ts';
import { openJournal, type Resource } from '../journal.ts';
import { resolveOptions } from '../option-values.ts';
import type { OptionValues } from '../options.ts';
import { VirtualBoxDriver } from './driver.ts';
import type { VirtualBoxOptions } from './options.ts';
import { answerOf, readInfo } from './vbox-manage.ts';
import { driver as virtualbox } from './virtualbox.ts';

const signal = new AbortController().signal;
const PROGRAM = fileURLToPath(new URL('../../../test/fakes/vbox-manage.mjs', import.meta.url));

interface Vm {
  readonly state: string;
  readonly hardware: Readonly<Record<string, string>>;
  readonly controllers: Readonly<
    Record<string, { readonly media: Readonly<Record<string, { readonly medium: string }>> }>
  >;
  readonly extra: Readonly<Record<string, string>>;
}

interface State {
  readonly vms: Readonly<Record<string, Vm>>;
  readonly disks: Readonly<Record<string, number>>;
  readonly interfaces: readonly { readonly ip: string }[];
}

/** The driver over the fake without a process for every call: hundreds of them would take a minute. */
function inProcess(folder: string): DriverModule {
  return {
    ...virtualbox,
    open: (context) =>
      new VirtualBoxDriver(context as unknown as DriverContext<VirtualBoxOptions>, async (args) =>
        answerOf(args, fakeVBoxManage(folder, args)),
      ),
  };
}

/** VirtualBox as far as a fake VBoxManage goes: it keeps state and refuses what the real one refuses. */
async function world(): Promise<DriverWorld & { readonly folder: string; state(): Promise<State> }> {
  const folder = await mkdtemp(join(tmpdir(), 'vbox-'));
  const image = join(folder, 'image.raw');
  await writeFile(image, 'disk');
  // The network is shared by all machines and stays when they go.
  fakeVBoxManage(folder, ['hostonlyif', 'create']);
  fakeVBoxManage(folder, ['hostonlyif', 'ipconfig', 'vboxnet1', '--ip', '192.168.99.1', '--netmask', '255.255.255.0']);
  const state = async (): Promise<State> =>
    JSON.parse(await readFile(join(folder, 'state.json'), 'utf8').catch(() => '{"vms":{},"disks":{},"interfaces":[]}'));
  return {
    folder,
    state,
    driver: inProcess(folder),
    options: { 'virtualbox-program': PROGRAM, 'virtualbox-image': image, 'virtualbox-stop-seconds': 5 },
    env: { FAKE_VBOX: folder },
    existing: async () => {
      const { vms, disks } = await state();
      return [...Object.keys(vms), ...Object.keys(disks)].sort();
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

testDriver('virtualbox', world);

async function open(
  at: DriverWorld & { readonly folder: string },
  name: string,
  more: OptionValues = {},
): Promise<Driver> {
  let resources: readonly Resource[] = [];
  return at.driver.open({
    name,
    id: `id-${name}`,
    options: resolveOptions('virtualbox', virtualbox.options, { ...at.options, ...more }, {}),
    env: at.env,
    tags: {},
    ports: [22, 2376],
    udpPorts: [],
    directory: await mkdtemp(join(at.folder, 'machine-')),
    journal: openJournal(
      {
        load: () => resources,
        save: async (next) => {
          resources = next;
        },
      },
      () => `t${resources.length}`,
    ),
    report: () => undefined,
    change: (_call, make) => make(),
    lookup: (read) => read(),
    clock: systemClock,
  });
}

describe('a machine of VirtualBox', () => {
  it('makes the network it shares with this computer when it is the first', async () => {
    const at = await world();
    try {
      const machine = await open(at, 'bee', { 'virtualbox-hostonly-cidr': '192.168.77.1/24' });
      await machine.create(signal);
      expect((await at.state()).interfaces.map(({ ip }) => ip)).toEqual([
        '192.168.56.1',
        '192.168.99.1',
        '192.168.77.1',
      ]);
      expect(await machine.ip(signal)).toMatch(/^192\.168\.77\./);
    } finally {
      await at.close();
    }
  });

  it('has the hardware that was asked for, its disk and its seed', async () => {
    const at = await world();
    try {
      const machine = await open(at, 'bee', { 'virtualbox-memory': 4096, 'virtualbox-cpu-count': 3 });
      await machine.create(signal);
      const { vms, disks, interfaces } = await at.state();
      const vm = Object.values(vms)[0];
      expect(vm?.hardware).toMatchObject({ memory: '4096', cpus: '3', nic1: 'nat', nic2: 'hostonly' });
      const media = Object.values(vm?.controllers ?? {}).flatMap((each) => Object.values(each.media));
      expect(media.map(({ medium }) => medium.split('/').at(-1))).toEqual(['disk.vdi', 'seed.iso']);
      expect(Object.values(disks)).toEqual([20000]);
      expect(interfaces.map(({ ip }) => ip)).toContain('192.168.99.1');
      expect(await machine.labels(signal)).toEqual({ provider: 'virtualbox', 'instance-type': '3cpu-4096mb' });
      expect(await machine.url(signal)).toMatch(/^tcp:\/\/192\.168\.99\.\d+:2376$/);
    } finally {
      await at.close();
    }
  });

  it('shares the network and no address with others', async () => {
    const at = await world();
    try {
      const machines = [];
      for (let count = 0; count < 4; count += 1) machines.push(await open(at, `bee-${count}`));
      for (const machine of machines) await machine.create(signal);
      const addresses = await Promise.all(machines.map((machine) => machine.ip(signal)));
      expect(new Set(addresses).size).toBe(4);
      expect((await at.state()).interfaces).toHaveLength(2);
    } finally {
      await at.close();
    }
  });

  it('is made, shut down and removed through the program', async () => {
    const at = { ...(await world()), driver: virtualbox };
    try {
      const machine = await open(at, 'bee');
      await machine.check(signal);
      await machine.create(signal);
      await machine.stop(signal);
      expect(await machine.state(signal)).toBe('Stopped');
      await machine.remove(signal);
      expect((await at.state()).vms).toEqual({});
    } finally {
      await at.close();
    }
  }, 180_000);

  it('says that VirtualBox is missing, and the image', async () => {
    const at = { ...(await world()), driver: virtualbox };
    try {
      const missing = await open(at, 'bee', { 'virtualbox-program': '/nonexistent/VBoxManage' });
      await expect(missing.check(signal)).rejects.toMatchObject({ code: 'MISSING_TOOL' });
      const noImage = await open(at, 'bee', { 'virtualbox-image': '/nonexistent.raw' });
      await expect(noImage.check(signal)).rejects.toThrow('--virtualbox-image "/nonexistent.raw" is no file here');
    } finally {
      await at.close();
    }
  });
});

it('reads what VBoxManage prints', () => {
  const text =
    'name="a b"\r\nVMState="poweroff"\n"GuestAdditions"="x=y"\nName:            vboxnet0\n\nnonsense\nIPAddress:       10.0.0.1\n';
  expect(Object.fromEntries(readInfo(text))).toEqual({
    name: 'a b',
    VMState: 'poweroff',
    GuestAdditions: 'x=y',
    Name: 'vboxnet0',
    IPAddress: '10.0.0.1',
  });
});
