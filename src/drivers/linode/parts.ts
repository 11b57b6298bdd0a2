import { randomBytes } from 'node:crypto';
import { type CloudServer, SERVER } from '../cloud/cloud-driver.ts';
import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import { givenBytes, type UserDataFlag } from '../cloud/given-file.ts';
import { planned } from '../cloud/planned.ts';
import { type PortRange, rangeOf, sourcesByVersion } from '../cloud/ports.ts';
import type { RestClient } from '../cloud/rest.ts';
import { ensurePart, numberOf } from '../cloud/rest-parts.ts';
import type { DriverContext } from '../driver.ts';
import type { MachineState } from '../state.ts';
import type { Firewall, Instance } from './api.ts';
import { findImage, findSubnet } from './look-up.ts';
import type { LinodeOptions } from './options.ts';
import { LISTS, labelOf, owned, tagsOf } from './own.ts';

type Context = DriverContext<LinodeOptions>;

const STATES: Readonly<Record<string, MachineState>> = {
  running: 'Running',
  offline: 'Stopped',
  stopped: 'Stopped',
  booting: 'Starting',
  rebooting: 'Starting',
  provisioning: 'Starting',
  rebuilding: 'Starting',
  restoring: 'Starting',
  migrating: 'Starting',
  cloning: 'Starting',
  shutting_down: 'Stopping',
  deleting: 'Stopping',
};

/** What Linode takes as user data. */
export const USER_DATA: UserDataFlag = { flag: 'linode-user-data-file' };

/** The machine's own firewall, which lets exactly `ports` in. Its label has at most 32 characters. */
export async function ensureFirewall(
  context: Context,
  api: RestClient,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<string> {
  const inbound = rulesOf(ports);
  return await ensurePart(
    context,
    api,
    {
      kind: 'firewall',
      what: 'firewall',
      path: LISTS.firewall,
      body: {
        label: `enxame-${context.id}`.slice(0, 32),
        tags: tagsOf(context),
        rules: { inbound, inbound_policy: 'DROP', outbound: [], outbound_policy: 'ACCEPT' },
      },
      find: async () => (await owned(context, api, 'firewall', signal))[0],
      idOf: ({ id }: Firewall) => id,
    },
    signal,
  );
}

/** A rule of a firewall; what people may add has more members, which are passed on. */
interface Rule {
  readonly label?: string | null;
  readonly action: string;
  readonly protocol: string;
  readonly ports?: string | null;
  readonly addresses: { readonly ipv4?: readonly string[] | null; readonly ipv6?: readonly string[] | null };
}

function rulesOf(ports: readonly PortRange[]): readonly Rule[] {
  return ports.map((range) => {
    const { protocol, from, to } = range;
    const { v4, v6 } = sourcesByVersion(range);
    return {
      label: `${protocol}-${from}`,
      action: 'ACCEPT',
      protocol: protocol.toUpperCase(),
      ports: from === to ? String(from) : `${from}-${to}`,
      addresses: addressesOf([...v4, ...v6]),
    };
  });
}

function addressesOf(sources: readonly string[]): Rule['addresses'] {
  const ipv6 = sources.filter((each) => each.includes(':'));
  const ipv4 = sources.filter((each) => !each.includes(':'));
  return { ...(ipv4.length > 0 && { ipv4 }), ...(ipv6.length > 0 && { ipv6 }) };
}

interface Rules {
  readonly inbound: readonly Rule[];
  readonly inbound_policy: string;
  readonly outbound: readonly unknown[];
  readonly outbound_policy: string;
}

/** The machine's own firewall, to be changed. */
export function ownFirewall(context: Context, api: RestClient): OwnFirewall<Rule> {
  const read = async (id: string, signal: AbortSignal): Promise<Rules | undefined> =>
    (await api.find<{ rules: Rules }>(`${LISTS.firewall}/${id}`, signal))?.rules;
  return {
    kind: 'firewall',
    rules: rulesOf,
    read: async (id, signal) => (await read(id, signal))?.inbound,
    opens: ({ action, protocol, ports, addresses: { ipv4, ipv6 } }) =>
      action === 'ACCEPT' ? rangeOf(protocol, ports, [...(ipv4 ?? []), ...(ipv6 ?? [])]) : undefined,
    narrowed: (rule, sources) => ({ ...rule, addresses: addressesOf(sources) }),
    write: async (id, { all }, signal) => {
      const path = `${LISTS.firewall}/${id}/rules`;
      const body = { ...(await read(id, signal)), inbound: all };
      const make = (): Promise<unknown> => api.send('PUT', path, body, signal);
      await context.change({ action: `PUT ${path}`, parameters: body }, make, undefined);
    },
  };
}

/** Makes the Linode, or finds the one that an earlier attempt made. */
export async function ensureInstance(
  context: Context,
  api: RestClient,
  { publicKey, firewallId }: { readonly publicKey: string; readonly firewallId: string },
  signal: AbortSignal,
): Promise<void> {
  const { options } = context;
  const users = options['linode-authorized-users'];
  const data = options['linode-user-data-file'];
  const shown = {
    label: labelOf(context),
    region: options['linode-region'],
    type: options['linode-instance-type'],
    image: await context.lookup(() => findImage(context, api, signal), options['linode-image']),
    authorized_keys: [publicKey],
    ...(users.length === 0 ? {} : { authorized_users: users }),
    swap_size: options['linode-swap-size'],
    tags: tagsOf(context),
    ...(await interfacesOf(context, api, numberOf(firewallId), signal)),
    ...(data === undefined ? {} : { metadata: { user_data: '<file>' } }),
    root_pass: '<password>',
  };
  // Keys let in; a password can be set in the Cloud Manager.
  const password = options['linode-root-pass'] ?? randomBytes(36).toString('base64');
  const content = await givenBytes(data, USER_DATA);
  const metadata = content === undefined ? {} : { metadata: { user_data: content.toString('base64') } };
  await ensurePart(
    context,
    api,
    {
      kind: SERVER,
      what: 'Linode',
      path: LISTS.server,
      body: { ...shown, ...metadata, root_pass: password },
      shown,
      find: async () => (await owned(context, api, 'server', signal))[0],
      idOf: ({ id }: Instance) => id,
    },
    signal,
  );
}

/** With Linode interfaces the firewall is the interfaces', with interfaces of the configuration profile it is the Linode's. */
async function interfacesOf(
  context: Context,
  api: RestClient,
  firewall_id: number | string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const { options } = context;
  const subnet = options['linode-vpc-subnet'];
  const subnet_id =
    subnet === undefined
      ? undefined
      : await context.lookup<number | string>(
          () => findSubnet(context, api, subnet, signal),
          /^\d+$/.test(subnet) ? Number(subnet) : planned(`subnet ${subnet}`),
        );
  const interface_generation = options['linode-interface-generation'];
  if (interface_generation === 'linode') {
    const outside = { public: {}, default_route: { ipv4: true, ipv6: true }, firewall_id };
    const inside = subnet_id === undefined ? [] : [{ vpc: { subnet_id }, firewall_id }];
    return { interface_generation, interfaces: [outside, ...inside] };
  }
  const inside =
    subnet_id === undefined
      ? {}
      : {
          interfaces: [
            { purpose: 'public', primary: true },
            { purpose: 'vpc', subnet_id },
          ],
        };
  return { interface_generation, firewall_id, private_ip: options['linode-create-private-ip'], ...inside };
}

/** The border from Linode's instance to ours; `privateAddress` when it is to be reached there. */
export function toServer(instance: Instance, options: LinodeOptions, privateAddress: string | undefined): CloudServer {
  const outside = options['linode-use-ipv6'] ? instance.ipv6?.replace(/\/\d+$/, '') : publicAddress(instance);
  return {
    id: String(instance.id),
    state: STATES[instance.status] ?? 'Error',
    word: instance.status,
    address: options['linode-use-private-network'] ? privateAddress : outside,
    labels: { region: instance.region, 'instance-type': instance.type },
  };
}

/** Private addresses of Linodes are in 192.168.128.0/17 and listed with the public ones. */
function publicAddress({ ipv4 }: Instance): string | undefined {
  return ipv4.find((address) => !address.startsWith('192.168.'));
}
