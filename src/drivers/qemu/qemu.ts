import { type DriverModule, defineDriver } from '../driver.ts';
import { programNeed } from '../needs.ts';
import { debianImage } from '../vm/image.ts';
import { INSTALL, QemuDriver } from './driver.ts';

const DEFAULT_PROGRAM = process.arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';

/** A virtual machine of this computer. */
export const driver: DriverModule = defineDriver({
  name: 'qemu',
  summary: 'a virtual machine on this computer, with KVM where that works',
  options: [
    {
      flag: 'qemu-program',
      type: 'string',
      help: 'which QEMU to run',
      env: ['QEMU_PROGRAM'],
      default: DEFAULT_PROGRAM,
    },
    { flag: 'qemu-memory', type: 'number', help: 'memory in MB', env: ['QEMU_MEMORY'], default: 2048, problem: size },
    { flag: 'qemu-cpus', type: 'number', help: 'number of processors', env: ['QEMU_CPUS'], default: 2, problem: size },
    {
      flag: 'qemu-disk-size',
      type: 'number',
      help: 'size of the disk in MB; it takes what is used of it',
      env: ['QEMU_DISK_SIZE'],
      default: 20000,
      problem: size,
    },
    {
      flag: 'qemu-image',
      type: 'string',
      help: 'disk image with cloud-init, a file or an address (default: Debian 12)',
      env: ['QEMU_IMAGE'],
      default: debianImage('qcow2'),
    },
    { flag: 'qemu-kernel', type: 'string', help: "start this kernel instead of the image's own boot loader" },
    { flag: 'qemu-initrd', type: 'string', help: 'initial RAM disk for that kernel' },
    { flag: 'qemu-append', type: 'string', help: 'command line for that kernel' },
    { flag: 'qemu-firmware', type: 'string', help: 'firmware file, for images that start with UEFI' },
    {
      flag: 'qemu-accelerator',
      type: 'string',
      help: 'auto tries KVM (HVF on macOS) by booting something tiny, and emulates where that fails',
      env: ['QEMU_ACCELERATOR'],
      default: 'auto',
      choices: ['auto', 'kvm', 'hvf', 'tcg'],
    },
    {
      flag: 'qemu-bridge',
      type: 'string',
      help: 'bridge of this computer to plug it into, so that machines reach each other (default: forwarded ports only)',
      env: ['QEMU_BRIDGE'],
    },
    {
      flag: 'qemu-ip-address',
      type: 'string',
      help: 'its address on the bridge, as in 192.168.1.7/24 (default: DHCP)',
      problem: (value) => (/^[\d.]+\/\d+$/.test(String(value)) ? undefined : 'is not an address like 192.168.1.7/24'),
    },
    { flag: 'qemu-gateway', type: 'string', help: 'its gateway on the bridge, with --qemu-ip-address' },
    { flag: 'qemu-nameserver', type: 'strings', help: 'its name server, with --qemu-ip-address' },
    { flag: 'qemu-ssh-user', type: 'string', help: 'user to make in it', default: 'enxame' },
    {
      flag: 'qemu-open-port',
      type: 'strings',
      help: 'one more TCP port to forward',
      problem: (value) => (Number(value) >= 1 && Number(value) <= 65_535 ? undefined : 'is not a port'),
    },
    {
      flag: 'qemu-stop-seconds',
      type: 'number',
      help: 'how long it may take to shut down before it is switched off',
      default: 90,
    },
  ],
  needs: async (env) => {
    const program = env.QEMU_PROGRAM || DEFAULT_PROGRAM;
    return await Promise.all([program, 'qemu-img'].map((each) => programNeed(each, env, INSTALL)));
  },
  open: (context) => new QemuDriver(context),
});

function size(value: string | number): string | undefined {
  return Number.isInteger(Number(value)) && Number(value) > 0 ? undefined : 'is not a whole number above 0';
}
