import { chooseManagers, type ManagerCandidate, managerCount } from './managers.ts';
import { pickSwarm, type Standing, standings } from './standing.ts';
import type { Observation, ObservedMember, ObservedSwarm, Plan, Step, SubstrateWish, SwarmNode } from './types.ts';

/** What the engines must let through between each other; said wherever that looks to be the cause. */
export const PORTS_HINT = 'open tcp 2377, tcp and udp 7946 and udp 4789 between the nodes';

/**
 * What to do next so that one substrate has all members that may be in it and a quorum spread over failure domains.
 * Pure: the same observation always gives the same plan, so that two managers do not fight. Steps that depend on
 * others' results come in a later round.
 */
export function planSubstrate(observation: Observation, wish: SubstrateWish): Plan {
  const swarm = pickSwarm(observation);
  const situation: Situation = { observation, wish, swarm, standings: standings(observation, wish, swarm) };
  const { steps, isPending } = swarm ? planGrown(situation, swarm) : planFormed(situation);
  return { steps, isPending, swarm, problems: problemsOf(situation), active: activeOf(situation) };
}

interface Situation {
  readonly observation: Observation;
  readonly wish: SubstrateWish;
  readonly swarm: ObservedSwarm | undefined;
  readonly standings: ReadonlyMap<string, Standing>;
}

interface Round {
  readonly steps: readonly Step[];
  readonly isPending: boolean;
}

const WAIT: Round = { steps: [], isPending: true };

/** There is no swarm with a leader: revive ours, wait for it, or form it. */
function planFormed(situation: Situation): Round {
  const { observation, wish } = situation;
  const leaving = leaves(situation);
  if (leaving.length > 0) return { steps: leaving, isPending: true };
  const lost = membersThat(situation, 'lost').filter(({ isHealthy }) => isHealthy);
  if (lost.length > 0) {
    const [survivor] = byName(lost);
    const isDue = observation.isSettled && observation.leaderlessMs >= wish.graces.quorumMs;
    return isDue && survivor
      ? { steps: [{ kind: 'force-new-cluster', memberId: survivor.id }], isPending: true }
      : WAIT;
  }
  if (!observation.isSettled || hasAbsentManager(situation)) return WAIT;
  if (membersThat(situation, 'undetermined').length > 0) return WAIT;
  // Every manager left for good: what they knew of networks went with them, the rest starts anew.
  const deserted = membersThat(situation, 'orphan').filter(({ isHealthy }) => isHealthy);
  if (deserted.length > 0)
    return { steps: deserted.map(({ id }) => leave(id, 'all managers of its substrate are gone')), isPending: true };
  const free = membersThat(situation, 'free').filter(({ isHealthy, address }) => isHealthy && address !== undefined);
  const [first] = chooseManagers(
    free.map((member) => toCandidate(member, false)),
    1,
  );
  return first ? { steps: [{ kind: 'init', memberId: first.id }], isPending: true } : { steps: [], isPending: false };
}

/** Whether a remembered manager may still come back: it is a member, but does not answer. */
function hasAbsentManager({ observation, standings: all }: Situation): boolean {
  const managers = observation.known.nodes.filter(({ isManager }) => isManager);
  return observation.members.some((member) => {
    if (!managers.some(({ memberId }) => memberId === member.id)) return false;
    const kind = all.get(member.id)?.kind;
    return !member.isHealthy || kind === 'waiting' || kind === 'lost';
  });
}

/** There is a swarm of ours with a leader: let members in, spread the managers, clear away what left. */
function planGrown(situation: Situation, swarm: ObservedSwarm): Round {
  const taking = participants(situation);
  const chosen = new Set(chooseWanted(situation, taking).map(({ id }) => id));
  const steps: Step[] = [
    ...leaves(situation),
    ...joins(taking, chosen),
    ...promotions(taking, chosen),
    ...demotions(taking, chosen, wantedManagers(situation)),
    ...removals(situation, swarm),
  ];
  const isPending =
    steps.length > 0 ||
    membersThat(situation, 'waiting').some(({ isHealthy }) => isHealthy) ||
    swarm.nodes.some((node) => node.state === 'unknown' || isInTransition(node));
  return { steps, isPending };
}

interface Participant {
  readonly member: ObservedMember;
  /** Undefined while it has not joined. */
  readonly entry: SwarmNode | undefined;
}

function participants({ observation, standings: all }: Situation): Participant[] {
  return observation.members.flatMap((member): Participant[] => {
    const standing = all.get(member.id);
    if (standing?.kind === 'ours') return [{ member, entry: standing.entry }];
    if (standing?.kind === 'free' && member.address !== undefined) return [{ member, entry: undefined }];
    return [];
  });
}

/** How many managers there shall be, counting the members that are about to join (again). */
function wantedManagers({ standings: all }: Situation): number {
  const coming: readonly Standing['kind'][] = ['ours', 'free', 'stale', 'waiting'];
  return managerCount([...all.values()].filter(({ kind }) => coming.includes(kind)).length);
}

function chooseWanted(situation: Situation, taking: readonly Participant[]): readonly ManagerCandidate[] {
  const able = taking.filter(({ member, entry }) =>
    member.isHealthy
      ? entry?.state !== 'down'
      : entry?.role === 'manager' && member.goneMs < situation.wish.graces.managerMs,
  );
  return chooseManagers(
    able.map(({ member, entry }) => toCandidate(member, entry?.role === 'manager')),
    wantedManagers(situation),
  );
}

/** Managers join first: an engine remembers the manager it joined through, and workers shall have several to choose from. */
function joins(taking: readonly Participant[], chosen: ReadonlySet<string>): Step[] {
  const joining = taking.flatMap(({ member, entry }) => (entry === undefined && member.isHealthy ? member.id : []));
  const managers = joining.filter((memberId) => chosen.has(memberId));
  if (managers.length > 0) return managers.map((memberId) => ({ kind: 'join', memberId, role: 'manager' }));
  return joining.map((memberId) => ({ kind: 'join', memberId, role: 'worker' }));
}

function promotions(taking: readonly Participant[], chosen: ReadonlySet<string>): Step[] {
  return taking.flatMap(({ member, entry }): Step[] =>
    chosen.has(member.id) && member.isHealthy && entry?.role === 'worker' && entry.state === 'ready'
      ? [{ kind: 'set-role', nodeId: entry.nodeId, name: member.name, role: 'manager' }]
      : [],
  );
}

/** Managers too many step down one at a time, and only when all that shall stay are reachable: the quorum never shrinks first. */
function demotions(taking: readonly Participant[], chosen: ReadonlySet<string>, wanted: number): Step[] {
  const areReady = taking.every(
    ({ member, entry }) => !chosen.has(member.id) || (entry?.role === 'manager' && entry.reachability === 'reachable'),
  );
  // Without anybody to take its place a missing manager keeps it: it may come back.
  if (!areReady || chosen.size < wanted) return [];
  const surplus = taking.filter(
    ({ member, entry }) => !chosen.has(member.id) && entry?.role === 'manager' && entry.reachability !== undefined,
  );
  // The unreachable ones first: they count in the quorum without serving it.
  const next = surplus.find(({ entry }) => entry?.reachability !== 'reachable') ?? surplus[0];
  return next?.entry ? [{ kind: 'set-role', nodeId: next.entry.nodeId, name: next.member.name, role: 'worker' }] : [];
}

/** A role that was changed and is not in effect yet; the swarm brings it about by itself. */
function isInTransition(node: SwarmNode): boolean {
  return node.state === 'ready' && (node.role === 'manager') !== (node.reachability !== undefined);
}

interface Stray {
  readonly node: SwarmNode;
  readonly isDue: boolean;
}

/** Swarm nodes that no member answers to. */
function strays({ observation, wish, standings: all }: Situation, swarm: ObservedSwarm): Stray[] {
  const taken = new Set([...all.values()].flatMap((standing) => (standing.kind === 'ours' ? standing.nodeId : [])));
  const reached = new Set(
    observation.members.flatMap(({ facts, address }) => (facts.kind === 'unknown' ? [] : (address ?? []))),
  );
  return swarm.nodes
    .filter(({ nodeId }) => !taken.has(nodeId))
    .map((node) => {
      // Its engine was re-installed or joined anew: a member at this address is somebody else now.
      const isSuperseded = node.state !== 'ready' && reached.has(node.address);
      const graceMs = node.state === 'ready' ? wish.graces.runningStrayMs : wish.graces.strayMs;
      return { node, isDue: isSuperseded || (observation.strayMs.get(node.nodeId) ?? 0) >= graceMs };
    });
}

function removals(situation: Situation, swarm: ObservedSwarm): Step[] {
  return strays(situation, swarm)
    .filter(({ isDue }) => isDue)
    .map(({ node }) =>
      node.role === 'manager' && node.reachability !== undefined
        ? { kind: 'set-role', nodeId: node.nodeId, name: node.hostname, role: 'worker' }
        : { kind: 'remove', nodeId: node.nodeId, name: node.hostname },
    );
}

/**
 * Members that must leave what they are in. What is undetermined may be ours without a leader: it is adopted only when
 * ours is known to be another one.
 */
function leaves({ observation, wish, swarm, standings: all }: Situation): Step[] {
  return observation.members.flatMap((member): Step[] => {
    const standing = all.get(member.id);
    if (!member.isHealthy || standing === undefined) return [];
    if (standing.kind === 'stale') return [leave(member.id, standing.why)];
    const isElsewhere = standing.kind === 'foreign' || (standing.kind === 'undetermined' && swarm !== undefined);
    const isAdopted = wish.adoptSwarm && isElsewhere;
    return isAdopted ? [leave(member.id, 'it is adopted out of another swarm')] : [];
  });
}

function leave(memberId: string, why: string): Step {
  return { kind: 'leave', memberId, why };
}

function problemsOf({ observation, wish, swarm, standings: all }: Situation): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const member of observation.members) {
    const standing = all.get(member.id);
    if ((standing?.kind === 'foreign' || standing?.kind === 'undetermined') && !wish.adoptSwarm)
      problems.set(member.id, standing.why);
    else if (standing?.kind === 'ours' && member.isHealthy && standing.entry.state === 'down')
      problems.set(member.id, `the managers of the cluster's networks do not hear it: ${PORTS_HINT}`);
    else if (standing?.kind === 'free' && member.isHealthy && member.address === undefined)
      problems.set(
        member.id,
        'no address of it is known that other engines reach: set its engine label io.enxame.address=IP',
      );
    else if (!swarm && (standing?.kind === 'lost' || standing?.kind === 'orphan'))
      problems.set(member.id, "too few managers of the cluster's networks answer; running containers are not affected");
  }
  return problems;
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

function toCandidate({ id, name, domain }: ObservedMember, isManager: boolean): ManagerCandidate {
  return { id, name, domain, isManager };
}
