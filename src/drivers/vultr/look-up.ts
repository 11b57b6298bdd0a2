import type { RestClient } from '../cloud/rest.ts';
import { chosenOf, notOffered } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import { type FirewallGroup, pages, type SshKey } from './api.ts';
import type { VultrOptions } from './options.ts';

type Context = DriverContext<VultrOptions>;

interface System {
  readonly id: number;
  readonly name: string;
}

interface Vpc {
  readonly id: string;
  readonly description: string;
  readonly region: string;
}

/** Key, region, plan, system and networks; throws a DriverError for the first that does not fit. */
export async function assertPossible(context: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const { options } = context;
  // First what needs the API key: regions, plans and systems are public.
  await findKeys(context, api, signal);
  const regions = await pages<{ readonly id: string }>(api, '/regions', 'regions', signal);
  const region = options['vultr-region'];
  if (!regions.some(({ id }) => id === region))
    throw notOffered({ provider: 'Vultr', what: 'region', given: region, offered: regions.map(({ id }) => id) });
  await assertPlan(options, api, signal);
  await findSystem(context, api, signal);
  await findVpcs(context, api, signal);
  const group = options['vultr-firewall-group-id'];
  if (group !== undefined) await assertGroup(group, api, signal);
}

async function assertGroup(given: string, api: RestClient, signal: AbortSignal): Promise<void> {
  const groups = await pages<FirewallGroup>(api, '/firewalls', 'firewall_groups', signal);
  if (!groups.some(({ id }) => id === given))
    throw notOffered({ provider: 'Vultr', what: 'firewall group', given, offered: groups.map(({ id }) => id) });
}

async function assertPlan(options: VultrOptions, api: RestClient, signal: AbortSignal): Promise<void> {
  const { 'vultr-vps-plan': given, 'vultr-region': region } = options;
  const plans = (await pages<{ readonly id: string }>(api, '/plans', 'plans', signal)).map(({ id }) => id);
  if (!plans.includes(given)) throw notOffered({ provider: 'Vultr', what: 'plan', given, offered: plans });
  const { available_plans: offered } = await api.get<{ readonly available_plans: readonly string[] }>(
    `/regions/${region}/availability`,
    signal,
  );
  if (!offered.includes(given))
    throw notOffered({ provider: 'Vultr', what: 'plan', where: `in ${region}`, given, offered });
}

/** The system's ID: by ID, by name, or by the beginning of the name (`Debian 13 x64` of `Debian 13 x64 (trixie)`). */
export async function findSystem({ options }: Context, api: RestClient, signal: AbortSignal): Promise<number> {
  const given = options['vultr-os'];
  const systems = await pages<System>(api, '/os', 'os', signal);
  const start = given.toLowerCase();
  const found =
    systems.find(({ id, name }) => String(id) === given || name.toLowerCase() === start) ??
    systems.find(({ name }) => name.toLowerCase().startsWith(`${start} `));
  if (found !== undefined) return found.id;
  throw notOffered({
    provider: 'Vultr',
    what: 'operating system',
    given,
    offered: systems.map(({ name }) => name),
  });
}

/** IDs of the VPCs to attach, which must be in the machine's region. */
export async function findVpcs({ options }: Context, api: RestClient, signal: AbortSignal): Promise<readonly string[]> {
  const { 'vultr-vpc-ids': wanted, 'vultr-region': region } = options;
  if (wanted.length === 0) return [];
  const vpcs = (await pages<Vpc>(api, '/vpcs', 'vpcs', signal)).filter((vpc) => vpc.region === region);
  const choices = vpcs.map(({ id, description }) => ({ thing: id, id, name: description }));
  return wanted.map((given) => chosenOf(choices, { provider: 'Vultr', what: 'VPC', where: `in ${region}`, given }));
}

/** IDs of the account's keys that were asked for. */
export async function findKeys({ options }: Context, api: RestClient, signal: AbortSignal): Promise<readonly string[]> {
  const keys = await pages<SshKey>(api, '/ssh-keys', 'ssh_keys', signal);
  const choices = keys.map(({ id, name }) => ({ thing: id, id, name }));
  return options['vultr-ssh-key-ids'].map((given) => chosenOf(choices, { provider: 'Vultr', what: 'SSH key', given }));
}
