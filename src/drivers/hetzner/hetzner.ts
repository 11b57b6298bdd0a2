import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions, SERVER } from '../cloud/cloud-driver.ts';
import { givenText } from '../cloud/given-file.ts';
import { expandHome, givenKey, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import { codeOf, type RestClient } from '../cloud/rest.ts';
import { deletePart } from '../cloud/rest-parts.ts';
import { tokenNeed } from '../cloud/token-need.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { finished, hcloudToken, hetznerCloud, type Server } from './api.ts';
import { assertPossible } from './check.ts';
import { type HetznerOptions, options, typedOptions } from './options.ts';
import {
  ensureFirewall,
  ensureKey,
  ensureServer,
  type Kind,
  labelsOf,
  lookUp,
  owned,
  ownFirewall,
  toServer,
  USER_DATA,
} from './parts.ts';

/** A machine at Hetzner Cloud: one server, with a firewall and an SSH key of its own. */
export const driver: DriverModule = defineDriver({
  name: 'hetzner',
  summary: 'a server at Hetzner Cloud',
  options,
  fitsFirewalls: true,
  needs: async (env) => [
    await tokenNeed({
      options,
      env,
      flag: 'hetzner-api-token',
      tool: 'hcloud',
      find: () => hcloudToken(env),
      advice: 'set HCLOUD_TOKEN or run hcloud context create',
    }),
  ],
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    assertConsistent(context);
    return cloudDriver(context, new Hetzner(context));
  },
});

class Hetzner implements Cloud {
  readonly provider = 'Hetzner Cloud';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<HetznerOptions>;
  readonly #api: RestClient;

  constructor(context: DriverContext<HetznerOptions>) {
    this.#context = context;
    this.#api = hetznerCloud(context);
    this.firewall = machineFirewall(context, ownFirewall(context, this.#api), {
      sshPort: context.options['hetzner-ssh-port'],
      open: context.options['hetzner-open-port'],
    });
    const power = (verb: string) => (id: string, signal: AbortSignal) => this.#act(id, verb, signal);
    this.power = {
      start: power('poweron'),
      stop: power('shutdown'),
      kill: power('poweroff'),
      restart: power('reboot'),
    };
  }

  async check(signal: AbortSignal): Promise<void> {
    const path = this.#context.options['hetzner-existing-key-path'];
    if (path !== undefined) await givenKey(path, 'hetzner-existing-key-path');
    await givenText(this.#context.options['hetzner-user-data-file'], USER_DATA);
    await assertPossible(this.#context, this.#api, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [context, api] = [this.#context, this.#api];
    const keyId = await this.#key(signal);
    const firewallId = await ensureFirewall(context, api, this.firewall.ranges, signal);
    await ensureServer(context, api, { keyId, firewallId }, signal);
  }

  async server(known: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    const id = known ?? (await owned(this.#context, this.#api, 'server', signal))[0];
    if (id === undefined) return undefined;
    const found = await this.#api.find<{ server: Server }>(`/servers/${id}`, signal);
    return found === undefined ? undefined : toServer(found.server, this.#context.options);
  }

  async remove(signal: AbortSignal): Promise<void> {
    const kind = (word: Kind): RemovableKind => ({
      kind: word === 'server' ? SERVER : word,
      list: () => owned(this.#context, this.#api, word, signal),
      remove: (id) => deletePart(this.#context, this.#api, `/${word}s/${id}`, signal, isInUse),
    });
    await removeAll(this.#context, [kind('server'), kind('firewall'), kind('ssh_key')], signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const given = options['hetzner-existing-key-path'];
    return {
      user: options['hetzner-ssh-user'],
      port: options['hetzner-ssh-port'],
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #key(signal: AbortSignal): Promise<string> {
    const { options } = this.#context;
    const { 'hetzner-existing-key-path': path, 'hetzner-existing-key-id': wanted } = options;
    if (wanted !== undefined) return String((await lookUp(this.#context, this.#api, 'ssh_keys', [wanted], signal))[0]);
    const key = path === undefined ? await ownKey(this.#context) : await givenKey(path, 'hetzner-existing-key-path');
    return await ensureKey(this.#context, this.#api, key, signal);
  }

  #act(id: string, verb: string, signal: AbortSignal): Promise<void> {
    const [context, api] = [this.#context, this.#api];
    const path = `/servers/${id}/actions/${verb}`;
    const make = async (): Promise<void> => {
      const { action } = await api.send<{ action: Parameters<typeof finished>[2] }>('POST', path, {}, signal);
      await finished(context, api, action, `${verb} ${context.name}`, signal);
    };
    return context.change({ action: `POST ${path}` }, make, undefined);
  }
}

/** A firewall is in use until its server is gone. */
function isInUse(error: unknown): boolean {
  return codeOf(error) === 'resource_in_use';
}

function assertConsistent(context: DriverContext<HetznerOptions>): void {
  const { options } = context;
  labelsOf(context);
  if (options['hetzner-existing-key-id'] !== undefined && options['hetzner-existing-key-path'] === undefined)
    throw new UsageError('--hetzner-existing-key-id needs its private key: give --hetzner-existing-key-path too');
  if (options['hetzner-use-private-network'] && options['hetzner-networks'].length === 0)
    throw new UsageError('--hetzner-use-private-network needs a network: give --hetzner-networks too');
  const isHidden = options['hetzner-disable-public-ipv4'] && options['hetzner-disable-public-ipv6'];
  if (isHidden && !options['hetzner-use-private-network'])
    throw new UsageError('a server without public addresses is only reached with --hetzner-use-private-network');
}
