import { isIP } from 'node:net';
import { isWithin, subnets } from '../common/subnets.ts';
import { hostPort } from './host-port.ts';
import { isEndpoint } from './read.ts';
import { chooseAddress, chooseSubnet, overlaps } from './subnet.ts';
import type { MeshMember, MeshSight } from './types.ts';

export interface Applicants {
  /** CIDR of the mesh; undefined before there is one. */
  readonly subnet: string | undefined;
  /** CIDR that the operator wants a new mesh to have. */
  readonly wishedSubnet: string | undefined;
  readonly members: readonly MeshMember[];
  /** By agent ID, all that asked to be in the mesh. */
  readonly sights: ReadonlyMap<string, MeshSight>;
  /** Agent IDs whose nodes discovery lists: nobody else is let in, and nobody is put out that is in. */
  readonly listed: ReadonlySet<string>;
}

export interface Admission {
  readonly subnet: string | undefined;
  /** Members that are new or have changed; to be written before anything is done with them. */
  readonly changed: readonly MeshMember[];
  /** By agent ID: why it is not let in, or what is wrong with it all the same. */
  readonly problems: ReadonlyMap<string, string>;
  /** Agents that are refused: no order is given to them, and their keys are nobody's. */
  readonly refused: ReadonlySet<string>;
}

/**
 * Who is in the mesh, with which key and address. Pure. An agent is known by its certificate; its key is its own as long as no other
 * node has the same, and a new one is taken when the old one is not heard any more.
 */
export function admit({ subnet: given, wishedSubnet, members, sights, listed }: Applicants): Admission {
  const fresh = [...sights].filter(([, { isFresh }]) => isFresh).sort(([a], [b]) => (a < b ? -1 : 1));
  const routes = fresh.flatMap(([, { report }]) => report.routes.filter((each) => !DEFAULT_ROUTES.has(each)));
  const subnet = given ?? wishedSubnet ?? chooseSubnet(routes);
  const problems = new Map<string, string>();
  const refused = new Set<string>();
  const changed: MeshMember[] = [];
  const all = new Map(members.map((member) => [member.id, member]));
  for (const [id, sight] of fresh) {
    const member = all.get(id);
    const problem = hindrance(id, sight, { member, members: [...all.values()], subnet, sights, listed });
    if (problem !== undefined) problems.set(id, problem);
    const isKept = member !== undefined && member.key === sight.report.key;
    if (problem !== undefined && !isKept) refused.add(id);
    if (subnet === undefined || refused.has(id)) continue;
    const address =
      member?.address ??
      chooseAddress(
        subnet,
        [...all.values()].map((each) => each.address),
      );
    if (address === undefined) {
      problems.set(id, `the mesh's subnet ${subnet} has no address left`);
      refused.add(id);
      continue;
    }
    const endpoint = endpointOf(sight);
    const now: MeshMember = { id, key: sight.report.key, address, ...(endpoint !== undefined && { endpoint }) };
    if (isKept && member.endpoint === endpoint) continue;
    changed.push(now);
    all.set(id, now);
  }
  return { subnet, changed, problems, refused };
}

interface Known {
  readonly member: MeshMember | undefined;
  readonly members: readonly MeshMember[];
  readonly subnet: string | undefined;
  readonly sights: ReadonlyMap<string, MeshSight>;
  readonly listed: ReadonlySet<string>;
}

function hindrance(
  id: string,
  { report }: MeshSight,
  { member, members, subnet, sights, listed }: Known,
): string | undefined {
  const twin = members.find((each) => each.id !== id && each.key === report.key);
  if (twin)
    return `its key is that of ${twin.id}: its disk is a copy; stop its agent, remove the folder of its key (/var/lib/enxame/mesh) and its interface ('ip link delete ${report.interface}'), and start it again`;
  if (!member && !listed.has(id)) return `discovery does not list it: add agent://${id} to it`;
  if (member && member.key !== report.key && isHeard(member.key, id, sights))
    return `it shows another key than before, and the one it had is still in use: does another host have its certificate? Revoke it with 'enxame agent revoke ${id}', or stop that host`;
  if (subnet === undefined)
    return 'every subnet that a mesh could have overlaps a network of a node: choose one with --cluster-opt enxame.mesh-subnet=CIDR';
  const route = report.routes.find((each) => overlaps(each, subnet) && !DEFAULT_ROUTES.has(each));
  if (route !== undefined)
    return `its network ${route} overlaps the mesh's ${subnet}: before the first node joins, choose another one with --cluster-opt enxame.mesh-subnet=CIDR`;
  return undefined;
}

/** Default routes by other names: VPNs put the two halves beside it. */
const DEFAULT_ROUTES: ReadonlySet<string> = new Set(['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1']);

/** Whether other nodes hear this key from somewhere. */
function isHeard(key: string, ownId: string, sights: ReadonlyMap<string, MeshSight>): boolean {
  return [...sights].some(
    ([id, { report, isFresh }]) =>
      id !== ownId && isFresh && report.peers.some((peer) => peer.key === key && (peer.heardS ?? Infinity) <= HEARD_S),
  );
}

const HEARD_S = 60;

/**
 * Where others reach a node: as the operator says, else where it dials from, if that is an address of its own and one that is routed in the
 * Internet. Undefined for one behind NAT.
 */
export function endpointOf({ report, from }: MeshSight): string | undefined {
  const { public: said, port } = report;
  const host = from.replace(/^::ffff:/, '');
  if (said?.startsWith(':')) return isIP(host) === 0 ? undefined : checked(hostPort(host, Number(said.slice(1))));
  if (said !== undefined) return checked(said);
  const isPublic = report.addresses.includes(host) && isIP(host) === 4 && !isWithin(PRIVATE, host);
  return isPublic ? checked(hostPort(host, port)) : undefined;
}

function checked(endpoint: string): string | undefined {
  return isEndpoint(endpoint) ? endpoint : undefined;
}

/** IANA's registry of special IPv4 addresses: none of them is reached from everywhere. */
const PRIVATE = subnets(
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
);
