import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions, SERVER } from '../cloud/cloud-driver.ts';
import { expandHome, givenKey, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { planned } from '../cloud/planned.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import { codeOf, type RestClient, statusOf } from '../cloud/rest.ts';
import { deletePart } from '../cloud/rest-parts.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { accessNeed } from './access-need.ts';
import { openstackApi, type Server } from './api.ts';
import { assertPossible } from './check.ts';
import { findGroups, findImage, findNetworks, wantedGroups, wantedNetworks } from './look-up.ts';
import { type OpenStackOptions, options, typedOptions } from './options.ts';
import { ownByMetadata, ownByText, ownKeypairs } from './own.ts';
import {
  ensureFloatingIp,
  ensureKeypair,
  ensureSecurityGroup,
  ensureVolume,
  FLOATING_IP,
  ownFirewall,
} from './parts.ts';
import { ensureServer, findServer, toServer } from './server.ts';
import { Session } from './session.ts';

/** A machine at an OpenStack cloud: one server, with a key pair, a security group and what flags ask for of its own. */
export const driver: DriverModule = defineDriver({
  name: 'openstack',
  summary: 'a server at an OpenStack cloud: OVHcloud, Rackspace, a private one',
  options,
  fitsFirewalls: true,
  needs: async (env) => [await accessNeed(env)],
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    assertConsistent(context.options);
    return cloudDriver(context, new OpenStack(context));
  },
});

/** How a server is woken that is neither running nor off. */
const WAKES: Readonly<Record<string, string>> = {
  PAUSED: 'unpause',
  SUSPENDED: 'resume',
  SHELVED: 'unshelve',
  SHELVED_OFFLOADED: 'unshelve',
};

class OpenStack implements Cloud {
  readonly provider = 'OpenStack';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<OpenStackOptions>;
  readonly #session: Session;
  readonly #api: RestClient;

  constructor(context: DriverContext<OpenStackOptions>) {
    this.#context = context;
    this.#session = new Session(context);
    this.#api = openstackApi(context, this.#session);
    this.firewall = machineFirewall(context, ownFirewall(context, this.#api), {
      sshPort: context.options['openstack-ssh-port'],
      open: context.options['openstack-open-port'],
    });
    this.power = {
      start: async (id, signal) => {
        const status = (await findServer(this.#api, id, signal))?.status ?? '';
        await this.#act(id, { [WAKES[status] ?? 'os-start']: null }, signal);
      },
      stop: (id, signal) => this.#act(id, { 'os-stop': null }, signal),
      // The API has no power switch; a stop under way cannot be asked for again.
      kill: async (id, signal) => {
        const server = await findServer(this.#api, id, signal);
        if (server?.['OS-EXT-STS:task_state'] !== 'powering-off') await this.#act(id, { 'os-stop': null }, signal);
      },
      restart: (id, signal) => this.#act(id, { reboot: { type: 'SOFT' } }, signal),
    };
  }

  check(signal: AbortSignal): Promise<void> {
    return assertPossible(this.#context, this.#api, this.#session, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [context, api] = [this.#context, this.#api];
    const { options, lookup } = context;
    const keypair = await this.#keypair(signal);
    const groups = await this.#groups(signal);
    const networks = await lookup(
      async () => findNetworks(context, api, await this.#session.project(signal), signal),
      plannedNetworks(options),
    );
    const wanted = options['openstack-image-id'] ?? options['openstack-image-name'];
    const image = await lookup(
      async () => (await findImage(context, api, signal)).id,
      planned(`newest image ${wanted}`),
    );
    const volume = options['openstack-boot-from-volume'] ? await ensureVolume(context, api, image, signal) : undefined;
    const server = await ensureServer(context, api, { keypair, groups, networks, image, volume }, signal);
    if (options['openstack-floatingip-pool'] !== undefined)
      await ensureFloatingIp(context, api, { server, network: networks[0] ?? '' }, signal);
  }

  async server(known: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    const [context, api] = [this.#context, this.#api];
    const id = known ?? (await ownByMetadata(context, api, '/compute/servers', signal))[0];
    const server = id === undefined ? undefined : await findServer(api, id, signal);
    if (server === undefined) return undefined;
    return toServer(server, context.options, {
      provider: await this.#session.provider(),
      region: await this.#session.region(signal),
      flavor: await this.#flavorOf(server, signal),
      network: context.options['openstack-net-name'][0],
      floating: await this.#floatingIp(server, signal),
    });
  }

  async remove(signal: AbortSignal): Promise<void> {
    const [context, api] = [this.#context, this.#api];
    const isInUse = (error: unknown): boolean =>
      statusOf(error) === 409 || (codeOf(error) === 'badRequest' && /status must be/i.test(String(error)));
    const at = (path: string) => (id: string) => deletePart(context, api, `${path}/${id}`, signal, isInUse);
    const marked = (path: '/compute/servers' | '/volume/volumes') => ({
      list: () => ownByMetadata(context, api, path, signal),
      remove: at(path),
    });
    const described = (path: '/network/floatingips' | '/network/security-groups') => ({
      list: () => ownByText(context, api, path, signal),
      remove: at(path),
    });
    const hasVolume = context.options['openstack-boot-from-volume'] || context.journal.find('volume') !== undefined;
    const kinds: readonly RemovableKind[] = [
      { kind: SERVER, ...marked('/compute/servers') },
      { kind: FLOATING_IP, ...described('/network/floatingips') },
      // Not every cloud has Cinder.
      ...(hasVolume ? [{ kind: 'volume', ...marked('/volume/volumes') }] : []),
      { kind: 'security-group', ...described('/network/security-groups') },
      { kind: 'key-pair', list: () => ownKeypairs(context, api, signal), remove: at('/compute/os-keypairs') },
    ];
    await removeAll(context, kinds, signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const given = options['openstack-private-key-file'];
    return {
      user: options['openstack-ssh-user'],
      port: options['openstack-ssh-port'],
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #keypair(signal: AbortSignal): Promise<string> {
    const { 'openstack-keypair-name': name, 'openstack-private-key-file': path } = this.#context.options;
    if (name !== undefined) return name;
    const key = path === undefined ? await ownKey(this.#context) : await givenKey(path, 'openstack-private-key-file');
    return await ensureKeypair(this.#context, this.#api, key, signal);
  }

  async #groups(signal: AbortSignal): Promise<readonly string[]> {
    const [context, api] = [this.#context, this.#api];
    const { options } = context;
    const wanted = wantedGroups(options);
    if (wanted.length > 0) return await context.lookup(() => findGroups(context, api, signal), wanted);
    return [await ensureSecurityGroup(context, api, this.firewall.ranges, signal)];
  }

  async #flavorOf({ flavor }: Server, signal: AbortSignal): Promise<string> {
    if (flavor.original_name !== undefined) return flavor.original_name;
    type Found = { readonly flavor: { readonly name: string } };
    // A flavor may be gone while there are servers of it.
    return (await this.#api.find<Found>(`/compute/flavors/${flavor.id}`, signal))?.flavor.name ?? flavor.id ?? '';
  }

  /** Nova learns of a floating IP a while after Neutron. */
  async #floatingIp({ addresses = {} }: Server, signal: AbortSignal): Promise<string | undefined> {
    const [context, api] = [this.#context, this.#api];
    if (context.options['openstack-floatingip-pool'] === undefined) return undefined;
    const known = Object.values(addresses).flat();
    const shown = known.find((each) => each['OS-EXT-IPS:type'] === 'floating')?.addr;
    if (shown !== undefined) return shown;
    const id = context.journal.find(FLOATING_IP)?.id;
    if (id === undefined) return undefined;
    type Found = { readonly floatingip: { readonly floating_ip_address: string } };
    return (await api.find<Found>(`/network/floatingips/${id}`, signal))?.floatingip.floating_ip_address;
  }

  async #act(id: string, action: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void> {
    const path = `/compute/servers/${id}/action`;
    const call = { action: `POST ${path}`, parameters: action };
    await this.#context.change(call, () => this.#api.send('POST', path, action, signal), undefined);
  }
}

function plannedNetworks(options: OpenStackOptions): readonly string[] {
  const wanted = wantedNetworks(options);
  return wanted.length === 0 ? [planned("project's network")] : wanted.map((each) => planned(`network ${each}`));
}

function assertConsistent(options: OpenStackOptions): void {
  for (const [article, one, other] of [
    ['a flavor', options['openstack-flavor-name'], options['openstack-flavor-id']],
    ['an image', options['openstack-image-name'], options['openstack-image-id']],
  ] as const) {
    const what = article.slice(article.indexOf(' ') + 1);
    const flags = [`--openstack-${what}-name`, `--openstack-${what}-id`];
    if (one === undefined && other === undefined)
      throw new UsageError(`the driver openstack needs ${article}: give ${flags.join(' or ')}`);
    if (one !== undefined && other !== undefined) throw new UsageError(`${flags.join(' and ')} exclude each other`);
  }
  if (options['openstack-keypair-name'] !== undefined && options['openstack-private-key-file'] === undefined)
    throw new UsageError('--openstack-keypair-name needs its private key: give --openstack-private-key-file too');
  if (options['openstack-floatingip-pool'] !== undefined && options['openstack-ip-version'] === 6)
    throw new UsageError('--openstack-floatingip-pool is for IPv4: leave out --openstack-ip-version 6');
}
