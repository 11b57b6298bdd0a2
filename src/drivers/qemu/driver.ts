import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UsageError } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import type { SshShell } from '../../provision/shell.ts';
import { ownKeyPath } from '../cloud/key-files.ts';
import type { Driver, DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { MachineState } from '../state.ts';
import { isUrl, localImage } from '../vm/image.ts';
import { shutDown } from '../vm/power-key.ts';
import { mustRun, runTool } from '../vm/tool.ts';
import { workingAccelerator } from './accelerator.ts';
import { type Accelerator, FILES, qemuArguments, type VmSettings } from './command.ts';
import type { QemuOptions } from './options.ts';
import { makeDisk, makeSeed, makeSettings } from './parts.ts';
import { qmp } from './qmp.ts';

/** How its programs are installed. */
export const INSTALL = 'apt-get install qemu-system qemu-utils';

const ENGINE_PORT = 2376;
const PAUSE_MS = 250;
const KILL_WITHIN_MS = 10_000;

/** One virtual machine: a process of this computer that outlives ours, and a folder with its disk. */
export class QemuDriver implements Driver {
  readonly provisioning = 'ssh';
  readonly #context: DriverContext<QemuOptions>;

  constructor(context: DriverContext<QemuOptions>) {
    this.#context = context;
    const { options } = context;
    const needs = (flag: keyof QemuOptions, other: keyof QemuOptions): void => {
      if (options[flag] !== undefined && options[other] === undefined)
        throw new UsageError(`--${flag} goes with --${other} only`);
    };
    needs('qemu-initrd', 'qemu-kernel');
    needs('qemu-append', 'qemu-kernel');
    needs('qemu-ip-address', 'qemu-bridge');
    needs('qemu-gateway', 'qemu-ip-address');
  }

  async check(signal: AbortSignal): Promise<void> {
    const { options } = this.#context;
    for (const program of [options['qemu-program'], 'qemu-img'])
      await mustRun(program, ['--version'], { signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw new DriverError(`${program} is missing: ${INSTALL}`, 'MISSING_TOOL', error);
      });
    for (const flag of ['qemu-kernel', 'qemu-initrd', 'qemu-firmware'] as const) {
      const file = options[flag];
      if (file !== undefined) await localImage(file, flag);
    }
    if (!isUrl(options['qemu-image'])) await localImage(options['qemu-image'], 'qemu-image');
    const bridge = options['qemu-bridge'];
    if (bridge !== undefined && process.platform === 'linux' && !existsSync(`/sys/class/net/${bridge}/bridge`))
      throw new UsageError(`--qemu-bridge "${bridge}" is no bridge of this computer`);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { journal } = this.#context;
    await journal.ensure('disk', { make: () => makeDisk(this.#context, signal) });
    await makeSeed(this.#context, await this.#settings());
    await journal.ensure('vm', { make: async () => await this.#run(signal) });
    // The journal may know a machine that was killed since; in a dry run there is none.
    if (existsSync(this.#file(FILES.disk))) await this.start(signal);
  }

  async state(signal: AbortSignal): Promise<MachineState> {
    this.#assertThere();
    const answer = (await this.#ask('query-status', signal)) as { status?: string } | undefined;
    if (answer === undefined) return 'Stopped';
    const { status = '' } = answer;
    if (status === 'running') return 'Running';
    if (status === 'paused' || status === 'suspended') return 'Paused';
    return status === 'shutdown' || status === '' ? 'Stopped' : 'Error';
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#assertThere();
    if (await this.#isRunning(signal)) return;
    await this.#run(signal);
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#assertThere();
    const { clock, options } = this.#context;
    const isOff = async (): Promise<boolean> => !(await this.#isRunning(signal));
    const pressKey = async (): Promise<void> => void (await this.#ask('system_powerdown', signal));
    const withinMs = options['qemu-stop-seconds'] * 1000;
    if (!(await shutDown(clock, { isOff, pressKey, withinMs, everyMs: PAUSE_MS }, signal))) await this.kill(signal);
  }

  async restart(signal: AbortSignal): Promise<void> {
    await this.stop(signal);
    await this.start(signal);
  }

  async kill(signal: AbortSignal): Promise<void> {
    this.#assertThere();
    await this.#end(signal);
  }

  async remove(signal: AbortSignal): Promise<void> {
    const { journal, change, name } = this.#context;
    if (journal.resources.length === 0) return;
    await change({ action: 'quit', parameters: { vm: name } }, () => this.#end(signal), undefined);
    const key = basename(ownKeyPath(''));
    const files = [...Object.values(FILES), 'settings.json', 'known_hosts', key, `${key}.pub`];
    await change({ action: 'remove files', parameters: { files } }, () => this.#removeFiles(files), undefined);
    for (const resource of journal.resources) await journal.forget(resource);
  }

  async ip(): Promise<string> {
    const { forwards, mac } = await this.#settings();
    if (forwards !== undefined) return forwards.address;
    const fixed = this.#context.options['qemu-ip-address'];
    const address = fixed === undefined ? await neighbour(mac) : fixed.split('/')[0];
    if (address !== undefined) return address;
    throw new DriverError(`${this.#context.name} has no address yet that this computer has seen`, 'NO_ADDRESS');
  }

  async url(): Promise<string> {
    const { forwards } = await this.#settings();
    return `tcp://${await this.ip()}:${forwards?.ports[ENGINE_PORT] ?? ENGINE_PORT}`;
  }

  async shell(): Promise<SshShell> {
    const { forwards } = await this.#settings();
    return {
      kind: 'ssh',
      host: await this.ip(),
      port: forwards?.ports[22] ?? 22,
      user: this.#context.options['qemu-ssh-user'],
      keyPath: ownKeyPath(this.#context.directory),
      // Its own: addresses of virtual machines come again with other keys.
      knownHostsPath: this.#file('known_hosts'),
    };
  }

  async labels(): Promise<Readonly<Record<string, string>>> {
    const { options } = this.#context;
    return { provider: 'qemu', 'instance-type': `${options['qemu-cpus']}cpu-${options['qemu-memory']}mb` };
  }

  async close(): Promise<void> {}

  #file(name: string): string {
    return join(this.#context.directory, name);
  }

  #settings(): Promise<VmSettings> {
    return makeSettings(this.#context);
  }

  async #run(signal: AbortSignal): Promise<{ readonly id: string }> {
    const { change, report, options, directory, id } = this.#context;
    if (await this.#isRunning(signal)) return { id };
    const program = options['qemu-program'];
    const settings = await this.#settings();
    const start = async (): Promise<{ readonly id: string }> => {
      const accelerator = await this.#accelerator(signal);
      if (accelerator === 'tcg') report('starting it without hardware acceleration: it takes minutes');
      await rm(this.#file(FILES.pid), { force: true });
      await mustRun(program, qemuArguments(settings, accelerator), { signal, cwd: directory });
      return { id };
    };
    const call = { action: program, parameters: { arguments: qemuArguments(settings, 'tcg').join(' ') } };
    return await change(call, start, { id });
  }

  async #accelerator(signal: AbortSignal): Promise<Accelerator> {
    const { options, report } = this.#context;
    const wanted = options['qemu-accelerator'];
    if (wanted !== 'auto') return wanted as Accelerator;
    report('finding out what this computer can do');
    return await workingAccelerator(options['qemu-program'], signal);
  }

  async #isRunning(signal: AbortSignal): Promise<boolean> {
    return (await this.#ask('query-status', signal)) !== undefined;
  }

  #ask(command: string, signal: AbortSignal): Promise<unknown> {
    return qmp(this.#file(FILES.qmp), command, this.#context.clock, signal);
  }

  /** As by pulling the plug. A QEMU that does not listen any more is ended by its process ID. */
  async #end(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const deadline = clock.now() + KILL_WITHIN_MS;
    await this.#ask('quit', signal).catch(() => this.#killProcess(signal));
    const isRunning = await retry(clock, () => this.#isRunning(signal).catch(() => true), {
      until: (isRunning) => !isRunning,
      backoff: PAUSE_MS,
      deadline,
      signal,
    });
    if (isRunning)
      throw new DriverError(`the QEMU of ${this.#context.name} does not end: see ${this.#file(FILES.pid)}`, 'QMP');
  }

  async #killProcess(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const pid = Number(await readFile(this.#file(FILES.pid), 'utf8').catch(() => '0'));
    const { exit, stdout } = await runTool('ps', ['-o', 'args=', '-p', String(pid)], { signal });
    // Another process may have its ID by now.
    if (exit === 0 && stdout.includes(`guest=${this.#context.name}`)) process.kill(pid, 'SIGKILL');
  }

  async #removeFiles(files: readonly string[]): Promise<void> {
    for (const file of files) await rm(this.#file(file), { force: true });
  }

  #assertThere(): void {
    const { journal, name } = this.#context;
    if (journal.find('vm') !== undefined && existsSync(this.#file(FILES.disk))) return;
    throw new DriverError(
      `the disk of ${name} is not on this computer (any more): remove it with "enxame machine rm ${name}"`,
      'MACHINE_GONE',
    );
  }
}

/** The IPv4 address this computer has last seen behind a MAC address. */
async function neighbour(mac: string): Promise<string | undefined> {
  const table = await readFile('/proc/net/arp', 'utf8').catch(() => '');
  const line = table.split('\n').find((each) => each.split(/\s+/)[3] === mac);
  return line?.split(/\s+/)[0];
}
