import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions, SERVER } from '../cloud/cloud-driver.ts';
import { givenText } from '../cloud/given-file.ts';
import { expandHome, givenKey, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import { statusOf } from '../cloud/rest.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { ComputeEngine } from './api.ts';
import { assertPossible } from './check.ts';
import { FIREWALL, ownFirewall, ruleNames } from './firewall.ts';
import { googleNeeds } from './needs.ts';
import { type GoogleOptions, options, typedOptions } from './options.ts';
import { ownName } from './own-name.ts';
import { ensureFirewall, ensureInstance, type Instance, labelsOf, toServer, USER_DATA } from './parts.ts';

/** A machine at Google Compute Engine: one instance, with a firewall rule of its own. */
export const driver: DriverModule = defineDriver({
  name: 'google',
  summary: 'an instance at Google Compute Engine',
  options,
  fitsFirewalls: true,
  needs: googleNeeds,
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    labelsOf(context);
    if (context.options['google-address'] !== undefined && context.options['google-use-internal-ip-only'])
      throw new UsageError('--google-address and --google-use-internal-ip-only exclude each other');
    return cloudDriver(context, new Google(context));
  },
});

class Google implements Cloud {
  readonly provider = 'Google Compute Engine';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<GoogleOptions>;
  readonly #google: ComputeEngine;

  constructor(context: DriverContext<GoogleOptions>) {
    this.#context = context;
    this.#google = new ComputeEngine(context);
    const open = context.options['google-open-port'];
    this.firewall = machineFirewall(context, ownFirewall(context, this.#google), { open, isV4Only: true });
    const power = (verb: string) => (id: string, signal: AbortSignal) =>
      this.#google.change('POST', `${this.#instances}/${id}/${verb}`, undefined, signal);
    const [start, stop] = [power('start'), power('stop')];
    const kill = power('stop?noGracefulShutdown=true');
    // "reset" would be pulling the plug.
    const restart = async (id: string, signal: AbortSignal): Promise<void> => {
      await stop(id, signal);
      await start(id, signal);
    };
    this.power = { start, stop, kill, restart };
  }

  async check(signal: AbortSignal): Promise<void> {
    const path = this.#context.options['google-ssh-key-path'];
    if (path !== undefined) await givenKey(path, 'google-ssh-key-path');
    await givenText(this.#context.options['google-userdata'], USER_DATA);
    await assertPossible(this.#context, this.#google, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { options } = this.#context;
    const given = options['google-ssh-key-path'];
    const key = given === undefined ? await ownKey(this.#context) : await givenKey(given, 'google-ssh-key-path');
    await ensureFirewall(this.#context, this.#google, this.firewall.ranges, signal);
    await ensureInstance(this.#context, this.#google, key.publicKey, signal);
  }

  async server(_id: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    const found = await this.#google.find<Instance>(`${this.#instances}/${ownName(this.#context)}`, signal);
    return found === undefined ? undefined : toServer(found, this.#context.options);
  }

  async remove(signal: AbortSignal): Promise<void> {
    const kind = (word: string, collection: string, names: readonly string[]): RemovableKind => ({
      kind: word,
      list: async () => {
        const found = await Promise.all(names.map((name) => this.#google.find(`${collection}/${name}`, signal)));
        return names.filter((_name, at) => found[at] !== undefined);
      },
      remove: (name) => this.#delete(`${collection}/${name}`, signal),
    });
    const kinds = [
      kind(SERVER, this.#instances, [ownName(this.#context)]),
      kind(FIREWALL, '/global/firewalls', ruleNames(this.#context)),
    ];
    await removeAll(this.#context, kinds, signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const given = options['google-ssh-key-path'];
    return {
      user: options['google-username'],
      port: 22,
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  get #instances(): string {
    return `/zones/${this.#context.options['google-zone']}/instances`;
  }

  async #delete(path: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#google.change('DELETE', path, undefined, signal);
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }
}
