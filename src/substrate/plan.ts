import { planBridge } from './bridge.ts';
import { chooseManagers } from './managers.ts';
import { noticesOf, problemsOf } from './problems.ts';
import { isInTransition, planRoles, type Seat } from './roles.ts';
import { hostOf, pickSwarm, type Situation, type Standing, standings } from './standing.ts';
import type { Observation, ObservedMember, ObservedSwarm, Plan, Step, SubstrateWish, SwarmNode } from './types.ts';

/**
 * What to do next so that one substrate has all members that may be in it and a quorum spread over failure domains.
 * Pure: the same observation always gives the same plan, so that two managers do not fight. Steps that depend on
 * others' results come in a later round.
 */
export function planSubstrate(observation: Observation, wish: SubstrateWish): Plan {
  const swarm = pickSwarm(observation);
  const situation: Situation = { observation, wish, swarm, standings: standings(observation, wish, swarm) };
  const { steps, isPending } = swarm ? planGrown(situation, swarm) : planFormed(situation);
  // Of half of the engines nothing is told: a worker whose manager was not heard yet would count as another swarm's.
  if (!swarm && !observation.isSettled)
    return { steps, isPending, swarm, guestOf: undefined, problems: new Map(), notices: [], active: new Map() };
  const problems = problemsOf(situation);
  const notices = noticesOf(situation);
  return { steps, isPending, swarm, guestOf: guestOf(situation), problems, notices, active: activeOf(situation) };
}

interface Round {
  readonly steps: readonly Step[];
  readonly isPending: boolean;
}

const WAIT: Round = { steps: [], isPending: true };
const DONE: Round = { steps: [], isPending: false };

/** There is no swarm with a leader: revive ours, wait for it, or form it. */
function planFormed(situation: Situation): Round {
  const { observation } = situation;
  if (!observation.isSettled) return WAIT;
  const lost = membersThat(situation, 'lost').filter(({ isHealthy }) => isHealthy);
  if (lost.length > 0) return planRevival(situation, lost);
  // Whose swarm that is will be known when its managers answer; ours must not be formed beside itself.
  if (membersThat(situation, 'waiting').some(({ isHealthy }) => isHealthy)) return WAIT;
  if (hasAbsentManager(situation) || membersThat(situation, 'undetermined').length > 0) return WAIT;
  const orphans = membersThat(situation, 'orphan').filter(({ isHealthy }) => isHealthy);
  if (orphans.length > 0) return planDesertion(situation, orphans);
  // Another cluster's substrate: engines that are free today may be about to join it.
  if (guestOf(situation) !== undefined) return DONE;
  const leaving = leaves(situation);
  if (leaving.length > 0) return { steps: leaving, isPending: true };
  const free = membersThat(situation, 'free').filter(
    ({ isHealthy, address, id }) => isHealthy && address !== undefined && !observation.restingJoins.has(id),
  );
  const [first] = chooseManagers(
    free.map(({ id, name, domain, facts }) => {
      return { id, name, domain, isManager: false, isFixed: false, release: releaseOf(facts) };
    }),
    1,
    observation.members.map(({ domain }) => domain),
  );
  return first ? { steps: [{ kind: 'init', memberId: first.id }], isPending: true } : DONE;
}

/**
 * Managers of ours that see no leader: after the grace time one of them becomes a quorum by itself. Most of them can elect
 * a leader, and are given the time for it from when they are there: after a split vote that may be half a minute.
 */
function planRevival({ observation, wish }: Situation, lost: readonly ObservedMember[]): Round {
  const [survivor] = byName(lost);
  const managers = observation.known.nodes.filter(({ isManager }) => isManager);
  const { leaderlessMs, electingMs } = observation;
  const canElect = lost.length * 2 > managers.length;
  const isOver = canElect ? electingMs >= wish.graces.electionMs : leaderlessMs >= wish.graces.quorumMs;
  // Managers that left discovery but run could be a quorum among themselves, now or in a moment.
  const isDue = isOver && observation.answering.size === 0 && !observation.objection;
  return isDue && survivor ? { steps: [{ kind: 'force-new-cluster', memberId: survivor.id }], isPending: true } : WAIT;
}

/**
 * Workers of ours whose managers all left discovery. Their containers still talk, and leaving would end that: they leave
 * only when no manager answers any more for a long time, or sooner with `--adopt-swarm`, or when all managers are here and in no swarm.
 */
function planDesertion(situation: Situation, orphans: readonly ObservedMember[]): Round {
  const { observation, wish } = situation;
  if (observation.answering.size > 0) return WAIT;
  const isCertain = wish.adoptSwarm || haveManagersLeft(situation, orphans);
  const graceMs = isCertain ? wish.graces.quorumMs : wish.graces.orphanMs;
  if (observation.orphanedMs < graceMs) return WAIT;
  return { steps: orphans.map(({ id }) => leave(id, DESERTED)), isPending: true };
}

/** Whether every manager, as far as remembered and as the orphans know, is a healthy member that is in no swarm (re-installed, or made to leave). */
function haveManagersLeft(situation: Situation, orphans: readonly ObservedMember[]): boolean {
  const free = membersThat(situation, 'free').filter(({ isHealthy }) => isHealthy);
  const ids = new Set(free.map(({ id }) => id));
  const hosts = new Set(free.map(({ address }) => address));
  const managers = situation.observation.known.nodes.filter(({ isManager }) => isManager);
  const addresses = orphans.flatMap(({ facts }) => (facts.kind === 'member' ? facts.managerAddresses : []));
  return (
    managers.length > 0 &&
    managers.every(({ memberId }) => ids.has(memberId)) &&
    addresses.every((address) => hosts.has(hostOf(address)))
  );
}

const DESERTED = 'all managers of its substrate are gone: it forms a new one with the others';

/** Whether a remembered manager may still come back: it is a member, but does not answer. */
function hasAbsentManager({ observation: { known, members }, standings: all }: Situation): boolean {
  return members.some((member) => {
    if (known.nodes.find(({ memberId }) => memberId === member.id)?.isManager !== true) return false;
    const kind = all.get(member.id)?.kind;
    return !member.isHealthy || kind === 'waiting' || kind === 'lost';
  });
}

/** There is a swarm of ours with a leader: let members in, spread the managers, clear away what left. */
function planGrown(situation: Situation, swarm: ObservedSwarm): Round {
  const removable = removals(situation, swarm);
  const leaving = new Set(removable.map(({ nodeId }) => nodeId));
  const seats = seatsOf(situation, swarm).filter(({ node }) => !leaving.has(node.nodeId));
  const { observation, wish } = situation;
  const roles = planRoles({
    observation,
    wish,
    swarm,
    seats,
    coming: coming(situation),
    newcomer: newcomer(situation),
  });
  const steps: Step[] = [
    ...leaves(situation),
    ...joins(situation, swarm),
    ...(roles.length > 0 ? roles : planBridge(observation, wish, seats)),
    ...removable.map((node): Step => letGo(node)),
  ];
  const isPending =
    steps.length > 0 ||
    membersThat(situation, 'waiting').some(({ isHealthy }) => isHealthy) ||
    awaited(situation, swarm).length > 0 ||
    swarm.nodes.some((node) => node.state === 'unknown' || isInTransition(node));
  return { steps, isPending };
}

function seatsOf({ observation, standings: all }: Situation, swarm: ObservedSwarm): readonly Seat[] {
  const byNodeId = new Map<string, ObservedMember>();
  for (const member of observation.members) {
    const standing = all.get(member.id);
    if (standing?.kind === 'ours') byNodeId.set(standing.nodeId, member);
  }
  return swarm.nodes.map((node) => ({ node, member: byNodeId.get(node.nodeId) }));
}

/** How many engines are about to join, some of them again. */
function coming(situation: Situation): number {
  const kinds = ['free', 'stale', 'waiting'] as const;
  const members = kinds.flatMap((kind) => membersThat(situation, kind));
  return members.filter(({ isHealthy, address }) => isHealthy && address !== undefined).length;
}

/** The newest engine that joins in vain, by major version: it may be too new for the managers. */
function newcomer(situation: Situation): number {
  const { failedJoins } = situation.observation;
  const vain = membersThat(situation, 'free').filter(({ id, isHealthy }) => isHealthy && failedJoins.has(id));
  return Math.max(0, ...vain.map(({ facts }) => releaseOf(facts)));
}

function releaseOf(facts: ObservedMember['facts']): number {
  return facts.kind === 'unknown' ? 0 : (facts.release ?? 0);
}

/** Free engines that may join now. */
function joins(situation: Situation, swarm: ObservedSwarm): Step[] {
  const { observation } = situation;
  return membersThat(situation, 'free').flatMap((member): Step[] => {
    if (!member.isHealthy || member.address === undefined || observation.restingJoins.has(member.id)) return [];
    return predecessor(member, swarm) ? [] : [{ kind: 'join', memberId: member.id }];
  });
}

/** Engines that join as soon as the manager that had their address before is out of the quorum. */
function awaited(situation: Situation, swarm: ObservedSwarm): readonly ObservedMember[] {
  return membersThat(situation, 'free').filter((member) => member.isHealthy && predecessor(member, swarm));
}

/** The manager whose address a free member has now: its engine was re-installed, and the entry still counts in the quorum. */
function predecessor({ address }: ObservedMember, { nodes }: ObservedSwarm): SwarmNode | undefined {
  return nodes.find((node) => node.address === address && node.role === 'manager');
}

/**
 * Swarm nodes to be removed: re-installed engines (a member at this address is another one now), and those that this
 * manager knew as members, that left the cluster and are down. What runs stays: it has containers, and another manager of
 * this cluster may have it in its list.
 */
function removals(situation: Situation, swarm: ObservedSwarm): readonly SwarmNode[] {
  const { observation, wish } = situation;
  const former = new Set(observation.known.nodes.map(({ nodeId }) => nodeId));
  const reached = new Set(
    observation.members.flatMap(({ facts, address }) => (facts.kind === 'unknown' ? [] : (address ?? []))),
  );
  return seatsOf(situation, swarm)
    .flatMap(({ node, member }) => (member ? [] : node))
    .filter((node) => {
      if (node.state === 'ready' && node.reachability !== 'unreachable') return false;
      const isDue = (observation.strayMs.get(node.nodeId) ?? 0) >= wish.graces.strayMs;
      return reached.has(node.address) || (node.state !== 'ready' && isDue && former.has(node.nodeId));
    });
}

/** Managers step down first: the swarm does not remove one. */
function letGo({ nodeId, hostname: name, reachability }: SwarmNode): Step {
  return reachability !== undefined
    ? { kind: 'set-role', nodeId, name, role: 'worker' }
    : { kind: 'remove', nodeId, name };
}

/** Members that must leave what they are in: what ours does not know any more, and with --adopt-swarm foreign swarms. */
function leaves({ observation, wish, standings: all }: Situation): Step[] {
  return observation.members.flatMap((member): Step[] => {
    const standing = all.get(member.id);
    if (!member.isHealthy || standing === undefined) return [];
    if (standing.kind === 'stale') return [leave(member.id, standing.why)];
    return wish.adoptSwarm && standing.kind === 'foreign' && standing.mark === undefined
      ? [{ ...leave(member.id, 'it is adopted out of another swarm'), isForeign: true }]
      : [];
  });
}

function leave(memberId: string, why: string): Extract<Step, { kind: 'leave' }> {
  return { kind: 'leave', memberId, why };
}

/** The cluster whose substrate the engines are in, when they are in none of ours. */
function guestOf({ swarm, standings: all }: Situation): string | undefined {
  if (swarm) return undefined;
  return [...all.values()].flatMap((standing) => (standing.kind === 'foreign' ? (standing.mark ?? []) : []))[0];
}

function activeOf({ standings: all }: Situation): ReadonlyMap<string, string> {
  const active = new Map<string, string>();
  for (const [memberId, standing] of all) {
    if (standing.kind === 'ours' && standing.entry.state === 'ready') active.set(memberId, standing.nodeId);
  }
  return active;
}

function membersThat({ observation, standings: all }: Situation, kind: Standing['kind']): ObservedMember[] {
  return observation.members.filter(({ id }) => all.get(id)?.kind === kind);
}

function byName(members: readonly ObservedMember[]): ObservedMember[] {
  return [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
}
