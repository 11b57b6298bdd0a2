import { chooseManagers, domainOf, type ManagerCandidate, managerCount } from './managers.ts';
import type { Observation, ObservedMember, ObservedSwarm, Step, SubstrateWish, SwarmNode } from './types.ts';

/** A node of our swarm; `member` is undefined for one that no engine of the cluster answers to. */
export interface Seat {
  readonly node: SwarmNode;
  readonly member: ObservedMember | undefined;
}

/** What is looked at to decide who manages. */
export interface Assembly {
  readonly observation: Observation;
  readonly wish: SubstrateWish;
  readonly swarm: ObservedSwarm;
  /** Every node that is not about to be removed. */
  readonly seats: readonly Seat[];
  /** How many engines are about to join (again): no manager steps down for a moment's sake. */
  readonly coming: number;
  /** The newest engine among those whose join failed, by major version; 0 without any. */
  readonly newcomer: number;
}

/**
 * Who becomes a substrate manager and who stops being one, decided from the managers' own list. While some of its nodes
 * are none of our engines, another manager of this cluster may have them in its list: then missing managers are replaced,
 * but none that serves is unmade or exchanged, so that two managers never undo each other's choice.
 */
export function planRoles(assembly: Assembly): readonly Step[] {
  const wanted = managerCount(assembly.seats.length);
  const able = assembly.seats.filter((seat) => isAble(assembly, seat));
  // An even number of managers fails as easily as one less.
  const odd = Math.min(wanted, able.length - ((able.length + 1) % 2));
  const isWhole = assembly.seats.every(({ member }) => member !== undefined);
  const candidates = able.map((seat) => toCandidate(seat, assembly.wish, isWhole));
  const count = Math.max(odd, countForNewcomer(candidates, assembly.newcomer));
  const population = assembly.observation.members.map(({ domain }) => domain);
  const chosen = new Set(chooseManagers(candidates, count, population).map(({ id }) => id));
  return [...promotions(able, chosen), ...demotions(assembly, chosen, isWhole)];
}

/**
 * How many managers it takes to let in an engine that is newer than all of them: one more than those that stay in any case, when
 * there is a newer one to choose. 0 when nothing of the kind is needed.
 */
function countForNewcomer(candidates: readonly ManagerCandidate[], newcomer: number): number {
  const newest = Math.max(0, ...candidates.flatMap(({ isManager, release }) => (isManager ? release : [])));
  if (newcomer <= newest || !candidates.some(({ release }) => release > newest)) return 0;
  return candidates.filter(({ isFixed }) => isFixed).length + 1;
}

/** Whether making this manager a worker leaves a quorum of reachable ones. */
export function canStepDown({ nodes }: Pick<ObservedSwarm, 'nodes'>, nodeId: string): boolean {
  const left = nodes.filter((node) => node.role === 'manager' && node.reachability && node.nodeId !== nodeId);
  return left.filter(({ reachability }) => reachability === 'reachable').length * 2 > left.length;
}

function isAble({ observation, wish }: Assembly, { node, member }: Seat): boolean {
  // One that a new quorum was made without comes back as a worker.
  if (node.role === 'manager' && node.state === 'down' && node.reachability === undefined) return false;
  if (node.role === 'manager')
    return node.reachability === 'reachable' || unreachableMs(observation, node) < wish.graces.managerMs;
  return member?.isHealthy === true && node.state === 'ready' && !observation.restingManagers.has(member.id);
}

function promotions(able: readonly Seat[], chosen: ReadonlySet<string>): Step[] {
  return able.flatMap(({ node }): Step[] =>
    chosen.has(node.nodeId) && node.role === 'worker'
      ? [{ kind: 'set-role', nodeId: node.nodeId, name: node.hostname, role: 'manager' }]
      : [],
  );
}

/** One at a time, never the leader, and only when the rest can do without: the quorum never shrinks first. */
function demotions(assembly: Assembly, chosen: ReadonlySet<string>, isWhole: boolean): Step[] {
  const { swarm, seats, coming } = assembly;
  const failed = seats.find((seat) => hasFailed(assembly, seat) && canStepDown(swarm, seat.node.nodeId));
  if (failed?.member) return [demote(failed, failed.member.id)];
  const managers = seats.filter(({ node }) => node.role === 'manager');
  const areReady = seats.every(({ node }) => !chosen.has(node.nodeId) || node.reachability === 'reachable');
  // Without a successor a missing manager keeps its place: it may come back.
  if (!areReady || managers.length <= managerCount(seats.length + coming)) return [];
  const surplus = managers.filter(({ node }) => !chosen.has(node.nodeId) && !node.isLeader && node.reachability);
  // The unreachable ones first: they count in the quorum without serving it.
  const unreachable = surplus.find(({ node }) => node.reachability !== 'reachable');
  const next = unreachable ?? (isWhole ? surplus[0] : undefined);
  return next && canStepDown(swarm, next.node.nodeId) ? [demote(next)] : [];
}

/**
 * A healthy engine that does not get to manage (a full disk, a join address that died): as a manager it only burdens the
 * others, as a worker it serves.
 */
function hasFailed({ observation, wish }: Assembly, { node, member }: Seat): boolean {
  return (
    member?.isHealthy === true &&
    node.role === 'manager' &&
    node.reachability !== 'reachable' &&
    unreachableMs(observation, node) >= wish.graces.promotionMs
  );
}

/** A role that was changed and is not in effect yet; the swarm brings it about by itself. */
export function isInTransition(node: SwarmNode): boolean {
  return node.state === 'ready' && (node.role === 'manager') !== (node.reachability !== undefined);
}

function unreachableMs({ unreachableMs: since }: Observation, { nodeId }: SwarmNode): number {
  return since.get(nodeId) ?? 0;
}

function demote({ node }: Seat, failedId?: string): Step {
  const step = { kind: 'set-role', nodeId: node.nodeId, name: node.hostname, role: 'worker' } as const;
  return failedId === undefined ? step : { ...step, failedId };
}

function toCandidate({ node, member }: Seat, wish: SubstrateWish, isWhole: boolean): ManagerCandidate {
  const isManager = node.role === 'manager';
  return {
    id: node.nodeId,
    name: node.hostname,
    // One that is no member of ours is only known by its engine's labels.
    domain: member?.domain ?? domainOf(node.labels, wish.spreadBy),
    isManager,
    isFixed: isManager && (node.isLeader || !isWhole),
    release: node.release ?? 0,
  };
}
