import { type CloudServer, SERVER } from '../cloud/cloud-driver.ts';
import { givenBytes, type UserDataFlag } from '../cloud/given-file.ts';
import { planned } from '../cloud/planned.ts';
import { pollUntil } from '../cloud/poll.ts';
import type { RestClient } from '../cloud/rest.ts';
import { ensurePart } from '../cloud/rest-parts.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { MachineState } from '../state.ts';
import type { Address, Server } from './api.ts';
import { NO_CAPACITY } from './errors.ts';
import { findFlavor, findServerGroup } from './look-up.ts';
import type { OpenStackOptions } from './options.ts';
import { ownByMetadata } from './own.ts';

type Context = DriverContext<OpenStackOptions>;

/** What Nova takes as user data: 65535 bytes in base64. */
export const USER_DATA: UserDataFlag = { flag: 'openstack-user-data-file', maxBytes: Math.floor(65_535 / 4) * 3 };

/** What a server is made of: IDs, and the name of the key pair. */
export interface ServerParts {
  readonly keypair: string;
  readonly groups: readonly string[];
  readonly networks: readonly string[];
  readonly image: string;
  /** Its root disk; undefined: one of the flavor's. */
  readonly volume: string | undefined;
}

/** Makes the server, or finds the one that an earlier attempt made; resolves with its ID when it is active. */
export async function ensureServer(
  context: Context,
  api: RestClient,
  parts: ServerParts,
  signal: AbortSignal,
): Promise<string> {
  const { options, lookup } = context;
  const file = options['openstack-user-data-file'];
  const content = await givenBytes(file, USER_DATA);
  const group = options['openstack-server-group'];
  const hints =
    group === undefined
      ? {}
      : {
          'os:scheduler_hints': {
            group: await lookup(() => findServerGroup(context, api, signal), planned(`group ${group}`)),
          },
        };
  const server = await serverOf(context, api, parts, signal);
  const secret = content === undefined ? {} : { user_data: content.toString('base64') };
  const id = await ensurePart(
    context,
    api,
    {
      kind: SERVER,
      what: 'server',
      path: '/compute/servers',
      body: { server: { ...server, ...secret }, ...hints },
      shown: { server: { ...server, ...(content === undefined ? {} : { user_data: '<file>' }) }, ...hints },
      find: async () => (await ownByMetadata(context, api, '/compute/servers', signal))[0],
      idOf: (answer: { readonly server: { readonly id: string } }) => answer.server.id,
    },
    signal,
  );
  await lookup(() => untilActive(context, api, id, signal), undefined);
  return id;
}

async function serverOf(
  context: Context,
  api: RestClient,
  { keypair, groups, networks, image, volume }: ServerParts,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const { options, name, tags, lookup } = context;
  const zone = options['openstack-availability-zone'];
  const flavor = options['openstack-flavor-id'] ?? options['openstack-flavor-name'];
  const disk = { boot_index: 0, uuid: volume, source_type: 'volume', destination_type: 'volume' };
  return {
    name,
    flavorRef: await lookup(async () => (await findFlavor(context, api, signal)).id, planned(`flavor ${flavor}`)),
    // Our own volume is removed by us, after the server.
    ...(volume === undefined
      ? { imageRef: image }
      : { block_device_mapping_v2: [{ ...disk, delete_on_termination: false }] }),
    key_name: keypair,
    metadata: tags,
    networks: networks.map((uuid) => ({ uuid })),
    security_groups: groups.map((each) => ({ name: each })),
    ...(zone === undefined ? {} : { availability_zone: zone }),
    ...(options['openstack-config-drive'] ? { config_drive: true } : {}),
  };
}

/** Also when it was stopped meanwhile: it has been built. */
async function untilActive(context: Context, api: RestClient, id: string, signal: AbortSignal): Promise<void> {
  const wait = { what: 'the server', timeoutMs: context.options['openstack-active-timeout'] * 1_000 };
  const look = async (): Promise<true | undefined> => {
    const server = await findServer(api, id, signal);
    if (server?.status === 'ERROR') throw notBuilt(server);
    return server === undefined || server.status === 'BUILD' ? undefined : true;
  };
  await pollUntil(context, wait, look, signal);
}

function notBuilt({ fault }: Server): DriverError {
  const reason = (fault?.message ?? 'it does not say why').replace(/\s+/g, ' ').replace(/[.\s]+$/, '');
  if (/no valid host/i.test(reason))
    return new DriverError(`OpenStack: ${reason}. ${NO_CAPACITY.text}`, NO_CAPACITY.code);
  return new DriverError(
    `OpenStack could not build the server: ${reason}. Remove the machine and try again`,
    /quota/i.test(reason) ? 'QUOTA' : 'DRIVER',
  );
}

/** The server; undefined when it is gone or about to be for good. */
export async function findServer(api: RestClient, id: string, signal: AbortSignal): Promise<Server | undefined> {
  const server = (await api.find<{ readonly server: Server }>(`/compute/servers/${id}`, signal))?.server;
  return server === undefined || ['DELETED', 'SOFT_DELETED'].includes(server.status) ? undefined : server;
}

const STATES: Readonly<Record<string, MachineState>> = {
  ACTIVE: 'Running',
  BUILD: 'Starting',
  REBUILD: 'Starting',
  REBOOT: 'Starting',
  HARD_REBOOT: 'Starting',
  PASSWORD: 'Running',
  RESIZE: 'Starting',
  VERIFY_RESIZE: 'Running',
  MIGRATING: 'Running',
  PAUSED: 'Paused',
  SUSPENDED: 'Saved',
  SHUTOFF: 'Stopped',
  SHELVED: 'Stopped',
  SHELVED_OFFLOADED: 'Stopped',
};

const TASKS: Readonly<Record<string, MachineState>> = {
  'powering-off': 'Stopping',
  'powering-on': 'Starting',
  reboot_pending: 'Starting',
  rebooting: 'Starting',
  reboot_started: 'Starting',
};

/** What is known of a server beside its own description. */
export interface ServerPlace {
  /** The provider, where Keystone's address tells it. */
  readonly provider: string | undefined;
  readonly region: string;
  readonly flavor: string;
  /** Of the first network it was made with, when it is known by name. */
  readonly network: string | undefined;
  /** Its floating IP, when it has one. */
  readonly floating: string | undefined;
}

/** The border from Nova's server to ours. */
export function toServer(server: Server, options: OpenStackOptions, place: ServerPlace): CloudServer {
  const task = server['OS-EXT-STS:task_state'] ?? '';
  const zone = server['OS-EXT-AZ:availability_zone'] ?? '';
  return {
    id: server.id,
    state: TASKS[task] ?? STATES[server.status] ?? 'Error',
    word: task === '' ? server.status : `${server.status}, ${task}`,
    address: options['openstack-floatingip-pool'] === undefined ? fixedAddress(server, options, place) : place.floating,
    labels: {
      ...(place.provider === undefined ? {} : { provider: place.provider }),
      region: place.region,
      ...(zone === '' ? {} : { zone }),
      'instance-type': place.flavor,
    },
  };
}

function fixedAddress(
  { addresses = {} }: Server,
  options: OpenStackOptions,
  { network }: ServerPlace,
): string | undefined {
  const isWanted = (each: Address): boolean =>
    each.version === options['openstack-ip-version'] && each['OS-EXT-IPS:type'] !== 'floating';
  const first = (network === undefined ? undefined : addresses[network]) ?? [];
  return [...first, ...Object.values(addresses).flat()].find(isWanted)?.addr;
}
