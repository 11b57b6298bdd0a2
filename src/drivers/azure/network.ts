import { ensureMade } from '../cloud/ensure.ts';
import type { PortRange } from '../cloud/ports.ts';
import type { DriverContext } from '../driver.ts';
import type { Azure } from './clients.ts';
import { isRefusal } from './errors.ts';
import { numbered, rulesOf, SECURITY_GROUP } from './firewall.ts';
import { armId, namesOf, tagsOf } from './names.ts';
import type { AzureOptions } from './options.ts';

type Context = DriverContext<AzureOptions>;
const NETWORK = 'Microsoft.Network';

/** The resource group, when it is the machine's own. */
export async function ensureGroup(context: Context, azure: Azure, signal: AbortSignal): Promise<void> {
  const { group, isOwnGroup } = namesOf(context);
  if (!isOwnGroup) return;
  const parameters = { location: context.options['azure-location'], tags: tagsOf(context) };
  const make = async (): Promise<{ id: string }> => {
    context.report('making a resource group');
    await context.change(
      { action: `PUT resourceGroups/${group}`, parameters },
      () =>
        azure.read(({ resources }, send) => resources.resourceGroups.createOrUpdate(group, parameters, send), signal),
      { location: parameters.location },
    );
    return { id: group };
  };
  await ensureMade(context, 'resource-group', { make }, isRefusal);
}

/** Security group, virtual network, public address and the card that joins them. Answers the card's identifier. */
export async function ensureNetwork(
  context: Context,
  azure: Azure,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<string> {
  await ensureSecurityGroup(context, azure, ports, signal);
  const subnet = await ensureSubnet(context, azure, signal);
  const address = context.options['azure-no-public-ip'] ? undefined : await ensureAddress(context, azure, signal);
  return await ensureCard(context, azure, { subnet, address }, signal);
}

async function ensureSecurityGroup(
  context: Context,
  azure: Azure,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<void> {
  const { group, securityGroup: name } = namesOf(context);
  const body = { ...common(context), securityRules: numbered(rulesOf(ports)) };
  await ensure(
    context,
    azure,
    { kind: SECURITY_GROUP, name, body },
    (clients, options) => clients.network.networkSecurityGroups.beginCreateOrUpdate(group, name, body, options),
    signal,
  );
}

async function ensureSubnet(context: Context, azure: Azure, signal: AbortSignal): Promise<string> {
  const { group, network: name } = namesOf(context);
  const { 'azure-vnet': given, 'azure-subnet': subnet, 'azure-subnet-prefix': addressPrefix } = context.options;
  if (given !== undefined) {
    const [vnetGroup, vnet] = given.includes(':') ? given.split(':', 2) : [group, given];
    return `${armId(context, vnetGroup ?? '', NETWORK, 'virtualNetworks', vnet ?? '')}/subnets/${subnet}`;
  }
  const body = {
    ...common(context),
    addressSpace: { addressPrefixes: [addressPrefix] },
    subnets: [{ name: subnet, addressPrefix }],
  };
  await ensure(
    context,
    azure,
    { kind: 'network', name, body },
    (clients, options) => clients.network.virtualNetworks.beginCreateOrUpdate(group, name, body, options),
    signal,
  );
  return `${armId(context, group, NETWORK, 'virtualNetworks', name)}/subnets/${subnet}`;
}

async function ensureAddress(context: Context, azure: Azure, signal: AbortSignal): Promise<string> {
  const { group, address: name } = namesOf(context);
  const { 'azure-dns': dns, 'azure-zone': zone } = context.options;
  const body = {
    ...common(context),
    // Basic addresses, which could be dynamic, were retired in September 2025.
    sku: { name: 'Standard' },
    publicIPAllocationMethod: 'Static',
    publicIPAddressVersion: 'IPv4',
    ...(zone === undefined ? {} : { zones: [zone] }),
    ...(dns === undefined ? {} : { dnsSettings: { domainNameLabel: dns } }),
  };
  await ensure(
    context,
    azure,
    { kind: 'address', name, body },
    (clients, options) => clients.network.publicIPAddresses.beginCreateOrUpdate(group, name, body, options),
    signal,
  );
  return armId(context, group, NETWORK, 'publicIPAddresses', name);
}

async function ensureCard(
  context: Context,
  azure: Azure,
  { subnet, address }: { subnet: string; address: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  const { group, nic: name, securityGroup } = namesOf(context);
  const fixed = context.options['azure-private-ip-address'];
  const body = {
    ...common(context),
    networkSecurityGroup: { id: armId(context, group, NETWORK, 'networkSecurityGroups', securityGroup) },
    ipConfigurations: [
      {
        name: 'ip',
        subnet: { id: subnet },
        ...(address === undefined ? {} : { publicIPAddress: { id: address } }),
        ...(fixed === undefined
          ? { privateIPAllocationMethod: 'Dynamic' }
          : { privateIPAllocationMethod: 'Static', privateIPAddress: fixed }),
      },
    ],
  };
  await ensure(
    context,
    azure,
    { kind: 'network-card', name, body },
    (clients, options) => clients.network.networkInterfaces.beginCreateOrUpdate(group, name, body, options),
    signal,
  );
  return armId(context, group, NETWORK, 'networkInterfaces', name);
}

/** Asking for a name twice makes it once, so a repetition needs no search. */
async function ensure(
  context: Context,
  azure: Azure,
  { kind, name, body }: { kind: string; name: string; body: Readonly<Record<string, unknown>> },
  begin: Parameters<Azure['change']>[1],
  signal: AbortSignal,
): Promise<void> {
  const make = async (): Promise<{ id: string }> => {
    context.report(`making the ${kind.replace('-', ' ')}`);
    await azure.change({ action: `PUT ${kind} ${name}`, parameters: body }, begin, signal);
    return { id: name };
  };
  await ensureMade(context, kind, { make }, isRefusal);
}

function common(context: Context): { location: string; tags: Record<string, string> } {
  return { location: context.options['azure-location'], tags: tagsOf(context) };
}
