import { type CloudServer, SERVER } from '../cloud/cloud-driver.ts';
import { ensureMade } from '../cloud/ensure.ts';
import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import { planned } from '../cloud/planned.ts';
import { type PortRange, rangeOf, sourcesByVersion } from '../cloud/ports.ts';
import { isRestRefusal, type RestClient } from '../cloud/rest.ts';
import { ensurePart } from '../cloud/rest-parts.ts';
import type { DriverContext } from '../driver.ts';
import type { MachineState } from '../state.ts';
import type { Server } from './api.ts';
import { type FoundImage, findImage } from './look-up.ts';
import type { ScalewayOptions } from './options.ts';
import { blockApi, instanceApi, owned, ownName, regionOf, tagsOf } from './own.ts';

type Context = DriverContext<ScalewayOptions>;

const STATES: Readonly<Record<string, MachineState>> = {
  starting: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  stopped: 'Stopped',
  'stopped in place': 'Stopped',
};

/** Makes one thing of a list of the Instance API, or finds the one that an earlier attempt made; answers its path. */
async function ensure(
  context: Context,
  api: RestClient,
  part: { readonly kind: string; readonly list: 'security_groups' | 'ips' | 'servers'; readonly what: string },
  body: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<string> {
  const list = `${instanceApi(context)}/${part.list}`;
  const isSame = async (path: string): Promise<boolean> =>
    part.list !== 'ips' || (await addressType(api, path, signal)) === body.type;
  const find = async (): Promise<string | undefined> => {
    for (const path of await owned(context, api, list, signal)) if (await isSame(path)) return path;
    return undefined;
  };
  // {"security_group": {…}}, {"ip": {…}}, {"server": {…}}
  const member = part.list.slice(0, -1);
  const idOf = (answer: Readonly<Record<string, { readonly id: string }>>): string => `${list}/${answer[member]?.id}`;
  return await ensurePart(context, api, { kind: part.kind, what: part.what, path: list, body, find, idOf }, signal);
}

async function addressType(api: RestClient, path: string, signal: AbortSignal): Promise<string | undefined> {
  return (await api.find<{ readonly ip: { readonly type: string } }>(path, signal))?.ip.type;
}

/** The machine's own security group, which lets exactly `ports` in; answers its path. */
export async function ensureSecurityGroup(
  context: Context,
  api: RestClient,
  { ports, project }: { readonly ports: readonly PortRange[]; readonly project: string },
  signal: AbortSignal,
): Promise<string> {
  const body = {
    name: ownName(context),
    project,
    tags: tagsOf(context),
    stateful: true,
    inbound_default_policy: 'drop',
    outbound_default_policy: 'accept',
  };
  const part = { kind: 'security-group', list: 'security_groups', what: 'security group' } as const;
  const isNew = context.journal.find(SERVER) === undefined;
  const path = await ensure(context, api, part, body, signal);
  // All rules in one call, which may be repeated; the server comes after it.
  const rules = { rules: rulesOf(ports) };
  if (isNew)
    await context.change(
      { action: `PUT ${path}/rules`, parameters: rules },
      () => api.send('PUT', `${path}/rules`, rules, signal),
      undefined,
    );
  return path;
}

/** A rule of a group; what the API tells besides is passed on. */
interface Rule {
  readonly action: string;
  readonly direction: string;
  readonly protocol: string;
  readonly ip_range: string;
  readonly dest_port_from: number | null;
  readonly dest_port_to: number | null;
  readonly position: number;
  readonly editable: boolean;
}

/** The machine's own group, to be changed. Scaleway's own rules are not: they stay without being said. */
export function ownFirewall(context: Context, api: RestClient): OwnFirewall<Rule> {
  return {
    kind: 'security-group',
    rules: rulesOf,
    read: async (path, signal) =>
      (await api.find<{ rules: readonly Rule[] }>(`${path}/rules`, signal))?.rules.filter(({ editable }) => editable),
    opens: ({ action, direction, protocol, dest_port_from: from, dest_port_to: to, ip_range }) =>
      direction === 'inbound' && action === 'accept' && from !== null
        ? rangeOf(protocol, `${from}-${to ?? from}`, [ip_range])
        : undefined,
    write: async (path, { all }, signal) => {
      const body = { rules: all.map((rule, at) => ({ ...rule, position: at + 1 })) };
      const make = (): Promise<unknown> => api.send('PUT', `${path}/rules`, body, signal);
      await context.change({ action: `PUT ${path}/rules`, parameters: body }, make, undefined);
    },
  };
}

function rulesOf(ports: readonly PortRange[]): readonly Rule[] {
  const ranges = ports.flatMap((port) => {
    const { v4, v6 } = sourcesByVersion(port);
    return [...v4, ...v6].map((ip_range) => ({ ...port, ip_range }));
  });
  return ranges.map(({ protocol, from, to, ip_range }, at) => ({
    action: 'accept',
    direction: 'inbound',
    protocol: protocol.toUpperCase(),
    ip_range,
    dest_port_from: from,
    dest_port_to: from === to ? null : to,
    position: at + 1,
    editable: true,
  }));
}

/** The machine's own public addresses; answers their paths. */
export async function ensureAddresses(
  context: Context,
  api: RestClient,
  project: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { 'scaleway-ipv6': besides, 'scaleway-use-ipv6': only } = context.options;
  const types = [...(only ? [] : ['routed_ipv4']), ...(besides || only ? ['routed_ipv6'] : [])];
  const paths: string[] = [];
  for (const type of types) {
    const part = { kind: type, list: 'ips', what: 'address' } as const;
    paths.push(await ensure(context, api, part, { type, project, tags: tagsOf(context) }, signal));
  }
  return paths;
}

/** What a server is made of. */
export interface ServerParts {
  readonly project: string;
  readonly publicKey: string;
  readonly group: string;
  readonly addresses: readonly string[];
}

/** Makes the server, or finds the one that an earlier attempt made; it does not run yet. Answers its path. */
export async function ensureServer(
  context: Context,
  api: RestClient,
  { project, publicKey, group, addresses }: ServerParts,
  signal: AbortSignal,
): Promise<string> {
  const { options, name } = context;
  const given = options['scaleway-image'];
  const image = await context.lookup<FoundImage>(() => findImage(context, api, signal), {
    id: planned(`image ${given}`),
    volumeType: 'sbs_volume',
  });
  const size = options['scaleway-root-volume-size'] * 1_000_000_000;
  const body = {
    name,
    project,
    commercial_type: options['scaleway-commercial-type'],
    image: image.id,
    volumes: { 0: { name: ownName(context), size, volume_type: image.volumeType, boot: true } },
    boot_type: 'local',
    dynamic_ip_required: false,
    public_ips: addresses.map(idIn),
    security_group: idIn(group),
    // The way to let a key into this one machine: tags cannot have spaces, and Scaleway's images read them so.
    tags: [...tagsOf(context), `AUTHORIZED_KEY=${publicKey.trim().replace(/\s+/g, '_')}`],
  };
  return await ensure(context, api, { kind: SERVER, list: 'servers', what: 'Instance' }, body, signal);
}

/** The root volume is made with the server but lives on without it: it is recorded, and tagged like all else. */
export async function ensureVolume(
  context: Context,
  api: RestClient,
  server: Server | undefined,
  signal: AbortSignal,
): Promise<void> {
  const path = rootVolume(context, server);
  if (path === undefined) return;
  const body = { tags: tagsOf(context) };
  const make = async (): Promise<{ id: string }> => {
    const tag = (): Promise<unknown> => api.send('PATCH', path, body, signal);
    await context.change({ action: `PATCH ${path}`, parameters: body }, tag, undefined);
    return { id: path };
  };
  await ensureMade(context, kindOfVolume(path), { make }, isRestRefusal);
}

/** Path of a server's root volume; others were attached by hand. Without a server that of one that is only planned. */
export function rootVolume(context: Context, server: Server | undefined): string | undefined {
  if (server === undefined) return `${blockApi(context)}/volumes/${planned('root volume')}`;
  const root = server.volumes[0];
  if (root === undefined) return undefined;
  const service = root.volume_type === 'sbs_volume' ? blockApi(context) : instanceApi(context);
  return `${service}/volumes/${root.id}`;
}

/** Kind of a volume's entry in the journal. */
export function kindOfVolume(path: string): 'block-volume' | 'local-volume' {
  return path.startsWith('/block/') ? 'block-volume' : 'local-volume';
}

/** The last part of a path. */
export function idIn(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The border from Scaleway's server to ours; `inside` when it is to be reached there. */
export function toServer(path: string, server: Server, options: ScalewayOptions, inside?: string): CloudServer {
  const family = options['scaleway-use-ipv6'] ? 'inet6' : 'inet';
  const outside = server.public_ips.find((each) => each.family === family)?.address;
  return {
    id: path,
    state: STATES[server.state] ?? 'Error',
    word: server.state,
    address: options['scaleway-use-private-network'] ? inside : outside,
    labels: { region: regionOf(server.zone), zone: server.zone, 'instance-type': server.commercial_type },
  };
}
