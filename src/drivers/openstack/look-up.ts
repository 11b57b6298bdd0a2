import type { RestClient } from '../cloud/rest.ts';
import { chosenOf, notOffered } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { pages } from './api.ts';
import type { OpenStackOptions } from './options.ts';

type Context = DriverContext<OpenStackOptions>;

/** A flavor: disk in GiB, memory in MiB. */
export interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly disk: number;
  readonly ram: number;
  readonly vcpus: number;
}

/** An image: `min_disk` in GiB, `min_ram` in MiB. */
export interface Image {
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  readonly status: string;
  readonly created_at: string;
  readonly min_disk: number;
  readonly min_ram: number;
}

interface Network {
  readonly id: string;
  readonly name: string;
  readonly shared?: boolean;
  readonly tenant_id?: string;
  readonly 'router:external'?: boolean;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

const PROVIDER = 'OpenStack';

/** The one of `all` with that ID or name. */
function chosen<T extends Named>(all: readonly T[], what: string, given: string): T {
  return chosenOf(
    all.map((thing) => ({ thing, id: thing.id, name: thing.name })),
    { provider: PROVIDER, what, given },
  );
}

/** The flavor asked for. */
export async function findFlavor({ options }: Context, api: RestClient, signal: AbortSignal): Promise<Flavor> {
  const given = options['openstack-flavor-id'] ?? options['openstack-flavor-name'] ?? '';
  return chosen(await pages<Flavor>(api, '/compute/flavors/detail', 'flavors', signal), 'flavor', given);
}

/** The image asked for: by ID, else the newest of that name, which must be one owner's. */
export async function findImage({ options }: Context, api: RestClient, signal: AbortSignal): Promise<Image> {
  const { 'openstack-image-id': id, 'openstack-image-name': name = '', 'openstack-image-owner': owner } = options;
  const found = id === undefined ? undefined : await api.find<Image>(`/image/images/${encodeURIComponent(id)}`, signal);
  if (found !== undefined) return found;
  const ofOwner = owner === undefined ? '' : `&owner=${encodeURIComponent(owner)}`;
  const query = `status=active${ofOwner}&limit=200`;
  const named =
    id === undefined
      ? await pages<Image>(api, `/image/images?name=${encodeURIComponent(name)}&${query}`, 'images', signal)
      : [];
  const owners = [...new Set(named.map((each) => each.owner))];
  if (owners.length > 1)
    throw new DriverError(
      `${PROVIDER} has images ${name} of ${owners.length} projects: ${owners.join(', ')}. Say whose with --openstack-image-owner`,
      'BAD_OPTIONS',
    );
  const newest = [...named].sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
  if (newest !== undefined) return newest;
  const all = await pages<Image>(api, `/image/images?${query}`, 'images', signal);
  const what = owner === undefined ? 'image' : `image of ${owner}`;
  throw notOffered({ provider: PROVIDER, what, given: id ?? name, offered: all.map((each) => each.name) });
}

/** IDs of the networks to attach; without a flag the only one the project has. */
export async function findNetworks(
  { options }: Context,
  api: RestClient,
  project: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const networks = await pages<Network>(api, '/network/networks', 'networks', signal);
  const wanted = wantedNetworks(options);
  if (wanted.length > 0) return wanted.map((given) => chosen(networks, 'network', given).id);
  const own = networks.filter((each) => each.tenant_id === project || each.shared === true);
  const [only, ...others] = own;
  if (only !== undefined && others.length === 0) return [only.id];
  const names = (own.length === 0 ? networks : own).map(({ name, id }) => name || id).join(', ');
  throw new DriverError(
    `the project has ${own.length === 0 ? 'no network of its own' : 'several networks'}${names === '' ? '' : `; there are ${names}`}. Give --openstack-net-name`,
    'BAD_OPTIONS',
  );
}

/** Networks by name or ID, as flags give them. */
export function wantedNetworks(options: OpenStackOptions): readonly string[] {
  return listed([...options['openstack-net-id'], ...options['openstack-net-name']]);
}

/** ID of the external network that floating IPs come from. */
export async function findPool({ options }: Context, api: RestClient, signal: AbortSignal): Promise<string> {
  const external = await pages<Network>(api, '/network/networks?router%3Aexternal=True', 'networks', signal);
  return chosen(external, 'floating IP pool', options['openstack-floatingip-pool'] ?? '').id;
}

/** IDs of the security groups that were named. */
export async function findGroups(
  { options }: Context,
  api: RestClient,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const groups = await pages<Named>(api, '/network/security-groups', 'security_groups', signal);
  return wantedGroups(options).map((given) => chosen(groups, 'security group', given).id);
}

/** Security groups by name or ID, as flags give them. */
export function wantedGroups(options: OpenStackOptions): readonly string[] {
  return listed(options['openstack-sec-groups']);
}

/** docker-machine took several in one flag, with commas. */
function listed(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(',')).map((each) => each.trim());
}

/** ID of the server group that was named. */
export async function findServerGroup({ options }: Context, api: RestClient, signal: AbortSignal): Promise<string> {
  const { server_groups: groups } = await api.get<{ readonly server_groups: readonly Named[] }>(
    '/compute/os-server-groups',
    signal,
  );
  return chosen(groups, 'server group', options['openstack-server-group'] ?? '').id;
}
