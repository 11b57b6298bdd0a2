import type { RestClient } from '../cloud/rest.ts';
import { chosenOf, notOffered } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { type Instance, pages } from './api.ts';
import type { LinodeOptions } from './options.ts';
import { isOurs, LISTS, labelOf } from './own.ts';

type Context = DriverContext<LinodeOptions>;

interface Region {
  readonly id: string;
  readonly capabilities: readonly string[];
  readonly status: string;
}

interface Image {
  readonly id: string;
  readonly label: string;
  readonly status?: string;
}

interface Vpc {
  readonly label: string;
  readonly region: string;
  readonly subnets: readonly { readonly id: number; readonly label: string }[];
}

/** Region, type, image, subnet and label; throws a {@link DriverError} for the first that does not fit. */
export async function assertPossible(context: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const { options } = context;
  // First what needs the token: regions and types are public.
  const instances = await pages<Instance>(api, LISTS.server, signal);
  await assertRegion(options, api, signal);
  await assertType(options, api, signal);
  await findImage(context, api, signal);
  const subnet = options['linode-vpc-subnet'];
  if (subnet !== undefined) await findSubnet(context, api, subnet, signal);
  const label = labelOf(context);
  const taken = instances.find((each) => each.label === label);
  if (taken === undefined || isOurs(context, taken)) return;
  throw new DriverError(
    `the Linode account has a Linode ${label} already. Take another name, give --linode-label, or remove that one`,
    'NAME_TAKEN',
  );
}

async function assertRegion(options: LinodeOptions, api: RestClient, signal: AbortSignal): Promise<void> {
  const given = options['linode-region'];
  const regions = await pages<Region>(api, '/regions', signal);
  const region = regions.find(({ id }) => id === given);
  if (region === undefined)
    throw notOffered({ provider: 'Linode', what: 'region', given, offered: regions.map(({ id }) => id) });
  const needed = ['Linodes', 'Cloud Firewall'];
  if (options['linode-user-data-file'] !== undefined) needed.push('Metadata');
  if (options['linode-vpc-subnet'] !== undefined) needed.push('VPCs');
  const missing = needed.filter((each) => !region.capabilities.includes(each));
  if (missing.length === 0) return;
  const fitting = regions.filter(({ capabilities }) => needed.every((each) => capabilities.includes(each)));
  throw new DriverError(
    `Linode's region ${given} has no ${missing.join(' and no ')}. These have: ${fitting.map(({ id }) => id).join(', ') || 'none'}`,
    'BAD_OPTIONS',
  );
}

async function assertType(options: LinodeOptions, api: RestClient, signal: AbortSignal): Promise<void> {
  const { 'linode-instance-type': given, 'linode-region': region } = options;
  const types = (await pages<{ readonly id: string }>(api, '/linode/types', signal)).map(({ id }) => id);
  if (!types.includes(given)) throw notOffered({ provider: 'Linode', what: 'type', given, offered: types });
  // The list names the plans that can be short; one that is not in it is to be had.
  const plans = await api.get<readonly { readonly plan: string; readonly available: boolean }[]>(
    `/regions/${region}/availability`,
    signal,
  );
  const short = plans.filter(({ available }) => !available).map(({ plan }) => plan);
  if (!short.includes(given)) return;
  const others = types.filter((type) => !short.includes(type));
  throw notOffered({ provider: 'Linode', what: 'type', where: `in ${region}`, given, offered: others });
}

/** The image's ID. */
export async function findImage({ options }: Context, api: RestClient, signal: AbortSignal): Promise<string> {
  const given = options['linode-image'];
  const images = await pages<Image>(api, '/images', signal);
  const asked = { provider: 'Linode', what: 'image', given };
  const choices = images.map(({ id, label }) => ({ thing: id, id, name: label }));
  if (images.some(({ id, label }) => id === given || label === given)) return chosenOf(choices, asked);
  throw notOffered({ ...asked, offered: images.map(({ id }) => id) });
}

/** The subnet's ID, which must be in a VPC of the machine's region. */
export async function findSubnet(
  { options }: Context,
  api: RestClient,
  given: string,
  signal: AbortSignal,
): Promise<number> {
  const region = options['linode-region'];
  const vpcs = (await pages<Vpc>(api, '/vpcs', signal)).filter((vpc) => vpc.region === region);
  const subnets = vpcs.flatMap((vpc) => vpc.subnets.map(({ id, label }) => ({ id, path: `${vpc.label}/${label}` })));
  const found = subnets.find(({ id, path }) => String(id) === given || path === given);
  if (found !== undefined) return found.id;
  const offered = subnets.map(({ path }) => path);
  throw notOffered({ provider: 'Linode', what: 'VPC subnet', where: `in ${region}`, given, offered });
}
