import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions } from '../cloud/cloud-driver.ts';
import { givenBytes, type UserDataFlag } from '../cloud/given-file.ts';
import { expandHome, givenKey, type KeyFiles, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { planned } from '../cloud/planned.ts';
import { pollUntil } from '../cloud/poll.ts';
import type { RestClient } from '../cloud/rest.ts';
import { tokenNeed } from '../cloud/token-need.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { profileValue, projectOf, type Server, scalewayApi } from './api.ts';
import { assertPossible, findNetworks, privateAddress } from './look-up.ts';
import { options, type ScalewayOptions, typedOptions } from './options.ts';
import { instanceApi, owned } from './own.ts';
import { ensureAddresses, ensureSecurityGroup, ensureServer, ensureVolume, ownFirewall, toServer } from './parts.ts';
import { removeMachine } from './remove.ts';

/** A machine at Scaleway: one Instance, with a security group, addresses and a root volume of its own. */
export const driver: DriverModule = defineDriver({
  name: 'scaleway',
  summary: 'an Instance at Scaleway',
  options,
  fitsFirewalls: true,
  needs: async (env) => [
    await tokenNeed({
      options,
      env,
      flag: 'scaleway-token',
      tool: 'scw',
      find: () => profileValue(env, 'secret_key'),
      advice: 'set SCW_SECRET_KEY or run scw init',
    }),
    await tokenNeed({
      what: 'project',
      options,
      env,
      flag: 'scaleway-project-id',
      tool: 'scw',
      find: () => profileValue(env, 'default_project_id'),
      advice: 'set SCW_DEFAULT_PROJECT_ID or run scw init',
    }),
  ],
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    assertConsistent(context.options);
    return cloudDriver(context, new Scaleway(context));
  },
});

/** What Scaleway takes as user data. */
const USER_DATA: UserDataFlag = { flag: 'scaleway-user-data-file' };

class Scaleway implements Cloud {
  readonly provider = 'Scaleway';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<ScalewayOptions>;
  readonly #api: RestClient;

  constructor(context: DriverContext<ScalewayOptions>) {
    this.#context = context;
    this.#api = scalewayApi(context);
    this.firewall = machineFirewall(context, ownFirewall(context, this.#api), {
      sshPort: context.options['scaleway-ssh-port'],
      open: context.options['scaleway-open-port'],
    });
    const power = (action: string) => (path: string, signal: AbortSignal) => this.#act(path, action, signal);
    this.power = {
      start: power('poweron'),
      // Frees the place on the host, which is what is paid for.
      stop: power('poweroff'),
      // The API has no power switch; a stop under way cannot be asked for again.
      kill: async (path, signal) => {
        if ((await this.#find(path, signal))?.state !== 'stopping') await this.#act(path, 'poweroff', signal);
      },
      restart: power('reboot'),
    };
  }

  async check(signal: AbortSignal): Promise<void> {
    const path = this.#context.options['scaleway-ssh-key-path'];
    if (path !== undefined) await givenKey(path, 'scaleway-ssh-key-path');
    await givenBytes(this.#context.options['scaleway-user-data-file'], USER_DATA);
    await assertPossible(this.#context, this.#api, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [context, api] = [this.#context, this.#api];
    const { options } = context;
    const ports = this.firewall.ranges;
    const project = await context.lookup(
      () => projectOf(context),
      options['scaleway-project-id'] ?? planned('project'),
    );
    const { publicKey } = await this.#key();
    const group = await ensureSecurityGroup(context, api, { ports, project }, signal);
    const addresses = await ensureAddresses(context, api, project, signal);
    const path = await ensureServer(context, api, { project, publicKey, group, addresses }, signal);
    const wait = { what: 'Scaleway to know the Instance', timeoutMs: 60_000 };
    const server = await context.lookup<Server | undefined>(
      () => pollUntil(context, wait, () => this.#find(path, signal), signal),
      undefined,
    );
    await ensureVolume(context, api, server, signal);
    if (server === undefined || server.state === 'stopped') await this.#firstStart(path, server, signal);
  }

  async server(known: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    const { options } = this.#context;
    const list = `${instanceApi(this.#context)}/servers`;
    const path = known ?? (await owned(this.#context, this.#api, list, signal))[0];
    const server = path === undefined ? undefined : await this.#find(path, signal);
    if (path === undefined || server === undefined) return undefined;
    const nic = options['scaleway-use-private-network'] ? server.private_nics[0] : undefined;
    const inside = nic === undefined ? undefined : await privateAddress(this.#context, this.#api, nic.id, signal);
    return toServer(path, server, options, inside);
  }

  remove(signal: AbortSignal): Promise<void> {
    return removeMachine(this.#context, this.#api, signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const given = options['scaleway-ssh-key-path'];
    return {
      user: options['scaleway-ssh-user'],
      port: options['scaleway-ssh-port'],
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #key(): Promise<KeyFiles> {
    const given = this.#context.options['scaleway-ssh-key-path'];
    return given === undefined ? await ownKey(this.#context) : await givenKey(given, 'scaleway-ssh-key-path');
  }

  async #find(path: string, signal: AbortSignal): Promise<Server | undefined> {
    return (await this.#api.find<{ server: Server }>(path, signal))?.server;
  }

  /** What can only be given to a server that exists and has not run yet. */
  async #firstStart(path: string, server: Server | undefined, signal: AbortSignal): Promise<void> {
    const [context, api] = [this.#context, this.#api];
    const { 'scaleway-private-network': wanted, 'scaleway-user-data-file': file } = context.options;
    const attached = server?.private_nics.map(({ private_network_id }) => private_network_id) ?? [];
    for (const private_network_id of await context.lookup(() => findNetworks(context, api, signal), wanted)) {
      if (attached.includes(private_network_id)) continue;
      const call = { action: `POST ${path}/private_nics`, parameters: { private_network_id } };
      await context.change(
        call,
        () => api.send('POST', `${path}/private_nics`, { private_network_id }, signal),
        undefined,
      );
    }
    const content = await givenBytes(file, USER_DATA);
    if (content !== undefined) {
      const action = `PATCH ${path}/user_data/cloud-init`;
      await context.change(
        { action },
        () => api.send('PATCH', `${path}/user_data/cloud-init`, content, signal),
        undefined,
      );
    }
    await this.#act(path, 'poweron', signal);
  }

  async #act(path: string, action: string, signal: AbortSignal): Promise<void> {
    const call = { action: `POST ${path}/action`, parameters: { action } };
    await this.#context.change(call, () => this.#api.send('POST', `${path}/action`, { action }, signal), undefined);
  }
}

function assertConsistent(options: ScalewayOptions): void {
  const isInside = options['scaleway-use-private-network'];
  if (isInside && options['scaleway-private-network'].length === 0)
    throw new UsageError('--scaleway-use-private-network needs a network: give --scaleway-private-network too');
  if (isInside && options['scaleway-use-ipv6'])
    throw new UsageError('--scaleway-use-private-network and --scaleway-use-ipv6 exclude each other');
}
