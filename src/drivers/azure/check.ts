import type { ResourceSku } from '@azure/arm-compute';
import { SERVER } from '../cloud/cloud-driver.ts';
import { notOffered } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { Azure } from './clients.ts';
import { armId, namesOf } from './names.ts';
import type { AzureOptions } from './options.ts';
import { imageReference } from './virtual-machine.ts';

const PROVIDER = 'Microsoft Azure';

type Context = DriverContext<AzureOptions>;

/** Group, size, quota, image and network; throws a {@link DriverError} for the first that does not fit. */
export async function assertPossible(context: Context, azure: Azure, signal: AbortSignal): Promise<void> {
  const { options, journal } = context;
  await assertGroup(context, azure, signal);
  const size = await findSize(context, azure, signal);
  if (journal.find(SERVER) === undefined) await assertQuota(context, azure, size, signal);
  const { publisher, offer, sku } = imageReference(options['azure-image']);
  if (publisher === undefined || offer === undefined || sku === undefined) return;
  const location = options['azure-location'];
  const versions = await azure.find(
    ({ compute }, send) => compute.virtualMachineImages.list(location, publisher, offer, sku, send),
    signal,
  );
  if (versions !== undefined && versions.length > 0) return;
  const skus = await azure.find(
    ({ compute }, send) => compute.virtualMachineImages.listSkus(location, publisher, offer, send),
    signal,
  );
  if (skus === undefined || skus.length === 0)
    throw wrong(
      `has no image ${options['azure-image']} in ${location}. "az vm image list --all" shows those there are`,
    );
  const named = skus.map(({ name }) => name);
  throw notOffered({
    provider: PROVIDER,
    what: `image ${publisher}:${offer} with the SKU`,
    where: `in ${location}`,
    given: sku,
    offered: named,
  });
}

async function assertGroup(context: Context, azure: Azure, signal: AbortSignal): Promise<void> {
  const { group, isOwnGroup } = namesOf(context);
  const found = await azure.find(({ resources }, send) => resources.resourceGroups.get(group, send), signal);
  if (found === undefined && !isOwnGroup)
    throw wrong(`has no resource group ${group}. Make it, or leave out --azure-resource-group to get one per machine`);
  const vnet = context.options['azure-vnet'];
  if (vnet === undefined) return;
  const [vnetGroup = group, name = vnet] = vnet.includes(':') ? vnet.split(':', 2) : [group, vnet];
  const subnet = context.options['azure-subnet'];
  const network = await azure.find(
    (clients, send) => clients.network.subnets.get(vnetGroup, name, subnet, send),
    signal,
  );
  if (network !== undefined) return;
  throw wrong(
    `has no subnet ${armId(context, vnetGroup, 'Microsoft.Network', 'virtualNetworks', name)}/subnets/${subnet}`,
  );
}

async function findSize({ options }: Context, azure: Azure, signal: AbortSignal): Promise<ResourceSku> {
  const { 'azure-location': location, 'azure-size': size, 'azure-zone': zone } = options;
  const others: string[] = [];
  const found = await azure.read(async ({ compute }, send) => {
    for await (const sku of compute.resourceSkus.list({ ...send, filter: `location eq '${location}'` })) {
      if (sku.resourceType !== 'virtualMachines' || sku.name === undefined) continue;
      if (sku.name.toLowerCase() === size.toLowerCase()) return sku;
      others.push(sku.name);
    }
    return undefined;
  }, signal);
  if (found === undefined) {
    if (others.length === 0) await assertLocation(location, azure, signal);
    throw notOffered({ provider: PROVIDER, what: 'size', where: `in ${location}`, given: size, offered: others });
  }
  const isBarred = found.restrictions?.some(({ type }) => type === 'Location');
  if (isBarred) throw wrong(`does not let this subscription use ${size} in ${location}. Try another size or location`);
  const zones = found.locationInfo?.[0]?.zones ?? [];
  if (zone !== undefined && !zones.includes(zone)) throw wrong(`has ${size} not in zone ${zone} of ${location}`);
  return found;
}

/** A location is `westus2` in options and `West US 2` in Azure's list. */
async function assertLocation(given: string, azure: Azure, signal: AbortSignal): Promise<void> {
  const { resourceTypes = [] } = await azure.read(
    ({ resources }, send) => resources.providers.get('Microsoft.Compute', send),
    signal,
  );
  const { locations = [] } = resourceTypes.find(({ resourceType }) => resourceType === 'virtualMachines') ?? {};
  const plain = (name: string): string => name.toLowerCase().replaceAll(' ', '');
  const offered = locations.map(plain);
  if (!offered.includes(plain(given))) throw notOffered({ provider: PROVIDER, what: 'location', given, offered });
}

async function assertQuota({ options }: Context, azure: Azure, size: ResourceSku, signal: AbortSignal): Promise<void> {
  const location = options['azure-location'];
  const cores = Number(size.capabilities?.find(({ name }) => name === 'vCPUs')?.value ?? 1);
  await azure.read(async ({ compute }, send) => {
    for await (const { name, currentValue, limit } of compute.usageOperations.list(location, send)) {
      const isMeant = name?.value === 'cores' || name?.value === size.family;
      if (!isMeant || currentValue + cores <= limit) continue;
      throw new DriverError(
        `Microsoft Azure: ${currentValue} of ${limit} ${name?.localizedValue} in ${location} are used, and ${size.name} needs ${cores}. Remove some, take another --azure-size or --azure-location, or ask for more under "Quotas" in the portal`,
        'QUOTA',
      );
    }
  }, signal);
}

function wrong(what: string): DriverError {
  return new DriverError(`${PROVIDER} ${what}`, 'BAD_OPTIONS');
}
