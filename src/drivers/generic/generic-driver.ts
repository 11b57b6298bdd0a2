import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join, resolve } from 'node:path';
import { reasonOf, UsageError } from '../../common/errors.ts';
import { writePrivate } from '../../common/private-file.ts';
import { readFacts } from '../../provision/facts.ts';
import { openRemote } from '../../provision/open-remote.ts';
import { installEngine } from '../../provision/packages.ts';
import type { Provisioner } from '../../provision/provisioner.ts';
import { reboot } from '../../provision/reboot.ts';
import type { SshShell } from '../../provision/shell.ts';
import { sshProvisioner } from '../../provision/ssh-provisioner.ts';
import { processSshEnvironment, type SshEnvironment } from '../../ssh/files.ts';
import type { ClientCertificates, Driver, DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { checkEngine, isOpen, readClientCertificates } from './generic-engine.ts';

/** The driver's options. */
export interface GenericOptions {
  readonly 'generic-ip-address': string;
  readonly 'generic-engine-port': number;
  readonly 'generic-ssh-user': string;
  readonly 'generic-ssh-key': string | undefined;
  readonly 'generic-ssh-port': number;
  readonly 'generic-set-hostname': boolean;
  readonly adopt: boolean;
  readonly 'cert-path': string | undefined;
}

/** The host is there or it is not; this driver cannot start it. */
const SSH_WAIT_MS = 15_000;

/** One host. Nothing of it is ours: it is not started, stopped or removed here. */
export class GenericDriver implements Driver {
  readonly provisioning: Driver['provisioning'];
  readonly isRemote = true;
  readonly #context: DriverContext<GenericOptions>;
  readonly #environment: SshEnvironment;

  constructor(context: DriverContext<GenericOptions>) {
    this.#context = context;
    this.#environment = processSshEnvironment(context.env);
    const { adopt, 'cert-path': certPath, 'generic-ssh-key': key } = context.options;
    if (certPath !== undefined && !adopt)
      throw new UsageError('--cert-path goes with --adopt only: otherwise the engine gets new certificates');
    if (adopt && !this.#usesTls && key !== undefined)
      throw new UsageError(
        'an engine adopted through SSH is reached with your SSH configuration, as docker does: put IdentityFile into ~/.ssh/config instead of --generic-ssh-key, or give --cert-path',
      );
    if (adopt && context.options['generic-set-hostname'])
      throw new UsageError('--adopt changes nothing: leave --generic-set-hostname out');
    this.provisioning = adopt ? 'none' : this.#provisioner();
  }

  async check(signal: AbortSignal): Promise<void> {
    const { adopt } = this.#context.options;
    await this.#readKey();
    if (adopt) {
      // Its key is remembered like that of any new host: docker asks a person about it, this driver does not.
      if (!this.#usesTls) await (await openRemote(this.#target(), signal, this.#environment)).close();
      const certificates = await this.clientCertificates();
      return await checkEngine(await this.url(), certificates, { environment: this.#environment, signal });
    }
    const task = { signal, report: this.#context.report };
    const remote = await openRemote(this.#target(), signal, this.#environment);
    try {
      const facts = await readFacts(remote, task);
      // What cannot be installed there is said before anything is changed.
      if (!facts.hasEngine) installEngine(facts, remote.name, undefined);
    } finally {
      await remote.close();
    }
  }

  /** Nothing is made; the key is copied, so that the machine can be handed on. */
  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { change, options } = this.#context;
    const key = await this.#readKey();
    const copyKey = { action: 'copy SSH key', parameters: { file: this.#keyFile() } };
    if (key !== undefined) await change(copyKey, () => writePrivate(this.#keptKey, key), undefined);
    const folder = options['cert-path'];
    if (folder === undefined) return;
    const copyCertificates = { action: 'copy certificates', parameters: { folder } };
    const certificates = await readClientCertificates(folder);
    const keep = (): Promise<void> => writePrivate(this.#keptCertificates, JSON.stringify(certificates));
    await change(copyCertificates, keep, undefined);
  }

  async state(signal: AbortSignal): Promise<'Running' | 'Stopped'> {
    const { adopt, 'generic-ip-address': host, ...ports } = this.#context.options;
    const port = adopt && this.#usesTls ? ports['generic-engine-port'] : ports['generic-ssh-port'];
    return (await isOpen(host, port, signal)) ? 'Running' : 'Stopped';
  }

  async start(signal: AbortSignal): Promise<void> {
    if ((await this.state(signal)) === 'Running') return;
    await this.#cannot('started');
  }

  async stop(): Promise<void> {
    await this.#cannot('stopped');
  }

  async restart(signal: AbortSignal): Promise<void> {
    if (this.#context.options.adopt) await this.#cannot('restarted');
    const { clock, report } = this.#context;
    await reboot(() => openRemote(this.#target(), signal, this.#environment), { signal, report }, clock);
  }

  async kill(): Promise<void> {
    await this.#cannot('killed');
  }

  async remove(): Promise<void> {}

  async ip(): Promise<string> {
    return this.#context.options['generic-ip-address'];
  }

  async url(): Promise<string> {
    const { adopt, 'generic-ip-address': address, ...rest } = this.#context.options;
    const host = isIPv6(address) ? `[${address}]` : address;
    if (!adopt || this.#usesTls) return `tcp://${host}:${rest['generic-engine-port']}`;
    const port = rest['generic-ssh-port'] === 22 ? '' : `:${rest['generic-ssh-port']}`;
    return `ssh://${rest['generic-ssh-user']}@${host}${port}`;
  }

  async shell(): Promise<SshShell> {
    return this.#target();
  }

  async labels(): Promise<Readonly<Record<string, string>>> {
    return { provider: 'generic' };
  }

  async clientCertificates(): Promise<ClientCertificates | undefined> {
    const folder = this.#context.options['cert-path'];
    if (folder !== undefined) return await readClientCertificates(folder);
    if (!this.#usesTls) return undefined;
    return JSON.parse(await readFile(this.#keptCertificates, 'utf8')) as ClientCertificates;
  }

  async close(): Promise<void> {}

  #provisioner(): Provisioner {
    const { options, clock } = this.#context;
    const inner = sshProvisioner(this, {
      setsHostname: options['generic-set-hostname'],
      waitMs: SSH_WAIT_MS,
      environment: this.#environment,
      clock,
    });
    // The port of this host's engine, if it is to have one, is this driver's to say.
    const port = options['generic-engine-port'];
    return {
      ...inner,
      provision: (spec, certificates, task) =>
        inner.provision(spec.port === undefined ? spec : { ...spec, port }, certificates, task),
    };
  }

  #target(): SshShell {
    const { options } = this.#context;
    const keyPath = existsSync(this.#keptKey) ? this.#keptKey : this.#keyFile();
    return {
      kind: 'ssh',
      host: options['generic-ip-address'],
      port: options['generic-ssh-port'],
      user: options['generic-ssh-user'],
      ...(keyPath === undefined ? {} : { keyPath }),
    };
  }

  /** Of an adopted engine: whether certificates were given, now or when it was adopted. */
  get #usesTls(): boolean {
    return this.#context.options['cert-path'] !== undefined || existsSync(this.#keptCertificates);
  }

  get #keptCertificates(): string {
    return join(this.#context.directory, 'certificates.json');
  }

  get #keptKey(): string {
    return join(this.#context.directory, 'id');
  }

  #keyFile(): string | undefined {
    const given = this.#context.options['generic-ssh-key'];
    return given === undefined ? undefined : resolve(given.replace(/^~(?=\/)/, this.#environment.home));
  }

  async #readKey(): Promise<string | undefined> {
    const file = this.#keyFile();
    if (file === undefined || existsSync(this.#keptKey)) return undefined;
    return await readFile(file, 'utf8').catch((error: unknown) => {
      throw new UsageError(`--generic-ssh-key: cannot read ${file}: ${reasonOf(error)}`);
    });
  }

  #cannot(what: string): Promise<never> {
    const { name } = this.#context;
    const next = `do that at its own console or provider; ${name} is used again as soon as it answers`;
    return Promise.reject(new DriverError(`generic hosts cannot be ${what} from here: ${next}`, 'NO_DRIVER'));
  }
}
