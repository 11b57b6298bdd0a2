import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import type { KeyFiles } from '../cloud/key-files.ts';
import { planned } from '../cloud/planned.ts';
import { pollUntil } from '../cloud/poll.ts';
import { type PortRange, rangeOf } from '../cloud/ports.ts';
import type { RestClient } from '../cloud/rest.ts';
import { ensurePart } from '../cloud/rest-parts.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { pages } from './api.ts';
import { findPool } from './look-up.ts';
import type { OpenStackOptions } from './options.ts';
import { ownByMetadata, ownByText, ownKeypairs, ownName, ownText } from './own.ts';

type Context = DriverContext<OpenStackOptions>;

const VOLUME_MS = 15 * 60_000;
const PORT_MS = 2 * 60_000;

/** The machine's own key pair; answers its name. The same key may be there under other names. */
export async function ensureKeypair(
  context: Context,
  api: RestClient,
  { publicKey }: KeyFiles,
  signal: AbortSignal,
): Promise<string> {
  return await ensurePart(
    context,
    api,
    {
      kind: 'key-pair',
      what: 'key pair',
      path: '/compute/os-keypairs',
      body: { keypair: { name: ownName(context), public_key: publicKey } },
      find: async () => (await ownKeypairs(context, api, signal))[0],
      idOf: ({ keypair }: { readonly keypair: { readonly name: string } }) => keypair.name,
    },
    signal,
  );
}

interface Rule {
  readonly direction: string;
  readonly ethertype: string;
  readonly protocol: string | null;
  readonly port_range_min: number | null;
  readonly port_range_max: number | null;
  /** Null: from everywhere. */
  readonly remote_ip_prefix?: string | null;
  readonly remote_group_id?: string | null;
  readonly id?: string;
}

/** The machine's own security group, which lets exactly `ports` in; answers its ID. */
export async function ensureSecurityGroup(
  context: Context,
  api: RestClient,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<string> {
  const list = '/network/security-groups';
  const id = await ensurePart(
    context,
    api,
    {
      kind: 'security-group',
      what: 'security group',
      path: list,
      body: { security_group: { name: ownName(context), description: ownText(context) } },
      find: async () => (await ownByText(context, api, list, signal))[0],
      idOf: ({ security_group }: { readonly security_group: { readonly id: string } }) => security_group.id,
    },
    signal,
  );
  const path = '/network/security-group-rules';
  const there = await context.lookup<readonly Rule[]>(
    () => pages(api, `${path}?security_group_id=${id}`, 'security_group_rules', signal),
    [],
  );
  for (const rule of rulesOf(ports)) {
    if (there.some((each) => ruleText(each) === ruleText(rule))) continue;
    const body = { security_group_rule: { security_group_id: id, ...rule } };
    await context.change(
      { action: `POST ${path}`, parameters: body },
      () => api.send('POST', path, body, signal),
      undefined,
    );
  }
  return id;
}

/** A new group lets everything out and nothing in. */
function rulesOf(ports: readonly PortRange[]): readonly Rule[] {
  return ports.flatMap(({ protocol, from, to, sources = ['0.0.0.0/0', '::/0'] }) =>
    sources.map((network) => ({
      direction: 'ingress',
      ethertype: network.includes(':') ? 'IPv6' : 'IPv4',
      protocol,
      port_range_min: from,
      port_range_max: to,
      ...(!network.endsWith('/0') && { remote_ip_prefix: network }),
    })),
  );
}

function ruleText(rule: Rule): string {
  const { direction, ethertype, protocol, port_range_min, port_range_max, remote_ip_prefix } = rule;
  const from = remote_ip_prefix?.endsWith('/0') ? undefined : remote_ip_prefix;
  return `${direction} ${ethertype} ${protocol} ${port_range_min} ${port_range_max} ${from ?? ''}`;
}

function openedByRule(rule: Rule): readonly PortRange[] | undefined {
  const { ethertype, protocol, port_range_min: from, port_range_max: to, remote_ip_prefix: prefix } = rule;
  const network = prefix ?? (ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0');
  return rangeOf(protocol, from === null ? undefined : `${from}-${to ?? from}`, [network]);
}

/** The machine's own security group, to be changed. */
export function ownFirewall(context: Context, api: RestClient): OwnFirewall<Rule> {
  const path = '/network/security-group-rules';
  return {
    kind: 'security-group',
    rules: rulesOf,
    read: (id, signal) => pages<Rule>(api, `${path}?security_group_id=${id}`, 'security_group_rules', signal),
    opens: (rule) => (rule.direction === 'ingress' && !rule.remote_group_id ? openedByRule(rule) : undefined),
    write: async (id, { added, removed }, signal) => {
      for (const rule of added) {
        const body = { security_group_rule: { security_group_id: id, ...rule } };
        const make = (): Promise<unknown> => api.send('POST', path, body, signal);
        await context.change({ action: `POST ${path}`, parameters: body }, make, undefined);
      }
      for (const rule of removed) {
        const one = `${path}/${rule.id}`;
        await context.change({ action: `DELETE ${one}` }, () => api.remove(one, signal), true);
      }
    },
  };
}

/** The root volume, made of the image; answers its ID when it can be started from. */
export async function ensureVolume(
  context: Context,
  api: RestClient,
  imageId: string,
  signal: AbortSignal,
): Promise<string> {
  const { options, tags } = context;
  const type = options['openstack-volume-type'];
  const volume = {
    name: ownName(context),
    size: options['openstack-volume-size'],
    imageRef: imageId,
    metadata: tags,
    ...(type === undefined ? {} : { volume_type: type }),
  };
  const id = await ensurePart(
    context,
    api,
    {
      kind: 'volume',
      what: 'volume',
      path: '/volume/volumes',
      body: { volume },
      find: async () => (await ownByMetadata(context, api, '/volume/volumes', signal))[0],
      idOf: (answer: { readonly volume: { readonly id: string } }) => answer.volume.id,
    },
    signal,
  );
  type Found = { readonly volume: { readonly status: string } };
  const look = async (): Promise<string | undefined> => {
    const status = (await api.find<Found>(`/volume/volumes/${id}`, signal))?.volume.status;
    if (status?.startsWith('error') === true)
      throw new DriverError(
        `Cinder could not make a volume of the image ${imageId}: its status is ${status}. Remove the machine and try another --openstack-volume-type or size`,
        'DRIVER',
      );
    return status === 'available' || status === 'in-use' ? status : undefined;
  };
  await context.lookup(() => pollUntil(context, { what: 'the volume', timeoutMs: VOLUME_MS }, look, signal), '');
  return id;
}

/** A floating IP at the server's port in `network`; answers its ID. */
export async function ensureFloatingIp(
  context: Context,
  api: RestClient,
  { server, network }: { readonly server: string; readonly network: string },
  signal: AbortSignal,
): Promise<string> {
  const pool = context.options['openstack-floatingip-pool'] ?? '';
  const query = `/network/ports?device_id=${server}&network_id=${network}`;
  const look = async (): Promise<string | undefined> =>
    (await pages<{ readonly id: string }>(api, query, 'ports', signal))[0]?.id;
  const wait = { what: "the server's port", timeoutMs: PORT_MS };
  const floatingip = {
    floating_network_id: await context.lookup(() => findPool(context, api, signal), planned(`network ${pool}`)),
    port_id: await context.lookup(() => pollUntil(context, wait, look, signal), planned("server's port")),
    description: ownText(context),
  };
  const list = '/network/floatingips';
  return await ensurePart(
    context,
    api,
    {
      kind: FLOATING_IP,
      what: 'floating IP',
      path: list,
      body: { floatingip },
      find: async () => (await ownByText(context, api, list, signal))[0],
      idOf: (answer: { readonly floatingip: { readonly id: string } }) => answer.floatingip.id,
    },
    signal,
  );
}

/** Kind of the floating IP's entry in the journal. */
export const FLOATING_IP = 'floating-ip';
