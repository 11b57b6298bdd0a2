import { type CloudServer, SERVER } from '../cloud/cloud-driver.ts';
import { ensureMade } from '../cloud/ensure.ts';
import { findPatiently } from '../cloud/find.ts';
import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import { givenText, type UserDataFlag } from '../cloud/given-file.ts';
import type { KeyFiles } from '../cloud/key-files.ts';
import { planned } from '../cloud/planned.ts';
import { pollUntil } from '../cloud/poll.ts';
import { type PortRange, rangeOf } from '../cloud/ports.ts';
import { isRestRefusal, type RestClient } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { MachineState } from '../state.ts';
import type { Droplet, Firewall, SshKey } from './api.ts';
import type { DigitalOceanOptions } from './options.ts';

type Context = DriverContext<DigitalOceanOptions>;

const STATES: Readonly<Record<string, MachineState>> = {
  new: 'Starting',
  active: 'Running',
  off: 'Stopped',
  archive: 'Stopped',
};

/** The machine's own tag: what carries it is the machine's. Tags are letters, digits, colons, dashes and underscores. */
export function ownTag({ name, id }: Context): string {
  return `enxame:${name}:${id}`.replace(/[^\w:-]/g, '-');
}

/** Name of what cannot carry tags. */
export function ownName({ name, id }: Context): string {
  return `enxame-${name}-${id}`;
}

/** The key to log in with, as the account knows it. A key that is in the account already is not ours: not recorded. */
export async function ensureKey(
  context: Context,
  api: RestClient,
  key: KeyFiles,
  signal: AbortSignal,
): Promise<string> {
  const text = keyText(key.publicKey);
  const all = await context.lookup<readonly SshKey[]>(() => allKeys(api, signal), []);
  const existing = all.find((each) => keyText(each.public_key) === text);
  if (existing !== undefined && existing.name !== ownName(context)) return String(existing.id);
  const body = { name: ownName(context), public_key: key.publicKey };
  const plan = {
    find: () => findPatiently(context, async () => first(await ownKeys(context, api, signal)), signal),
    make: async () => {
      context.report('uploading the SSH key');
      const call = { action: 'POST /v2/account/keys', parameters: body };
      const make = async (): Promise<{ id: string }> => {
        const { ssh_key } = await api.send<{ ssh_key: SshKey }>('POST', '/v2/account/keys', body, signal);
        return { id: String(ssh_key.id) };
      };
      return await context.change(call, make, { id: planned('SSH key') });
    },
  };
  return (await ensureMade(context, 'ssh-key', plan, isRestRefusal)).id;
}

/** Keys of this machine's name. */
export async function ownKeys(context: Context, api: RestClient, signal: AbortSignal): Promise<string[]> {
  const keys = await allKeys(api, signal);
  return keys.filter(({ name }) => name === ownName(context)).map(({ id }) => String(id));
}

async function allKeys(api: RestClient, signal: AbortSignal): Promise<readonly SshKey[]> {
  return await pages<SshKey, 'ssh_keys'>(api, '/v2/account/keys', 'ssh_keys', signal);
}

/** A firewall for what carries the machine's tag, in force before the Droplet exists. */
export async function ensureFirewall(
  context: Context,
  api: RestClient,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<void> {
  const everywhere = { addresses: EVERYWHERE };
  const body = {
    name: ownName(context),
    tags: [ownTag(context)],
    inbound_rules: rulesOf(ports),
    outbound_rules: [
      ...['tcp', 'udp'].map((protocol) => ({ protocol, ports: 'all', destinations: everywhere })),
      { protocol: 'icmp', destinations: everywhere },
    ],
  };
  const find = async (): Promise<{ id: string } | undefined> => first(await ownFirewalls(context, api, signal));
  const make = async (): Promise<{ id: string }> => {
    context.report('making a firewall');
    return await context.change(
      { action: 'POST /v2/firewalls', parameters: body },
      async () => ({ id: (await api.send<{ firewall: Firewall }>('POST', '/v2/firewalls', body, signal)).firewall.id }),
      { id: planned('firewall') },
    );
  };
  await ensureMade(context, 'firewall', { find: () => findPatiently(context, find, signal), make }, isRestRefusal);
}

const EVERYWHERE = ['0.0.0.0/0', '::/0'];

/** A rule of a firewall; what people may add has more members, which are passed on. */
interface InboundRule {
  readonly protocol: string;
  readonly ports?: string;
  readonly sources: { readonly addresses?: readonly string[] };
}

function rulesOf(ports: readonly PortRange[]): readonly InboundRule[] {
  return ports.map(({ protocol, from, to, sources = EVERYWHERE }) => ({
    protocol,
    ports: from === to ? String(from) : `${from}-${to}`,
    sources: { addresses: sources },
  }));
}

type FirewallRequest = Readonly<Record<string, unknown>> & { readonly inbound_rules?: readonly InboundRule[] | null };

/** The machine's own firewall, to be changed. */
export function ownFirewall(context: Context, api: RestClient): OwnFirewall<InboundRule> {
  const path = (id: string): string => `/v2/firewalls/${id}`;
  const read = async (id: string, signal: AbortSignal): Promise<FirewallRequest | undefined> =>
    (await api.find<{ firewall: FirewallRequest }>(path(id), signal))?.firewall;
  return {
    kind: 'firewall',
    rules: rulesOf,
    read: async (id, signal) => {
      const found = await read(id, signal);
      return found && (found.inbound_rules ?? []);
    },
    // Other kinds of sources (tags, load balancers) are people's.
    opens: ({ protocol, ports, sources: { addresses = [], ...others } }) =>
      Object.keys(others).length === 0 ? rangeOf(protocol, ports, addresses) : undefined,
    narrowed: (rule, addresses) => ({ ...rule, sources: { addresses } }),
    // The whole firewall is given anew; what it does not say would be gone.
    write: async (id, { all }, signal) => {
      const { name, droplet_ids, tags, outbound_rules } = (await read(id, signal)) ?? {};
      const body = { name, droplet_ids, tags, outbound_rules, inbound_rules: all };
      const make = (): Promise<unknown> => api.send('PUT', path(id), body, signal);
      await context.change({ action: `PUT ${path(id)}`, parameters: body }, make, undefined);
    },
  };
}

/** Firewalls of this machine's name. */
export async function ownFirewalls(context: Context, api: RestClient, signal: AbortSignal): Promise<string[]> {
  const firewalls = await pages<Firewall, 'firewalls'>(api, '/v2/firewalls', 'firewalls', signal);
  return firewalls.filter(({ name }) => name === ownName(context)).map(({ id }) => id);
}

/** The machine's tag, if it exists. */
export async function ownTags(context: Context, api: RestClient, signal: AbortSignal): Promise<string[]> {
  const name = ownTag(context);
  return (await api.find(`/v2/tags/${encodeURIComponent(name)}`, signal)) === undefined ? [] : [name];
}

/** The machine's tag; making one that exists is no error at DigitalOcean. */
export async function ensureTag(context: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const name = ownTag(context);
  const call = { action: 'POST /v2/tags', parameters: { name } };
  const make = async (): Promise<{ id: string }> => {
    await context.change(call, () => api.send('POST', '/v2/tags', { name }, signal), undefined);
    return { id: name };
  };
  await ensureMade(context, 'tag', { make }, isRestRefusal);
}

/** Makes the Droplet, or finds the one an earlier attempt made. */
export async function ensureDroplet(
  context: Context,
  api: RestClient,
  keyId: string,
  signal: AbortSignal,
): Promise<void> {
  const body = await dropletRequest(context, keyId);
  const find = async (): Promise<{ id: string } | undefined> => first(await ownDroplets(context, api, signal));
  const make = async (): Promise<{ id: string }> => {
    context.report('making a Droplet');
    const shown = { ...body, ...(body.user_data === undefined ? {} : { user_data: '<file>' }) };
    return await context.change(
      { action: 'POST /v2/droplets', parameters: shown },
      async () => ({
        id: String((await api.send<{ droplet: Droplet }>('POST', '/v2/droplets', body, signal)).droplet.id),
      }),
      { id: planned('Droplet') },
    );
  };
  await ensureMade(context, SERVER, { find: () => findPatiently(context, find, signal), make }, isRestRefusal);
}

/** What DigitalOcean takes as user data: 64 KiB. */
export const USER_DATA: UserDataFlag = { flag: 'digitalocean-userdata', maxBytes: 64 * 1024 };

async function dropletRequest(
  context: Context,
  keyId: string,
): Promise<{ readonly user_data?: string } & Record<string, unknown>> {
  const { options } = context;
  const { 'digitalocean-image': image, 'digitalocean-userdata': userData, 'digitalocean-vpc-uuid': vpc } = options;
  return {
    name: context.name,
    region: options['digitalocean-region'],
    size: options['digitalocean-size'],
    image: /^\d+$/.test(image) ? Number(image) : image,
    // A number is a key's ID, text its fingerprint.
    ssh_keys: [/^\d+$/.test(keyId) ? Number(keyId) : keyId],
    ipv6: options['digitalocean-ipv6'],
    backups: options['digitalocean-backups'],
    monitoring: options['digitalocean-monitoring'],
    tags: [ownTag(context), ...options['digitalocean-tags']],
    ...(vpc === undefined ? {} : { vpc_uuid: vpc }),
    ...(userData === undefined ? {} : { user_data: (await givenText(userData, USER_DATA)) ?? '' }),
  };
}

/** IDs of Droplets with the machine's tag. */
export async function ownDroplets(context: Context, api: RestClient, signal: AbortSignal): Promise<string[]> {
  const path = `/v2/droplets?tag_name=${encodeURIComponent(ownTag(context))}`;
  return (await pages<Droplet, 'droplets'>(api, path, 'droplets', signal)).map(({ id }) => String(id));
}

/** Asks for an action on a Droplet and waits until it is done. */
export async function act(
  context: Context,
  api: RestClient,
  id: string,
  type: string,
  signal: AbortSignal,
): Promise<void> {
  const path = `/v2/droplets/${id}/actions`;
  await context.change(
    { action: `POST ${path}`, parameters: { type } },
    async () => {
      const { action } = await api.send<{ action: { id: number } }>('POST', path, { type }, signal);
      const look = async (): Promise<true | undefined> => {
        const answer = await api.get<{ action: { status: string } }>(`/v2/actions/${action.id}`, signal);
        if (answer.action.status === 'errored')
          throw new DriverError(
            `DigitalOcean could not ${type.replace('_', ' ')} ${context.name}. Try again`,
            'DRIVER',
          );
        return answer.action.status === 'completed' ? true : undefined;
      };
      await pollUntil(
        context,
        { what: `${context.name} to ${type.replace('_', ' ')}`, timeoutMs: 5 * 60_000 },
        look,
        signal,
      );
    },
    undefined,
  );
}

/** The border from DigitalOcean's Droplet to ours. */
export function toServer(droplet: Droplet, options: DigitalOceanOptions): CloudServer {
  const kind = options['digitalocean-private-networking'] ? 'private' : 'public';
  return {
    id: String(droplet.id),
    state: STATES[droplet.status] ?? 'Error',
    word: droplet.status,
    address: droplet.networks.v4.find(({ type }) => type === kind)?.ip_address,
    labels: { region: droplet.region.slug, 'instance-type': droplet.size_slug },
  };
}

/** All pages of a list. */
export async function pages<T, Key extends string>(
  api: RestClient,
  path: string,
  key: Key,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const all: T[] = [];
  let next: string | undefined = `${path}${path.includes('?') ? '&' : '?'}per_page=200`;
  while (next !== undefined) {
    const page: { readonly links?: { readonly pages?: { readonly next?: string } } } & Readonly<
      Record<Key, readonly T[]>
    > = await api.get(next, signal);
    all.push(...page[key]);
    const link: string | undefined = page.links?.pages?.next;
    // The link names the public host; the one we were told to use stays.
    next = link === undefined ? undefined : `${new URL(link).pathname}${new URL(link).search}`;
  }
  return all;
}

/** What makes two public keys the same: type and data, not the comment. */
function keyText(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ');
}

function first(ids: readonly string[]): { readonly id: string } | undefined {
  return ids[0] === undefined ? undefined : { id: ids[0] };
}
