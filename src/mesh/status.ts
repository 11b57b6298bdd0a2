import type { Admission } from './admission.ts';
import { hindrances } from './hindrances.ts';
import { Links } from './links.ts';
import { MESH_MTU } from './protocol.ts';
import type { MeshMember, MeshPath, MeshPlan, MeshSight } from './types.ts';

/** A clock that is off by so much is told. */
const CLOCK_MS = 60_000;

/** A node as `enxame mesh` shows it. */
export interface MeshNodeStatus {
  readonly id: string;
  /** Undefined of one that was not let in. */
  readonly address: string | undefined;
  /** Public key. */
  readonly key: string | undefined;
  /** Where it is reached from everywhere; undefined behind NAT. */
  readonly endpoint: string | undefined;
  /** `silent`: its agent has not dialled in, or does not answer; it goes on as it was. */
  readonly state: 'up' | 'setting up' | 'silent' | 'refused';
  readonly kind: 'kernel' | 'program' | undefined;
  readonly problems: readonly string[];
}

/** How one node reaches another. */
export interface MeshPathStatus extends MeshPath {
  /** The median there and back, as measured at one end. */
  readonly latencyMs: number | undefined;
  /** Of the last packets, from both ends. */
  readonly sent: number;
  readonly lost: number;
  /** Bytes of the largest packets between them: less than the mesh's where those did not arrive. */
  readonly mtu: number;
}

export interface MeshStatus {
  readonly subnet: string | undefined;
  readonly mtu: number;
  readonly nodes: readonly MeshNodeStatus[];
  readonly paths: readonly MeshPathStatus[];
  /** Agents of nodes that discovery lists and that are not in the mesh, though others are. */
  readonly outside: readonly string[];
  /** Those of them that were revoked. */
  readonly revoked: readonly string[];
}

/** What is known of a mesh after a round. */
export interface MeshKnowledge {
  readonly subnet: string | undefined;
  readonly members: readonly MeshMember[];
  readonly sights: ReadonlyMap<string, MeshSight>;
  readonly admission: Admission;
  readonly plan: MeshPlan;
  /** Agent IDs whose nodes discovery lists. */
  readonly listed: ReadonlySet<string>;
  /** Agents that may dial no manager. */
  readonly revoked: { has(id: string): boolean };
  /** Milliseconds since 1970, by the manager's clock. */
  readonly nowMs: number;
}

/** A mesh as `enxame mesh` shows it: its members, and those that are refused. Pure. */
export function meshStatus(known: MeshKnowledge): MeshStatus {
  const { subnet, members, sights, admission, plan } = known;
  const byId = new Map(members.map((member) => [member.id, member]));
  const links = new Links({ members, sights });
  const strangers = [...admission.refused].filter((id) => !byId.has(id));
  const nodes = [
    ...members.map((member) => nodeStatus(known, member.id, member, hindrances(member, members, links))),
    ...strangers.map((id) => nodeStatus(known, id, undefined, [])),
  ];
  const paths = plan.paths.flatMap((path) => {
    const [a, b] = [byId.get(path.a), byId.get(path.b)];
    return a && b ? pathStatus(path, a, b, links) : [];
  });
  nodes.sort((a, b) => (a.id < b.id ? -1 : 1));
  const outside =
    members.length === 0 ? [] : [...known.listed].filter((id) => !nodes.some((node) => node.id === id)).sort();
  const revoked = outside.filter((id) => known.revoked.has(id));
  return { subnet, mtu: MESH_MTU, nodes, paths, outside, revoked };
}

function nodeStatus(
  known: MeshKnowledge,
  id: string,
  member: MeshMember | undefined,
  found: readonly string[],
): MeshNodeStatus {
  const sight = known.sights.get(id);
  const problem = known.admission.problems.get(id);
  const isLeft = member !== undefined && !known.listed.has(id);
  const left = `discovery lists it no more: 'enxame mesh rm ${id}' takes its key from all others`;
  const own = sight?.isFresh ? ownProblems(sight, known.nowMs) : [];
  return {
    id,
    address: member?.address,
    key: member?.key,
    endpoint: member?.endpoint,
    state: stateOf(known, id),
    kind: sight?.report.kind,
    problems: [...(problem === undefined ? [] : [problem]), ...(isLeft ? [left] : []), ...own, ...found],
  };
}

function stateOf({ sights, admission, plan }: MeshKnowledge, id: string): MeshNodeStatus['state'] {
  if (admission.refused.has(id)) return 'refused';
  const sight = sights.get(id);
  if (!sight?.isFresh) return 'silent';
  return sight.report.applied === plan.orders.get(id)?.digest ? 'up' : 'setting up';
}

/** What its agent says, and what its clock does. */
function ownProblems({ report }: MeshSight, nowMs: number): readonly string[] {
  const offMs = report.nowMs - nowMs;
  if (Math.abs(offMs) < CLOCK_MS) return report.problems;
  const off = `${Math.round(Math.abs(offMs) / 1000)} s ${offMs < 0 ? 'slow' : 'fast'}`;
  return [
    ...report.problems,
    `its clock is ${off}: WireGuard refuses a node whose clock was set back; set it, and keep it (chrony, systemd-timesyncd)`,
  ];
}

function pathStatus(path: MeshPath, a: MeshMember, b: MeshMember, links: Links): MeshPathStatus {
  const ways = [links.measured(a, b), links.measured(b, a)].flatMap((way) => way ?? []);
  const sum = (of: 'sent' | 'lost'): number => ways.reduce((total, way) => total + way[of], 0);
  return {
    ...path,
    latencyMs: ways.find((way) => way.latencyMs !== undefined)?.latencyMs,
    sent: sum('sent'),
    lost: sum('lost'),
    mtu: Math.min(MESH_MTU, ...ways.flatMap((way) => way.mtu ?? [])),
  };
}
