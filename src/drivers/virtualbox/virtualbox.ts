import { type DriverModule, defineDriver } from '../driver.ts';
import { programNeed } from '../needs.ts';
import { debianImage } from '../vm/image.ts';
import { VirtualBoxDriver } from './driver.ts';

/** A virtual machine of VirtualBox. */
export const driver: DriverModule = defineDriver({
  name: 'virtualbox',
  summary: 'a virtual machine of VirtualBox on this computer',
  options: [
    {
      flag: 'virtualbox-program',
      type: 'string',
      help: 'where VBoxManage is',
      env: ['VIRTUALBOX_PROGRAM'],
      default: 'VBoxManage',
    },
    {
      flag: 'virtualbox-memory',
      type: 'number',
      help: 'memory in MB',
      env: ['VIRTUALBOX_MEMORY_SIZE'],
      default: 1024,
      problem: whole,
    },
    {
      flag: 'virtualbox-cpu-count',
      type: 'number',
      help: 'number of processors; -1 for all of this computer',
      env: ['VIRTUALBOX_CPU_COUNT'],
      default: 1,
      problem: (value) => (Number(value) === -1 ? undefined : whole(value)),
    },
    {
      flag: 'virtualbox-disk-size',
      type: 'number',
      help: 'size of the disk in MB; it takes what is used of it',
      env: ['VIRTUALBOX_DISK_SIZE'],
      default: 20000,
      problem: whole,
    },
    {
      flag: 'virtualbox-image',
      type: 'string',
      help: 'disk image with cloud-init (raw, VDI or VMDK), a file or an address (default: Debian 12)',
      env: ['VIRTUALBOX_IMAGE'],
      default: debianImage('raw'),
    },
    {
      flag: 'virtualbox-hostonly-cidr',
      type: 'string',
      help: "this computer's address in the network it shares with its machines",
      env: ['VIRTUALBOX_HOSTONLY_CIDR'],
      default: '192.168.99.1/24',
      problem: (value) =>
        /^\d+\.\d+\.\d+\.\d+\/24$/.test(String(value))
          ? undefined
          : 'is not an address of this computer like 192.168.99.1/24',
    },
    {
      flag: 'virtualbox-ui-type',
      type: 'string',
      help: 'how VirtualBox shows it',
      env: ['VIRTUALBOX_UI_TYPE'],
      default: 'headless',
      choices: ['headless', 'gui', 'sdl', 'separate'],
    },
    { flag: 'virtualbox-ssh-user', type: 'string', help: 'user to make in it', default: 'enxame' },
    {
      flag: 'virtualbox-stop-seconds',
      type: 'number',
      help: 'how long it may take to shut down before it is switched off',
      default: 90,
    },
  ],
  needs: async (env) => [
    await programNeed(
      env.VIRTUALBOX_PROGRAM || 'VBoxManage',
      env,
      'install VirtualBox, or say where it is with VIRTUALBOX_PROGRAM',
    ),
  ],
  open: (context) => new VirtualBoxDriver(context),
});

function whole(value: string | number): string | undefined {
  return Number.isInteger(Number(value)) && Number(value) > 0 ? undefined : 'is not a whole number above 0';
}
