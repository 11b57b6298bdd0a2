import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ClusterError } from '../../common/errors.ts';
import { writePrivate } from '../../common/private-file.ts';
import type { SshShell } from '../../provision/shell.ts';
import { ownKey, ownKeyPath } from '../cloud/key-files.ts';
import type { Driver, DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { MachineState } from '../state.ts';
import { cachedImage, fetchImage, isUrl, localImage } from '../vm/image.ts';
import { shutDown } from '../vm/power-key.ts';
import { seedImage } from '../vm/seed.ts';
import { freeAddress, hostOnlyInterface, keepAddress, keptAddress } from './network.ts';
import type { VirtualBoxOptions } from './options.ts';
import { readInfo, type VBoxManage, vboxManage } from './vbox-manage.ts';

const ENGINE_PORT = 2376;
const CONTROLLER = 'disks';
const PAUSE_MS = 500;
const NOT_FOUND = 'VBOX_E_OBJECT_NOT_FOUND';

const STATES: Readonly<Record<string, MachineState>> = {
  running: 'Running',
  paused: 'Paused',
  saved: 'Saved',
  poweroff: 'Stopped',
  aborted: 'Stopped',
  starting: 'Starting',
  restoring: 'Starting',
  stopping: 'Stopping',
  saving: 'Stopping',
};

/** One virtual machine of VirtualBox: NAT to the world, a network with this computer and the other machines beside it. */
export class VirtualBoxDriver implements Driver {
  readonly provisioning = 'ssh';
  readonly #context: DriverContext<VirtualBoxOptions>;
  readonly #vbox: VBoxManage;
  /** Its name in VirtualBox: no other machine of that name is taken for it. */
  readonly #vm: string;

  constructor(context: DriverContext<VirtualBoxOptions>, vbox?: VBoxManage) {
    this.#context = context;
    this.#vbox = vbox ?? vboxManage(context.options['virtualbox-program'], { ...process.env, ...context.env });
    this.#vm = `${context.name}-${createHash('sha256').update(context.id).digest('hex').slice(0, 8)}`;
  }

  async check(signal: AbortSignal): Promise<void> {
    const { options } = this.#context;
    await this.#vbox(['--version'], signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new DriverError(
        'VBoxManage does not run: install VirtualBox, or say where it is with --virtualbox-program',
        'MISSING_TOOL',
        error,
      );
    });
    if (!isUrl(options['virtualbox-image'])) await localImage(options['virtualbox-image'], 'virtualbox-image');
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { journal, options, change } = this.#context;
    const network = await hostOnlyInterface(this.#vbox, options['virtualbox-hostonly-cidr'], change, signal);
    await journal.ensure('vm', { find: () => this.#findVm(signal), make: () => this.#makeVm(signal) });
    const address = await this.#ensureAddress(signal);
    await this.#writeSeed(address);
    await journal.ensure('disk', { make: () => this.#makeDisk(signal) });
    const info = await this.#info(signal);
    if (info !== undefined && info.get('VMState') !== 'poweroff') return;
    await this.#configure(network, info, signal);
    await this.#call(['startvm', this.#vm, '--type', options['virtualbox-ui-type']], signal);
  }

  async state(signal: AbortSignal): Promise<MachineState> {
    const info = await this.#existing(signal);
    return STATES[info.get('VMState') ?? ''] ?? 'Error';
  }

  async start(signal: AbortSignal): Promise<void> {
    const state = await this.state(signal);
    if (state === 'Running' || state === 'Starting') return;
    if (state === 'Paused') return void (await this.#vbox(['controlvm', this.#vm, 'resume'], signal));
    await this.#vbox(['startvm', this.#vm, '--type', this.#context.options['virtualbox-ui-type']], signal);
  }

  async stop(signal: AbortSignal): Promise<void> {
    const { clock, options } = this.#context;
    let state: MachineState;
    const isOff = async (): Promise<boolean> => {
      state = await this.state(signal);
      return state === 'Stopped' || state === 'Saved';
    };
    const pressKey = async (): Promise<void> => {
      if (state === 'Running') await this.#vbox(['controlvm', this.#vm, 'acpipowerbutton'], signal);
    };
    const withinMs = options['virtualbox-stop-seconds'] * 1000;
    if (!(await shutDown(clock, { isOff, pressKey, withinMs, everyMs: PAUSE_MS }, signal))) await this.kill(signal);
  }

  async restart(signal: AbortSignal): Promise<void> {
    await this.stop(signal);
    await this.start(signal);
  }

  async kill(signal: AbortSignal): Promise<void> {
    const state = await this.state(signal);
    if (state === 'Saved') await this.#vbox(['discardstate', this.#vm], signal);
    else if (state !== 'Stopped') await this.#vbox(['controlvm', this.#vm, 'poweroff'], signal);
  }

  async remove(signal: AbortSignal): Promise<void> {
    const { journal, change } = this.#context;
    if (journal.resources.length === 0) return;
    if ((await this.#info(signal)) !== undefined) {
      await change(
        { action: 'VBoxManage controlvm poweroff', parameters: { vm: this.#vm } },
        () => this.kill(signal),
        undefined,
      );
      await this.#call(['unregistervm', this.#vm, '--delete'], signal);
    }
    const key = ownKeyPath(this.#context.directory);
    const names = ['seed.iso', 'console.log', 'known_hosts', this.#vm];
    const files = [...names.map((name) => this.#file(name)), key, `${key}.pub`];
    const clear = async (): Promise<void> => {
      await this.#dropDisk(signal);
      for (const file of files) await rm(file, { force: true, recursive: true });
    };
    await change({ action: 'remove files', parameters: { files } }, clear, undefined);
    for (const resource of journal.resources) await journal.forget(resource);
  }

  async ip(signal: AbortSignal): Promise<string> {
    await this.#existing(signal);
    const address = await keptAddress(this.#vbox, this.#vm, signal);
    if (address !== undefined) return address;
    throw new DriverError(`${this.#context.name} has no address yet: create did not get that far`, 'NO_ADDRESS');
  }

  async url(signal: AbortSignal): Promise<string> {
    return `tcp://${await this.ip(signal)}:${ENGINE_PORT}`;
  }

  async shell(signal: AbortSignal): Promise<SshShell> {
    return {
      kind: 'ssh',
      host: await this.ip(signal),
      port: 22,
      user: this.#context.options['virtualbox-ssh-user'],
      keyPath: ownKeyPath(this.#context.directory),
      knownHostsPath: this.#file('known_hosts'),
    };
  }

  async labels(): Promise<Readonly<Record<string, string>>> {
    const { options } = this.#context;
    return { provider: 'virtualbox', 'instance-type': `${this.#cpus}cpu-${options['virtualbox-memory']}mb` };
  }

  async close(): Promise<void> {}

  get #disk(): string {
    return this.#file('disk.vdi');
  }

  get #cpus(): number {
    const count = this.#context.options['virtualbox-cpu-count'];
    return count === -1 ? cpus().length : count;
  }

  #file(name: string): string {
    return join(this.#context.directory, name);
  }

  /** One change through VBoxManage. */
  #call(args: readonly string[], signal: AbortSignal): Promise<string> {
    const call = { action: `VBoxManage ${args[0]}`, parameters: { arguments: args.slice(1).join(' ') } };
    return this.#context.change(call, () => this.#vbox(args, signal), '');
  }

  async #info(signal: AbortSignal): Promise<ReadonlyMap<string, string> | undefined> {
    try {
      return readInfo(await this.#vbox(['showvminfo', this.#vm, '--machinereadable'], signal));
    } catch (error) {
      if (error instanceof ClusterError && error.code === NOT_FOUND) return undefined;
      throw error;
    }
  }

  async #existing(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const info = await this.#info(signal);
    if (info !== undefined) return info;
    const { name } = this.#context;
    throw new DriverError(
      `VirtualBox has no machine ${this.#vm} (any more): remove it with "enxame machine rm ${name}"`,
      'MACHINE_GONE',
    );
  }

  async #findVm(signal: AbortSignal): Promise<{ readonly id: string } | undefined> {
    return (await this.#info(signal)) === undefined ? undefined : { id: this.#vm };
  }

  async #makeVm(signal: AbortSignal): Promise<{ readonly id: string }> {
    const { directory } = this.#context;
    const where = ['--basefolder', directory, '--register'];
    await this.#call(['createvm', '--name', this.#vm, '--ostype', 'Debian_64', ...where], signal);
    return { id: this.#vm };
  }

  async #ensureAddress(signal: AbortSignal): Promise<string> {
    const isThere = (await this.#info(signal)) !== undefined;
    const kept = isThere ? await keptAddress(this.#vbox, this.#vm, signal) : undefined;
    if (kept !== undefined) return kept;
    const { options, id, change } = this.#context;
    const address = await freeAddress(this.#vbox, options['virtualbox-hostonly-cidr'], id, signal);
    const call = { action: 'VBoxManage setextradata', parameters: { address } };
    await change(call, () => keepAddress(this.#vbox, this.#vm, address, signal), undefined);
    return address;
  }

  async #writeSeed(address: string): Promise<void> {
    const { change, name, id, options } = this.#context;
    const { publicKey } = await ownKey(this.#context);
    const make = async (): Promise<void> => {
      const network = { mac: this.#mac(2), address: `${address}/24`, dhcp: [this.#mac(1)] };
      const seed = { instanceId: id, hostname: name, user: options['virtualbox-ssh-user'], publicKey, network };
      await writePrivate(this.#file('seed.iso'), seedImage(seed));
    };
    await change({ action: 'write cloud-init seed', parameters: { address } }, make, undefined);
  }

  async #makeDisk(signal: AbortSignal): Promise<{ readonly id: string }> {
    const { options, env, report, change } = this.#context;
    const image = options['virtualbox-image'];
    const fetched = { action: 'fetch', parameters: { image } };
    const source = isUrl(image)
      ? await change(fetched, () => fetchImage(image, { env, signal, report }), cachedImage(image, env))
      : await localImage(image, 'virtualbox-image');
    // One that was cut off in the middle is in the way.
    if (existsSync(this.#disk)) await this.#dropDisk(signal);
    const isRaw = !/\.(vdi|vmdk|vhd)$/i.test(source);
    const copy = isRaw ? ['convertfromraw', source, this.#disk] : ['clonemedium', 'disk', source, this.#disk];
    await this.#call([...copy, '--format', 'VDI'], signal);
    await this.#call(['modifymedium', 'disk', this.#disk, '--resize', String(options['virtualbox-disk-size'])], signal);
    return { id: 'disk.vdi' };
  }

  /** VirtualBox remembers disks, attached or not. */
  async #dropDisk(signal: AbortSignal): Promise<void> {
    await this.#vbox(['closemedium', 'disk', this.#disk], signal).catch(() => signal.throwIfAborted());
    await rm(this.#disk, { force: true });
  }

  async #configure(network: string, info: ReadonlyMap<string, string> | undefined, signal: AbortSignal): Promise<void> {
    const { options } = this.#context;
    const hardware = ['--memory', String(options['virtualbox-memory']), '--cpus', String(this.#cpus)];
    const firmware = ['--ioapic', 'on', '--rtcuseutc', 'on', '--boot1', 'disk', '--boot2', 'none'];
    const nat = ['--nic1', 'nat', '--macaddress1', this.#mac(1).replaceAll(':', '')];
    const shared = [
      '--nic2',
      'hostonly',
      '--hostonlyadapter2',
      network,
      '--macaddress2',
      this.#mac(2).replaceAll(':', ''),
    ];
    const console_ = ['--uart1', '0x3F8', '4', '--uartmode1', 'file', this.#file('console.log')];
    await this.#call(['modifyvm', this.#vm, ...hardware, ...firmware, ...nat, ...shared, ...console_], signal);
    if (info?.get('storagecontrollername0') !== CONTROLLER)
      await this.#call(['storagectl', this.#vm, '--name', CONTROLLER, '--add', 'sata', '--portcount', '2'], signal);
    const attach = (port: number, type: string, medium: string): Promise<string> => {
      const where = ['--storagectl', CONTROLLER, '--port', String(port), '--device', '0'];
      return this.#call(['storageattach', this.#vm, ...where, '--type', type, '--medium', medium], signal);
    };
    await attach(0, 'hdd', this.#disk);
    await attach(1, 'dvddrive', this.#file('seed.iso'));
  }

  /** 08:00:27 is VirtualBox's own range. */
  #mac(card: 1 | 2): string {
    const bytes = createHash('sha256').update(`${this.#context.id} ${card}`).digest();
    return ['08', '00', '27', ...[...bytes.subarray(0, 3)].map((octet) => octet.toString(16).padStart(2, '0'))].join(
      ':',
    );
  }
}
