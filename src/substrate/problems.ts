import { reasonOf } from '../common/errors.ts';
import type { Situation, Standing } from './standing.ts';
import type { ObservedMember, SwarmNode } from './types.ts';

/** Ports to open between the engines; part of every message where closed ports look to be the cause. */
const PORTS_HINT = 'open tcp 2377, tcp and udp 7946 and udp 4789 between the nodes';

/** The same for nodes that reach each other over the mesh. */
const MESH_HINT = '"enxame mesh" shows who reaches whom';

/** Where an engine is too new for the managers that there are. */
const RELEASE_HINT =
  "engines from Docker 28 on do not join through older ones: upgrade one of the engines that manage the cluster's networks";

/** Why a step came to nothing, and what to do. */
export function failureOfStep(kind: string, failure: unknown): string {
  const reason = reasonOf(failure);
  const isUnreachable = /Unavailable|no route|refused|i\/o timeout|Timeout was reached|deadline/i.test(reason);
  if (/missing selected ALPN/i.test(reason)) return `${kind} failed: ${reason}; ${RELEASE_HINT}`;
  return `${kind} failed: ${reason}${isUnreachable ? `; ${PORTS_HINT}` : ''}`;
}

/** By member ID: why it takes no part in cluster networks, and what to do. */
export function problemsOf(situation: Situation): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const member of situation.observation.members) {
    const standing = situation.standings.get(member.id);
    const problem = standing && problemOf(situation, member, standing);
    if (problem !== undefined) problems.set(member.id, withEngineError(problem, member));
  }
  return problems;
}

/** What concerns all of it. */
export function noticesOf(situation: Situation): readonly string[] {
  return [...outsiders(situation), ...silence(situation)];
}

function silence({ observation, wish }: Situation): readonly string[] {
  return observation.silence.allMs < wish.graces.deafMs
    ? []
    : [
        `the engines do not hear each other, so that containers of one node do not reach those of another: ${PORTS_HINT}`,
      ];
}

function outsiders({ observation, swarm, standings: all }: Situation): readonly string[] {
  if (!swarm) return [];
  const taken = new Set([...all.values()].flatMap((standing) => (standing.kind === 'ours' ? standing.nodeId : [])));
  const outside = swarm.nodes.filter(({ nodeId, state }) => !taken.has(nodeId) && state === 'ready');
  // One that joined a moment ago is not asked again yet.
  const lasting = outside.filter(({ nodeId }) => (observation.strayMs.get(nodeId) ?? 0) >= NOTICE_MS);
  if (lasting.length === 0) return [];
  const names = lasting.map(({ hostname, address }) => `${hostname} (${address})`).sort();
  const shown = names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
  return [
    `${shown} takes part in the cluster's networks but is not in discovery: add it to discovery again, or run "docker swarm leave --force" there`,
  ];
}

const NOTICE_MS = 10_000;

function problemOf(situation: Situation, member: ObservedMember, standing: Standing): string | undefined {
  const { wish, swarm } = situation;
  switch (standing.kind) {
    case 'foreign':
      return wish.adoptSwarm && standing.mark === undefined ? undefined : standing.why;
    case 'undetermined':
      return standing.why;
    case 'ours':
      if (member.facts.kind === 'member' && member.facts.state === 'locked')
        return 'its swarm is locked: run "docker swarm unlock" there';
      return oursProblem(member, standing.entry) ?? (isDeaf(situation, member) ? DEAF : undefined);
    case 'free':
      return freeProblem(situation, member);
    case 'waiting':
      return waitingProblem(situation, member);
    case 'lost':
    case 'orphan':
      return swarm || situation.observation.isFresh ? undefined : withoutManagers(situation, standing.kind);
    default:
      return undefined;
  }
}

const DEAF = `it hears none of the other engines, so that its containers do not reach theirs: restart its Docker engine, which may still hold what it had of another swarm; if that does not help, ${PORTS_HINT}`;

function isDeaf({ observation, wish }: Situation, { id }: ObservedMember): boolean {
  const deafMs = observation.silence.deafMs.get(id);
  return deafMs !== undefined && deafMs >= wish.graces.deafMs;
}

function oursProblem({ isHealthy, address, isInMesh }: ObservedMember, entry: SwarmNode): string | undefined {
  const isElsewhere = isInMesh && address !== undefined && address !== entry.address;
  if (isElsewhere && !/^(127\.|0\.0\.0\.0$|$)/.test(entry.address))
    return `it takes part at ${entry.address}, and its address in the mesh is ${address}: run "docker swarm leave --force" there, and it joins again`;
  if (!isHealthy || entry.state !== 'down') return undefined;
  const hint = isInMesh ? MESH_HINT : PORTS_HINT;
  return `the managers of the cluster's networks get no heartbeat from it${isInMesh ? ' over the mesh' : ''}: ${hint}`;
}

/** Not of one that joins since a moment. */
function waitingProblem({ wish }: Situation, { facts, outMs }: ObservedMember): string | undefined {
  if (facts.kind !== 'member' || outMs < wish.graces.joinMs) return undefined;
  return facts.isManager ? 'it manages the cluster’s networks, but does not list their nodes' : undefined;
}

function freeProblem({ swarm, standings: all }: Situation, member: ObservedMember): string | undefined {
  if (!member.isHealthy) return undefined;
  if (member.address === undefined && member.isInMesh) return 'its address in the mesh is not set up yet';
  if (member.address === undefined)
    return 'no address is known under which other engines reach it: set its engine label io.enxame.address=IP';
  if (swarm) return undefined;
  const strange = [...all.values()].find((standing) => standing.kind === 'foreign' && standing.mark !== undefined);
  return strange?.kind === 'foreign' ? `another engine is not this cluster's: ${strange.why}` : undefined;
}

function withoutManagers(
  { observation: { answering, electingMs, known, members, objection } }: Situation,
  kind: 'lost' | 'orphan',
): string {
  const running = 'running containers are not affected';
  if (answering.size > 0) {
    const hosts = [...answering].sort().join(', ');
    return `managers of the cluster's networks run at ${hosts} but are no longer in discovery: add them again; ${running}`;
  }
  if (kind === 'lost' && electingMs > 0)
    return `the managers of the cluster's networks have no leader, though most of them answer; ${running}`;
  if (kind === 'lost' && objection !== undefined)
    return `too few managers of the cluster's networks answer, and no new quorum is made: ${objection}; ${running}`;
  if (kind === 'lost') return `too few managers of the cluster's networks answer; ${running}`;
  const managers = new Set(known.nodes.flatMap(({ isManager, memberId }) => (isManager ? memberId : [])));
  if (members.some(({ id }) => managers.has(id)))
    return `the managers of the cluster's networks do not answer; ${running}`;
  return `all managers of the cluster's networks left discovery: add one again, or give these networks up now by starting the manager with --adopt-swarm (otherwise after ten minutes without an answer); ${running}`;
}

function withEngineError(problem: string, { facts }: ObservedMember): string {
  return facts.kind === 'member' && facts.error !== '' ? `${problem} (engine: ${facts.error})` : problem;
}
