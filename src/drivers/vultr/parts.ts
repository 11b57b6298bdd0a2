import { type CloudServer, SERVER } from '../cloud/cloud-driver.ts';
import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import { givenBytes, type UserDataFlag } from '../cloud/given-file.ts';
import type { KeyFiles } from '../cloud/key-files.ts';
import { planned } from '../cloud/planned.ts';
import { type PortRange, rangeOf, sourcesByVersion } from '../cloud/ports.ts';
import type { RestClient } from '../cloud/rest.ts';
import { ensurePart } from '../cloud/rest-parts.ts';
import type { DriverContext } from '../driver.ts';
import type { MachineState } from '../state.ts';
import { type FirewallGroup, type FirewallRule, type Instance, pages, type SshKey } from './api.ts';
import { findSystem, findVpcs } from './look-up.ts';
import type { VultrOptions } from './options.ts';
import { ownFirewalls, ownInstances, ownKeys, ownName, tagsOf } from './own.ts';

type Context = DriverContext<VultrOptions>;

/** What Vultr takes as user data. */
export const USER_DATA: UserDataFlag = { flag: 'vultr-user-data-file' };

/** Vultr's systems come with ufw, which lets only SSH in; what may come in is for the firewall group to say. */
const OPEN_SYSTEM = '#cloud-config\nruncmd:\n  - ufw disable || true\n';

/** The key to log in with. One that is in the account under another name is not the machine's: not recorded, not removed. */
export async function ensureKey(
  context: Context,
  api: RestClient,
  { publicKey }: KeyFiles,
  signal: AbortSignal,
): Promise<string> {
  const name = ownName(context);
  const all = await context.lookup<readonly SshKey[]>(() => pages(api, '/ssh-keys', 'ssh_keys', signal), []);
  const existing = all.find((each) => keyText(each.ssh_key) === keyText(publicKey));
  if (existing !== undefined && existing.name !== name) return existing.id;
  return await ensurePart(
    context,
    api,
    {
      kind: 'ssh-key',
      what: 'SSH key',
      path: '/ssh-keys',
      body: { name, ssh_key: publicKey },
      find: async () => (await ownKeys(context, api, signal))[0],
      idOf: ({ ssh_key }: { ssh_key: SshKey }) => ssh_key.id,
    },
    signal,
  );
}

/** The machine's own firewall group, with a rule for each of `ports` and each IP version. */
export async function ensureFirewall(
  context: Context,
  api: RestClient,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<string> {
  const id = await ensurePart(
    context,
    api,
    {
      kind: 'firewall',
      what: 'firewall group',
      path: '/firewalls',
      body: { description: ownName(context) },
      find: async () => (await ownFirewalls(context, api, signal))[0],
      idOf: ({ firewall_group }: { firewall_group: FirewallGroup }) => firewall_group.id,
    },
    signal,
  );
  const path = `/firewalls/${id}/rules`;
  const there = await context.lookup<readonly FirewallRule[]>(() => pages(api, path, 'firewall_rules', signal), []);
  for (const rule of rulesOf(ports)) {
    if (there.some((each) => ruleText(each) === ruleText(rule))) continue;
    const call = { action: `POST ${path}`, parameters: { ...rule } };
    await context.change(call, () => api.send('POST', path, { ...rule }, signal), undefined);
  }
  return id;
}

/** One rule for each network. */
function rulesOf(ports: readonly PortRange[]): readonly FirewallRule[] {
  return ports.flatMap((range) => {
    const { protocol, from, to } = range;
    const { v4, v6 } = sourcesByVersion(range);
    const port = from === to ? String(from) : `${from}:${to}`;
    return [...v4, ...v6].map((network) => {
      const [subnet = '', size] = network.split('/');
      return { ip_type: v4.includes(network) ? 'v4' : 'v6', subnet, subnet_size: Number(size), protocol, port };
    });
  });
}

function ruleText({ ip_type, protocol, port, subnet, subnet_size }: FirewallRule): string {
  return `${ip_type} ${protocol} ${port} ${subnet}/${subnet_size}`;
}

/** The machine's own firewall group, to be changed. */
export function ownFirewall(context: Context, api: RestClient): OwnFirewall<FirewallRule> {
  const path = (id: string): string => `/firewalls/${id}/rules`;
  return {
    kind: 'firewall',
    rules: rulesOf,
    read: (id, signal) => pages<FirewallRule>(api, path(id), 'firewall_rules', signal),
    opens: ({ protocol, port, subnet, subnet_size }) => rangeOf(protocol, port, [`${subnet}/${subnet_size}`]),
    write: async (id, { added, removed }, signal) => {
      for (const rule of added) {
        const call = { action: `POST ${path(id)}`, parameters: { ...rule } };
        await context.change(call, () => api.send('POST', path(id), { ...rule }, signal), undefined);
      }
      for (const rule of removed) {
        const one = `${path(id)}/${rule.id}`;
        await context.change({ action: `DELETE ${one}` }, () => api.remove(one, signal), true);
      }
    },
  };
}

/** Makes the instance, or finds the one that an earlier attempt made. */
export async function ensureInstance(
  context: Context,
  api: RestClient,
  { keyIds, firewallId }: { readonly keyIds: readonly string[]; readonly firewallId: string },
  signal: AbortSignal,
): Promise<void> {
  const { options, name, lookup } = context;
  const file = options['vultr-user-data-file'];
  const content = (await givenBytes(file, USER_DATA)) ?? Buffer.from(OPEN_SYSTEM);
  const vpcs = options['vultr-vpc-ids'];
  const system = options['vultr-os'];
  const plannedSystem = /^\d+$/.test(system) ? Number(system) : planned(`ID of ${system}`);
  const shown = {
    region: options['vultr-region'],
    plan: options['vultr-vps-plan'],
    os_id: await lookup<number | string>(() => findSystem(context, api, signal), plannedSystem),
    label: name,
    hostname: name,
    tags: tagsOf(context),
    sshkey_id: keyIds,
    firewall_group_id: firewallId,
    enable_ipv6: options['vultr-enabled-ipv6'] || options['vultr-use-ipv6'],
    ...(vpcs.length === 0 ? {} : { attach_vpc: await lookup(() => findVpcs(context, api, signal), vpcs) }),
    backups: options['vultr-vps-backups'] ? 'enabled' : 'disabled',
    ddos_protection: options['vultr-ddos-protection'],
    activation_email: false,
    user_data: file === undefined ? OPEN_SYSTEM : '<file>',
  };
  await ensurePart(
    context,
    api,
    {
      kind: SERVER,
      what: 'instance',
      path: '/instances',
      body: { ...shown, user_data: content.toString('base64') },
      shown,
      find: async () => (await ownInstances(context, api, signal))[0],
      idOf: ({ instance }: { instance: Instance }) => instance.id,
    },
    signal,
  );
}

/** The border from Vultr's instance to ours. */
export function toServer(instance: Instance, options: VultrOptions): CloudServer {
  const { main_ip, v6_main_ip, internal_ip } = instance;
  const outside = options['vultr-use-ipv6'] ? v6_main_ip : main_ip;
  const address = options['vultr-use-private-network'] ? internal_ip : outside;
  return {
    id: instance.id,
    state: stateOf(instance),
    word: `${instance.status}, ${instance.power_status}`,
    address: address === '' || address === '0.0.0.0' ? undefined : address,
    labels: { region: instance.region, 'instance-type': instance.plan },
  };
}

function stateOf({ status, power_status }: Instance): MachineState {
  if (status === 'pending' || status === 'resizing') return 'Starting';
  if (status !== 'active') return 'Error';
  return power_status === 'running' ? 'Running' : 'Stopped';
}

/** What makes two public keys the same: type and data, not the comment. */
function keyText(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ');
}
