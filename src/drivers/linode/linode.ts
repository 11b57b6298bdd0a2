import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions, SERVER } from '../cloud/cloud-driver.ts';
import { givenBytes } from '../cloud/given-file.ts';
import { expandHome, givenKey, type KeyFiles, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import type { RestClient } from '../cloud/rest.ts';
import { deletePart } from '../cloud/rest-parts.ts';
import { tokenNeed } from '../cloud/token-need.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { type Addresses, cliToken, type Instance, linodeApi } from './api.ts';
import { assertPossible } from './look-up.ts';
import { type LinodeOptions, options, typedOptions } from './options.ts';
import { LISTS, owned } from './own.ts';
import { ensureFirewall, ensureInstance, ownFirewall, toServer, USER_DATA } from './parts.ts';

/** A machine at Linode: one Linode, with a firewall of its own. */
export const driver: DriverModule = defineDriver({
  name: 'linode',
  summary: 'a Linode at Akamai',
  options,
  fitsFirewalls: true,
  needs: async (env) => [
    await tokenNeed({
      options,
      env,
      flag: 'linode-token',
      tool: 'linode-cli',
      find: () => cliToken(env),
      advice: 'set LINODE_TOKEN or run linode-cli configure',
    }),
  ],
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    assertConsistent(context.options);
    return cloudDriver(context, new Linode(context));
  },
});

class Linode implements Cloud {
  readonly provider = 'Linode';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<LinodeOptions>;
  readonly #api: RestClient;

  constructor(context: DriverContext<LinodeOptions>) {
    this.#context = context;
    this.#api = linodeApi(context);
    this.firewall = machineFirewall(context, ownFirewall(context, this.#api), {
      sshPort: context.options['linode-ssh-port'],
      open: context.options['linode-open-port'],
    });
    const power = (verb: string) => (id: string, signal: AbortSignal) => this.#act(id, verb, signal);
    this.power = {
      start: power('boot'),
      stop: power('shutdown'),
      // The API has no power switch; a shutdown under way cannot be asked for again.
      kill: async (id, signal) => {
        const found = await this.#api.find<Instance>(`${LISTS.server}/${id}`, signal);
        if (found?.status !== 'shutting_down') await this.#act(id, 'shutdown', signal);
      },
      restart: power('reboot'),
    };
  }

  async check(signal: AbortSignal): Promise<void> {
    const path = this.#context.options['linode-ssh-key-path'];
    if (path !== undefined) await givenKey(path, 'linode-ssh-key-path');
    await givenBytes(this.#context.options['linode-user-data-file'], USER_DATA);
    await assertPossible(this.#context, this.#api, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [context, api] = [this.#context, this.#api];
    const { publicKey } = await this.#key();
    const firewallId = await ensureFirewall(context, api, this.firewall.ranges, signal);
    await ensureInstance(context, api, { publicKey, firewallId }, signal);
  }

  async server(known: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    const { options } = this.#context;
    const id = known ?? (await owned(this.#context, this.#api, 'server', signal))[0];
    if (id === undefined) return undefined;
    const found = await this.#api.find<Instance>(`${LISTS.server}/${id}`, signal);
    if (found === undefined) return undefined;
    const inside = options['linode-use-private-network'] ? await this.#privateAddress(id, signal) : undefined;
    return toServer(found, options, inside);
  }

  async remove(signal: AbortSignal): Promise<void> {
    const kind = (word: keyof typeof LISTS): RemovableKind => ({
      kind: word === 'server' ? SERVER : word,
      list: () => owned(this.#context, this.#api, word, signal),
      remove: (id) => deletePart(this.#context, this.#api, `${LISTS[word]}/${id}`, signal),
    });
    await removeAll(this.#context, [kind('server'), kind('firewall')], signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const given = options['linode-ssh-key-path'];
    return {
      user: options['linode-ssh-user'],
      port: options['linode-ssh-port'],
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #key(): Promise<KeyFiles> {
    const given = this.#context.options['linode-ssh-key-path'];
    return given === undefined ? await ownKey(this.#context) : await givenKey(given, 'linode-ssh-key-path');
  }

  async #act(id: string, verb: string, signal: AbortSignal): Promise<void> {
    const path = `${LISTS.server}/${id}/${verb}`;
    await this.#context.change({ action: `POST ${path}` }, () => this.#api.send('POST', path, {}, signal), undefined);
  }

  async #privateAddress(id: string, signal: AbortSignal): Promise<string | undefined> {
    const { ipv4 } = await this.#api.get<Addresses>(`${LISTS.server}/${id}/ips`, signal);
    return ipv4.vpc?.find(({ address }) => address !== null)?.address ?? ipv4.private[0]?.address;
  }
}

function assertConsistent(options: LinodeOptions): void {
  const isLegacy = options['linode-interface-generation'] === 'legacy_config';
  if (options['linode-create-private-ip'] && !isLegacy)
    throw new UsageError('--linode-create-private-ip needs --linode-interface-generation legacy_config');
  const hasPrivate = options['linode-create-private-ip'] || options['linode-vpc-subnet'] !== undefined;
  if (options['linode-use-private-network'] && !hasPrivate)
    throw new UsageError('--linode-use-private-network needs a network: give --linode-vpc-subnet too');
  if (options['linode-use-private-network'] && options['linode-use-ipv6'])
    throw new UsageError('--linode-use-private-network and --linode-use-ipv6 exclude each other');
}
