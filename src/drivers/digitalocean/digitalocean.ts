import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions, SERVER } from '../cloud/cloud-driver.ts';
import { givenText } from '../cloud/given-file.ts';
import { expandHome, givenKey, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { pollUntil } from '../cloud/poll.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import type { RestClient } from '../cloud/rest.ts';
import { tokenNeed } from '../cloud/token-need.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { type Droplet, digitalOcean, doctlToken } from './api.ts';
import { assertPossible } from './check.ts';
import {
  act,
  ensureDroplet,
  ensureFirewall,
  ensureKey,
  ensureTag,
  ownDroplets,
  ownFirewall,
  ownFirewalls,
  ownKeys,
  ownTags,
  toServer,
  USER_DATA,
} from './droplet.ts';
import { type DigitalOceanOptions, options, typedOptions } from './options.ts';

/** A machine at DigitalOcean: one Droplet, with a firewall, a tag and an SSH key of its own. */
export const driver: DriverModule = defineDriver({
  name: 'digitalocean',
  summary: 'a Droplet at DigitalOcean',
  options,
  fitsFirewalls: true,
  needs: async (env) => [
    await tokenNeed({
      options,
      env,
      flag: 'digitalocean-access-token',
      tool: 'doctl',
      find: () => doctlToken(env),
      advice: 'set DIGITALOCEAN_ACCESS_TOKEN or run doctl auth init',
    }),
  ],
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    const { 'digitalocean-ssh-key-fingerprint': fingerprint, 'digitalocean-ssh-key-path': path } = context.options;
    if (fingerprint !== undefined && path === undefined)
      throw new UsageError(
        '--digitalocean-ssh-key-fingerprint needs its private key: give --digitalocean-ssh-key-path too',
      );
    return cloudDriver(context, new DigitalOcean(context));
  },
});

class DigitalOcean implements Cloud {
  readonly provider = 'DigitalOcean';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<DigitalOceanOptions>;
  readonly #api: RestClient;

  constructor(context: DriverContext<DigitalOceanOptions>) {
    this.#context = context;
    this.#api = digitalOcean(context);
    this.firewall = machineFirewall(context, ownFirewall(context, this.#api), {
      sshPort: context.options['digitalocean-ssh-port'],
      open: context.options['digitalocean-open-port'],
    });
    const power = (type: string) => (id: string, signal: AbortSignal) => act(context, this.#api, id, type, signal);
    this.power = {
      start: power('power_on'),
      stop: power('shutdown'),
      kill: power('power_off'),
      restart: power('reboot'),
    };
  }

  async check(signal: AbortSignal): Promise<void> {
    const { 'digitalocean-ssh-key-path': path, 'digitalocean-ssh-key-fingerprint': print } = this.#context.options;
    if (path !== undefined) await givenKey(path, 'digitalocean-ssh-key-path');
    await givenText(this.#context.options['digitalocean-userdata'], USER_DATA);
    await assertPossible(this.#context, this.#api, signal);
    if (print !== undefined) await this.#api.get(`/v2/account/keys/${encodeURIComponent(print)}`, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [context, api] = [this.#context, this.#api];
    const keyId = context.options['digitalocean-ssh-key-fingerprint'] ?? (await this.#key(signal));
    await ensureTag(context, api, signal);
    await ensureFirewall(context, api, this.firewall.ranges, signal);
    await ensureDroplet(context, api, keyId, signal);
  }

  async server(known: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    const id = known ?? (await ownDroplets(this.#context, this.#api, signal))[0];
    if (id === undefined) return undefined;
    const found = await this.#api.find<{ droplet: Droplet }>(`/v2/droplets/${id}`, signal);
    return found === undefined ? undefined : toServer(found.droplet, this.#context.options);
  }

  async remove(signal: AbortSignal): Promise<void> {
    const [context, api] = [this.#context, this.#api];
    const at = (path: string) => (id: string) => this.#delete(`${path}/${encodeURIComponent(id)}`, signal);
    const kinds: readonly RemovableKind[] = [
      { kind: SERVER, list: () => ownDroplets(context, api, signal), remove: at('/v2/droplets') },
      { kind: 'firewall', list: () => ownFirewalls(context, api, signal), remove: at('/v2/firewalls') },
      { kind: 'tag', list: () => ownTags(context, api, signal), remove: at('/v2/tags') },
      { kind: 'ssh-key', list: () => ownKeys(context, api, signal), remove: at('/v2/account/keys') },
    ];
    await removeAll(context, kinds, signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const given = options['digitalocean-ssh-key-path'];
    return {
      user: options['digitalocean-ssh-user'],
      port: options['digitalocean-ssh-port'],
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #key(signal: AbortSignal): Promise<string> {
    const { options } = this.#context;
    const given = options['digitalocean-ssh-key-path'];
    const key = given === undefined ? await ownKey(this.#context) : await givenKey(given, 'digitalocean-ssh-key-path');
    return await ensureKey(this.#context, this.#api, key, signal);
  }

  /** Deletes and waits until it is gone. */
  #delete(path: string, signal: AbortSignal): Promise<boolean> {
    const [context, api] = [this.#context, this.#api];
    const isGone = async (): Promise<true | undefined> =>
      (await api.find(path, signal)) === undefined ? true : undefined;
    const make = async (): Promise<boolean> => {
      if (!(await api.remove(path, signal))) return false;
      return await pollUntil(context, { what: `${path} to go`, timeoutMs: 5 * 60_000 }, isGone, signal);
    };
    return context.change({ action: `DELETE ${path}` }, make, true);
  }
}
