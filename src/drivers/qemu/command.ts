import type { Forwards } from '../vm/loopback.ts';

/** How the guest's instructions are run. */
export type Accelerator = 'kvm' | 'hvf' | 'tcg';

/** Everything about one virtual machine that its command line says. All files are names in its folder or absolute paths. */
export interface VmSettings {
  readonly name: string;
  readonly memoryMb: number;
  readonly cpus: number;
  readonly mac: string;
  /** User networking; absent: {@link VmSettings.bridge}. */
  readonly forwards?: Forwards | undefined;
  readonly bridge?: string | undefined;
  /** Starts this kernel instead of the disk's boot loader. */
  readonly kernel?: string | undefined;
  readonly initrd?: string | undefined;
  readonly append?: string | undefined;
  readonly firmware?: string | undefined;
}

/** Names of the files in the machine's folder. */
export const FILES = {
  disk: 'disk.qcow2',
  seed: 'seed.iso',
  console: 'console.log',
  qmp: 'qmp',
  pid: 'qemu.pid',
} as const;

/** Arguments of QEMU, to be run in the machine's folder: paths with commas cannot go wrong there. */
export function qemuArguments(settings: VmSettings, accelerator: Accelerator): string[] {
  const { name, memoryMb, cpus, mac, kernel, initrd, append, firmware } = settings;
  return [
    ...['-name', `guest=${name.replaceAll(',', ',,')}`, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...machineArguments(accelerator),
    ...['-m', String(memoryMb), '-smp', String(cpus)],
    ...['-drive', `file=${FILES.disk},if=virtio,format=qcow2,discard=unmap`],
    ...['-drive', `file=${FILES.seed},if=virtio,format=raw,readonly=on`],
    ...['-netdev', network(settings), '-device', `virtio-net-pci,netdev=net0,mac=${mac},romfile=`],
    ...['-device', 'virtio-rng-pci'],
    ...['-serial', `file:${FILES.console}`],
    ...['-qmp', `unix:${FILES.qmp},server=on,wait=off`],
    ...(firmware === undefined ? [] : ['-bios', firmware]),
    ...(kernel === undefined ? [] : ['-kernel', kernel]),
    ...(initrd === undefined ? [] : ['-initrd', initrd]),
    ...(append === undefined ? [] : ['-append', append]),
    ...['-pidfile', FILES.pid, '-daemonize'],
  ];
}

/** What decides whether an accelerator works: machine type, accelerator and processor. */
export function machineArguments(accelerator: Accelerator): string[] {
  const machine = process.arch === 'arm64' ? 'virt' : 'q35';
  const how = accelerator === 'tcg' ? 'tcg,thread=multi' : accelerator;
  return ['-machine', machine, '-accel', how, '-cpu', accelerator === 'tcg' ? 'max' : 'host'];
}

function network({ forwards, bridge }: VmSettings): string {
  if (forwards === undefined) return `bridge,id=net0,br=${bridge}`;
  const rules = Object.entries(forwards.ports).map(
    ([port, here]) => `hostfwd=tcp:${forwards.address}:${here}-:${port}`,
  );
  return ['user', 'id=net0', ...rules].join(',');
}
