import type { RestClient } from '../cloud/rest.ts';
import { chosenOf, notOffered } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import { pages, projectOf, type Server } from './api.ts';
import type { ScalewayOptions } from './options.ts';
import { instanceApi, regionOf } from './own.ts';

type Context = DriverContext<ScalewayOptions>;

interface LocalImage {
  readonly id: string;
  readonly zone: string;
  readonly type: 'instance_local' | 'instance_sbs';
  readonly compatible_commercial_types: readonly string[];
}

/** An image for the machine's type and zone. */
export interface FoundImage {
  readonly id: string;
  /** Where its root volume lies: in Block Storage or on the host. */
  readonly volumeType: 'sbs_volume' | 'l_ssd';
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Credentials, zone, type, image and networks; throws a DriverError for the first that does not fit. */
export async function assertPossible(context: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  await projectOf(context);
  await assertZone(context, api, signal);
  // The first call that needs the key.
  await pages<Server>(api, `${instanceApi(context)}/servers`, 'servers', signal);
  await assertType(context, api, signal);
  await findImage(context, api, signal);
  await findNetworks(context, api, signal);
}

/** The marketplace lists its images in each zone there is. */
async function assertZone({ options }: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const given = options['scaleway-zone'];
  const images = await pages<LocalImage>(api, localImages(KNOWN_LABEL), 'local_images', signal);
  const offered = [...new Set(images.map(({ zone }) => zone))].sort();
  if (offered.length > 0 && !offered.includes(given))
    throw notOffered({ provider: 'Scaleway', what: 'zone', given, offered });
}

async function assertType(context: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const { 'scaleway-commercial-type': given, 'scaleway-zone': zone } = context.options;
  type Availability = Readonly<Record<string, { readonly availability: 'available' | 'scarce' | 'shortage' }>>;
  const path = `${instanceApi(context)}/products/servers/availability?per_page=100`;
  const { servers } = await api.get<{ readonly servers: Availability }>(path, signal);
  const found = Object.hasOwn(servers, given) ? servers[given] : undefined;
  if (found !== undefined && found.availability !== 'shortage') return;
  const offered = Object.keys(servers).filter((type) => servers[type]?.availability !== 'shortage');
  const what = found === undefined ? 'type' : 'capacity for';
  throw notOffered({ provider: 'Scaleway', what, where: `in ${zone}`, given, offered });
}

/** The image's ID in the machine's zone, for its type. */
export async function findImage(context: Context, api: RestClient, signal: AbortSignal): Promise<FoundImage> {
  const { 'scaleway-image': given, 'scaleway-zone': zone, 'scaleway-commercial-type': type } = context.options;
  if (UUID.test(given)) return await imageById(context, api, given, signal);
  const { local_images: all = [] } =
    (await api.find<{ readonly local_images: readonly LocalImage[] }>(
      `${localImages(given)}&zone=${encodeURIComponent(zone)}&page_size=100`,
      signal,
    )) ?? {};
  const fitting = all.filter(({ compatible_commercial_types: types }) => types.includes(type));
  const found = fitting.find((each) => each.type === 'instance_sbs') ?? fitting[0];
  if (found !== undefined) return { id: found.id, volumeType: found.type === 'instance_sbs' ? 'sbs_volume' : 'l_ssd' };
  const images = await pages<{ readonly label: string }>(api, '/marketplace/v2/images', 'images', signal);
  const offered = images.map(({ label }) => label).filter((label) => label !== given);
  throw notOffered({ provider: 'Scaleway', what: 'image', where: `for ${type} in ${zone}`, given, offered });
}

async function imageById(context: Context, api: RestClient, id: string, signal: AbortSignal): Promise<FoundImage> {
  const { image } = await api.get<{ readonly image: { readonly root_volume?: { readonly volume_type: string } } }>(
    `${instanceApi(context)}/images/${id}`,
    signal,
  );
  return { id, volumeType: image.root_volume?.volume_type === 'l_ssd' ? 'l_ssd' : 'sbs_volume' };
}

/** IDs of the Private Networks to attach, which must be in the machine's region. */
export async function findNetworks(
  { options }: Context,
  api: RestClient,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { 'scaleway-private-network': wanted, 'scaleway-zone': zone } = options;
  if (wanted.length === 0) return [];
  const region = regionOf(zone);
  type Network = { readonly id: string; readonly name: string };
  const networks = await pages<Network>(api, `/vpc/v2/regions/${region}/private-networks`, 'private_networks', signal);
  const choices = networks.map(({ id, name }) => ({ thing: id, id, name }));
  return wanted.map((given) =>
    chosenOf(choices, { provider: 'Scaleway', what: 'Private Network', where: `in ${region}`, given }),
  );
}

/** The address of a network card in its Private Network, which the IP address management knows. */
export async function privateAddress(
  { options }: Context,
  api: RestClient,
  nicId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = `/ipam/v1/regions/${regionOf(options['scaleway-zone'])}/ips`;
  const query = `?resource_id=${nicId}&resource_type=instance_private_nic&is_ipv6=false`;
  const { ips } = await api.get<{ readonly ips: readonly { readonly address: string }[] }>(`${path}${query}`, signal);
  return ips[0]?.address.replace(/\/\d+$/, '');
}

const KNOWN_LABEL = 'debian_bookworm';

function localImages(label: string): string {
  return `/marketplace/v2/local-images?image_label=${encodeURIComponent(label)}`;
}
