import { UsageError } from '../../common/errors.ts';
import { type CloudServer, SERVER } from '../cloud/cloud-driver.ts';
import { ensureMade } from '../cloud/ensure.ts';
import { findPatiently } from '../cloud/find.ts';
import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import { givenText, type UserDataFlag } from '../cloud/given-file.ts';
import type { KeyFiles } from '../cloud/key-files.ts';
import { planned } from '../cloud/planned.ts';
import { type PortRange, rangeOf } from '../cloud/ports.ts';
import { isRestRefusal, type RestClient } from '../cloud/rest.ts';
import { chosenOf } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import type { MachineState } from '../state.ts';
import { type Named, pages, type Server } from './api.ts';
import type { HetznerOptions } from './options.ts';

/** What Hetzner takes as user data: 32 KiB. */
export const USER_DATA: UserDataFlag = { flag: 'hetzner-user-data-file', maxBytes: 32 * 1024 };

type Context = DriverContext<HetznerOptions>;
/** Lists of the API that hold what is ours, and the word for one of them. */
export type Kind = 'ssh_key' | 'firewall' | 'server';

const STATES: Readonly<Record<string, MachineState>> = {
  initializing: 'Starting',
  starting: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  off: 'Stopped',
  deleting: 'Stopping',
  rebuilding: 'Starting',
  migrating: 'Starting',
};

/** Labels of everything made: ours and the person's. Throws a UsageError for a label that is no `key=value`. */
export function labelsOf({ tags, options }: Context): Readonly<Record<string, string>> {
  const given = options['hetzner-server-label'].map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--hetzner-server-label "${text}" is no label like key=value`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  return { ...Object.fromEntries(given), ...tags };
}

/** Identifiers of what carries the machine's labels. */
export async function owned(context: Context, api: RestClient, kind: Kind, signal: AbortSignal): Promise<string[]> {
  const selector = Object.entries(context.tags).map(([key, value]) => `${key}=${value}`);
  const path = `/${kind}s?label_selector=${encodeURIComponent(selector.join(','))}`;
  return (await pages<Named>(api, path, `${kind}s`, signal)).map(({ id }) => String(id));
}

/** Makes one thing with labels, or finds the one an earlier attempt made. */
async function ensure(
  context: Context,
  api: RestClient,
  kind: Kind,
  { body, shown }: { body: Readonly<Record<string, unknown>>; shown?: Readonly<Record<string, unknown>> },
  signal: AbortSignal,
): Promise<string> {
  const find = async (): Promise<{ id: string } | undefined> => {
    const [id] = await owned(context, api, kind, signal);
    return id === undefined ? undefined : { id };
  };
  const make = async (): Promise<{ id: string }> => {
    context.report(`making the ${kind.replace('_', ' ')}`);
    return await context.change(
      { action: `POST /${kind}s`, parameters: shown ?? body },
      async () => {
        const made = await api.send<Readonly<Record<Kind, Named>>>('POST', `/${kind}s`, body, signal);
        return { id: String(made[kind].id) };
      },
      { id: planned(kind) },
    );
  };
  const plan = { find: () => findPatiently(context, find, signal), make };
  return (await ensureMade(context, kind === 'server' ? SERVER : kind, plan, isRestRefusal)).id;
}

/** The key to log in with. One that is in the project already is not ours: not recorded, not removed. */
export async function ensureKey(
  context: Context,
  api: RestClient,
  key: KeyFiles,
  signal: AbortSignal,
): Promise<string> {
  const text = keyText(key.publicKey);
  const name = ownName(context);
  type Key = Named & { readonly public_key: string };
  const all = await context.lookup<readonly Key[]>(() => pages(api, '/ssh_keys', 'ssh_keys', signal), []);
  const existing = all.find((each) => keyText(each.public_key) === text);
  if (existing !== undefined && existing.name !== name) return String(existing.id);
  return await ensure(
    context,
    api,
    'ssh_key',
    { body: { name, public_key: key.publicKey, labels: labelsOf(context) } },
    signal,
  );
}

/** The machine's own firewall, which lets exactly `ports` in. */
export async function ensureFirewall(
  context: Context,
  api: RestClient,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<string> {
  const rules = rulesOf(ports);
  return await ensure(
    context,
    api,
    'firewall',
    { body: { name: ownName(context), labels: labelsOf(context), rules } },
    signal,
  );
}

/** A rule of a firewall; what people may add has more members, which are passed on. */
interface Rule {
  readonly direction: string;
  readonly protocol: string;
  readonly port?: string | null;
  readonly source_ips: readonly string[];
}

function rulesOf(ports: readonly PortRange[]): readonly Rule[] {
  return ports.map(({ protocol, from, to, sources = ['0.0.0.0/0', '::/0'] }) => ({
    direction: 'in',
    protocol,
    port: from === to ? String(from) : `${from}-${to}`,
    source_ips: sources,
  }));
}

/** The machine's own firewall, to be changed. */
export function ownFirewall(context: Context, api: RestClient): OwnFirewall<Rule> {
  return {
    kind: 'firewall',
    rules: rulesOf,
    read: async (id, signal) =>
      (await api.find<{ firewall: { rules: readonly Rule[] } }>(`/firewalls/${id}`, signal))?.firewall.rules,
    opens: ({ direction, protocol, port, source_ips: sources }) =>
      direction === 'in' ? rangeOf(protocol, port, sources) : undefined,
    narrowed: (rule, sources) => ({ ...rule, source_ips: sources }),
    write: async (id, { all }, signal) => {
      const path = `/firewalls/${id}/actions/set_rules`;
      const body = { rules: all };
      const make = (): Promise<unknown> => api.send('POST', path, body, signal);
      await context.change({ action: `POST ${path}`, parameters: body }, make, undefined);
    },
  };
}

/** Makes the server, or finds the one an earlier attempt made. */
export async function ensureServer(
  context: Context,
  api: RestClient,
  { keyId, firewallId }: { keyId: string; firewallId: string },
  signal: AbortSignal,
): Promise<void> {
  const { options } = context;
  const userData = options['hetzner-user-data-file'];
  const group = options['hetzner-placement-group'];
  const [networks, firewalls, groups] = await Promise.all([
    lookUp(context, api, 'networks', options['hetzner-networks'], signal),
    lookUp(context, api, 'firewalls', options['hetzner-firewalls'], signal),
    lookUp(context, api, 'placement_groups', group === undefined ? [] : [group], signal),
  ]);
  const shown = {
    name: context.name,
    server_type: options['hetzner-server-type'],
    image: options['hetzner-image'],
    location: options['hetzner-server-location'],
    ssh_keys: [number(keyId)],
    firewalls: [number(firewallId), ...firewalls].map((firewall) => ({ firewall })),
    labels: labelsOf(context),
    networks,
    public_net: {
      enable_ipv4: !options['hetzner-disable-public-ipv4'],
      enable_ipv6: !options['hetzner-disable-public-ipv6'],
    },
    ...(groups[0] === undefined ? {} : { placement_group: groups[0] }),
  };
  const text = await givenText(userData, USER_DATA);
  const body = text === undefined ? shown : { ...shown, user_data: text };
  await ensure(
    context,
    api,
    'server',
    { body, shown: text === undefined ? shown : { ...shown, user_data: '<file>' } },
    signal,
  );
}

/** Lists of the API with what people give by name or ID. */
type GivenList = 'networks' | 'firewalls' | 'placement_groups' | 'ssh_keys';

/** Like {@link idsOf}; in a dry run names stand for their IDs. */
export async function lookUp(
  context: Context,
  api: RestClient,
  list: GivenList,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<readonly (number | string)[]> {
  const named = wanted.map((each) => (/^\d+$/.test(each) ? Number(each) : planned(`ID of ${each}`)));
  return await context.lookup<readonly (number | string)[]>(() => idsOf(api, list, wanted, signal), named);
}

/** IDs of things given by name or ID. */
export async function idsOf(
  api: RestClient,
  list: GivenList,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<number[]> {
  if (wanted.length === 0) return [];
  const all = await pages<Named>(api, `/${list}`, list, signal);
  const choices = all.map(({ id, name }) => ({ thing: id, id: String(id), name }));
  const what = list.slice(0, -1).replace('_', ' ');
  return wanted.map((given) => chosenOf(choices, { provider: 'the Hetzner project', what, given }));
}

/** Names are unique in a project; this one holds the machine's identifier. */
function ownName({ name, id }: Context): string {
  return `enxame-${name}-${id}`;
}

/** The border from Hetzner's server to ours. */
export function toServer(server: Server, options: HetznerOptions): CloudServer {
  const { ipv4, ipv6 } = server.public_net;
  // A server gets a whole IPv6 network, 2001:db8::/64, and its first address.
  const public_ = ipv4?.ip ?? ipv6?.ip.replace(/::\/64$/, '::1');
  const isPrivate = options['hetzner-use-private-network'];
  const region = server.location?.name ?? server.datacenter?.location.name ?? options['hetzner-server-location'];
  const zone = server.datacenter?.name;
  return {
    id: String(server.id),
    state: STATES[server.status] ?? 'Error',
    word: server.status,
    address: isPrivate ? server.private_net[0]?.ip : public_,
    labels: { region, ...(zone === undefined ? {} : { zone }), 'instance-type': server.server_type.name },
  };
}

/** Identifiers are numbers to Hetzner, text to the journal; a dry run's stand-in stays as it is. */
function number(id: string): number | string {
  return /^\d+$/.test(id) ? Number(id) : id;
}

/** What makes two public keys the same: type and data, not the comment. */
function keyText(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ');
}
