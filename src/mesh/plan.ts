import { createHash } from 'node:crypto';
import { hostPort } from './host-port.ts';
import type { Links } from './links.ts';
import { choosePaths } from './paths.ts';
import { precedence } from './precedence.ts';
import type { MeshOrder, MeshPeer } from './protocol.ts';
import type { MeshMember, MeshPath, MeshPlan, MeshSituation, Way } from './types.ts';

/** How each node of the mesh should be set up. Pure: the same situation always gives the same plan. */
export function planMesh(situation: MeshSituation): MeshPlan {
  const { paths, failed, links } = choosePaths(situation);
  const byMember = new Map<string, MeshPath[]>(situation.members.map(({ id }) => [id, []]));
  for (const path of paths) {
    byMember.get(path.a)?.push(path);
    byMember.get(path.b)?.push(path);
  }
  const byId = new Map(situation.members.map((member) => [member.id, member]));
  const orders = situation.members.map((member) => {
    const order = orderFor(member, byMember.get(member.id) ?? [], { situation, links, byId });
    return [member.id, order] as const;
  });
  return { orders: new Map(orders), paths, failed };
}

interface Context {
  readonly situation: MeshSituation;
  readonly links: Links;
  readonly byId: ReadonlyMap<string, MeshMember>;
}

function orderFor(member: MeshMember, paths: readonly MeshPath[], context: Context): MeshOrder {
  const { situation, byId } = context;
  const allowed = new Map<string, string[]>();
  const others = new Map<string, { readonly other: MeshMember; readonly path: MeshPath }>();
  for (const path of paths) {
    const other = byId.get(path.a === member.id ? path.b : path.a);
    if (!other) continue;
    others.set(other.id, { other, path });
    const through = peerFor(path.way, other);
    if (through !== undefined) allowed.set(through, [...(allowed.get(through) ?? []), other.address]);
  }
  const peers = [...others.values()].flatMap(({ other, path }): MeshPeer[] => {
    const isTunnel = member.endpoint !== undefined || other.endpoint !== undefined || path.way.kind === 'direct';
    if (!isTunnel && !path.isProbed) return [];
    const endpoint = endpointFor(member, other, path, context);
    if (!isTunnel && endpoint === undefined) return [];
    const own = (allowed.get(other.id) ?? []).sort();
    return [{ key: other.key, ...(endpoint !== undefined && { endpoint }), allowed: own }];
  });
  peers.sort((a, b) => (a.key < b.key ? -1 : 1));
  // Those that relay come first: a node that cannot measure all of them in time begins with what most depends on.
  const measured = [...others.values()]
    .sort((a, b) => Number(b.other.endpoint !== undefined) - Number(a.other.endpoint !== undefined))
    .map(({ other }) => other.address);
  const { subnet, mtu } = situation;
  return withDigest({ address: member.address, subnet, mtu, peers, measured });
}

/** Names an order by what it says. */
export function withDigest(order: Omit<MeshOrder, 'digest'>): MeshOrder {
  return { digest: createHash('sha256').update(JSON.stringify(order)).digest('hex').slice(0, 32), ...order };
}

/** ID of the member that packets for `other` are handed to. */
function peerFor(way: Way, other: MeshMember): string | undefined {
  if (way.kind === 'none') return undefined;
  return way.kind === 'direct' ? other.id : way.by;
}

/** Where a member looks for another one; undefined where it waits, or goes on with what it has. */
function endpointFor(member: MeshMember, other: MeshMember, path: MeshPath, context: Context): string | undefined {
  if (other.endpoint !== undefined) return other.endpoint;
  // One behind NAT comes by itself, and is followed when its router gives it another port.
  if (member.endpoint !== undefined || path.way.kind === 'direct') return undefined;
  return localEndpoint(member, other, context.links) ?? outerEndpoint(other, context);
}

/** Two nodes behind one router: at most routers a packet does not come back in by the outer address. */
function localEndpoint(member: MeshMember, other: MeshMember, links: Links): string | undefined {
  const [own, theirs] = [links.sight(member.id), links.sight(other.id)];
  if (!own || !theirs || own.from === '' || own.from !== theirs.from) return undefined;
  const [address] = theirs.report.addresses;
  return address === undefined ? undefined : hostPort(address, theirs.report.port);
}

/** Where public nodes see its packets come from. Always as the same one of them sees it: some routers give each a port of its own. */
function outerEndpoint(other: MeshMember, { situation, links }: Context): string | undefined {
  const seen = situation.members.flatMap((relay) => {
    const endpoint = relay.endpoint === undefined ? undefined : links.peer(relay, other)?.endpoint;
    return endpoint === undefined ? [] : [{ endpoint, rank: precedence(`${other.id} ${relay.id}`) }];
  });
  return seen.sort((a, b) => a.rank - b.rank)[0]?.endpoint;
}
