import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions, SERVER } from '../cloud/cloud-driver.ts';
import { givenBytes } from '../cloud/given-file.ts';
import { expandHome, givenKey, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { pollUntil } from '../cloud/poll.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import type { RestClient } from '../cloud/rest.ts';
import { deletePart } from '../cloud/rest-parts.ts';
import { tokenNeed } from '../cloud/token-need.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { cliKey, type Instance, vultrApi } from './api.ts';
import { assertPossible, findKeys } from './look-up.ts';
import { options, typedOptions, type VultrOptions } from './options.ts';
import { ownFirewalls, ownInstances, ownKeys } from './own.ts';
import { ensureFirewall, ensureInstance, ensureKey, ownFirewall, toServer, USER_DATA } from './parts.ts';

/** A machine at Vultr: one instance, with a firewall group and an SSH key of its own. */
export const driver: DriverModule = defineDriver({
  name: 'vultr',
  summary: 'an instance at Vultr',
  options,
  fitsFirewalls: true,
  needs: async (env) => [
    await tokenNeed({
      options,
      env,
      flag: 'vultr-api-key',
      tool: 'vultr-cli',
      find: () => cliKey(env),
      advice: 'set VULTR_API_KEY or put one into ~/.vultr-cli.yaml',
    }),
  ],
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    assertConsistent(context.options);
    return cloudDriver(context, new Vultr(context));
  },
});

class Vultr implements Cloud {
  readonly provider = 'Vultr';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<VultrOptions>;
  readonly #api: RestClient;

  constructor(context: DriverContext<VultrOptions>) {
    this.#context = context;
    this.#api = vultrApi(context);
    this.firewall = machineFirewall(context, ownFirewall(context, this.#api), {
      sshPort: context.options['vultr-ssh-port'],
      open: context.options['vultr-open-port'],
    });
    const power = (verb: string) => (id: string, signal: AbortSignal) => this.#act(id, verb, signal);
    // The API has one way to stop, which is pulling the plug.
    this.power = {
      start: async (id, signal) => {
        await this.#act(id, 'start', signal);
        await this.#powered(id, signal);
      },
      stop: power('halt'),
      kill: power('halt'),
      restart: power('reboot'),
    };
  }

  async check(signal: AbortSignal): Promise<void> {
    const path = this.#context.options['vultr-ssh-key-path'];
    if (path !== undefined) await givenKey(path, 'vultr-ssh-key-path');
    await givenBytes(this.#context.options['vultr-user-data-file'], USER_DATA);
    await assertPossible(this.#context, this.#api, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [context, api] = [this.#context, this.#api];
    const { options } = context;
    const keyIds = await this.#keys(signal);
    const firewallId =
      options['vultr-firewall-group-id'] ?? (await ensureFirewall(context, api, this.firewall.ranges, signal));
    await ensureInstance(context, api, { keyIds, firewallId }, signal);
  }

  async server(known: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    const id = known ?? (await ownInstances(this.#context, this.#api, signal))[0];
    if (id === undefined) return undefined;
    const found = await this.#api.find<{ instance: Instance }>(`/instances/${id}`, signal);
    return found === undefined ? undefined : toServer(found.instance, this.#context.options);
  }

  async remove(signal: AbortSignal): Promise<void> {
    const [context, api] = [this.#context, this.#api];
    const at = (path: string) => (id: string) => deletePart(context, api, `${path}/${id}`, signal);
    const kinds: readonly RemovableKind[] = [
      { kind: SERVER, list: () => ownInstances(context, api, signal), remove: at('/instances') },
      { kind: 'firewall', list: () => ownFirewalls(context, api, signal), remove: at('/firewalls') },
      { kind: 'ssh-key', list: () => ownKeys(context, api, signal), remove: at('/ssh-keys') },
    ];
    await removeAll(context, kinds, signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const given = options['vultr-ssh-key-path'];
    return {
      user: options['vultr-ssh-user'],
      port: options['vultr-ssh-port'],
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #keys(signal: AbortSignal): Promise<readonly string[]> {
    const [context, api] = [this.#context, this.#api];
    const { 'vultr-ssh-key-ids': wanted, 'vultr-ssh-key-path': path } = context.options;
    if (wanted.length > 0) return await context.lookup(() => findKeys(context, api, signal), wanted);
    const key = path === undefined ? await ownKey(context) : await givenKey(path, 'vultr-ssh-key-path');
    return [await ensureKey(context, api, key, signal)];
  }

  /** The API takes a start and goes on calling the instance stopped for a while. */
  async #powered(id: string, signal: AbortSignal): Promise<void> {
    const wait = { what: `${this.#context.name} to start`, timeoutMs: 5 * 60_000 };
    const look = async (): Promise<true | undefined> => {
      const found = await this.#api.find<{ instance: Instance }>(`/instances/${id}`, signal);
      return found?.instance.power_status === 'stopped' ? undefined : true;
    };
    await pollUntil(this.#context, wait, look, signal);
  }

  async #act(id: string, verb: string, signal: AbortSignal): Promise<void> {
    const path = `/instances/${id}/${verb}`;
    await this.#context.change({ action: `POST ${path}` }, () => this.#api.send('POST', path, {}, signal), undefined);
  }
}

function assertConsistent(options: VultrOptions): void {
  if (options['vultr-ssh-key-ids'].length > 0 && options['vultr-ssh-key-path'] === undefined)
    throw new UsageError('--vultr-ssh-key-ids needs the private key of one of them: give --vultr-ssh-key-path too');
  if (options['vultr-use-private-network'] && options['vultr-vpc-ids'].length === 0)
    throw new UsageError('--vultr-use-private-network needs a network: give --vultr-vpc-ids too');
  if (options['vultr-use-private-network'] && options['vultr-use-ipv6'])
    throw new UsageError('--vultr-use-private-network and --vultr-use-ipv6 exclude each other');
}
