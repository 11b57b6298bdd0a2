import { hostOf } from './standing.ts';
import type { KnownSubstrate, ObservedMember, ObservedSwarm, SubstrateMember } from './types.ts';

/** Whether more than half of the managers that are remembered are down or no members any more. */
export function areMostLost(nodes: readonly SubstrateMember[], known: KnownSubstrate): boolean {
  const healthy = new Set(nodes.flatMap(({ id, isHealthy }) => (isHealthy ? id : [])));
  const managers = known.nodes.filter(({ isManager }) => isManager);
  return managers.filter(({ memberId }) => !healthy.has(memberId)).length * 2 > managers.length;
}

/** Which of the states that end only after a grace time there are: `leaderless`, `orphaned`. */
export function statesOf(
  swarms: readonly ObservedSwarm[],
  members: readonly ObservedMember[],
  known: KnownSubstrate,
): ReadonlySet<string> {
  const ours = new Set(known.nodes.map(({ nodeId }) => nodeId));
  const joined = members.flatMap(({ facts }) => (facts.kind === 'member' && ours.has(facts.nodeId) ? facts : []));
  if (swarms.length > 0 || joined.length === 0) return new Set();
  if (!joined.some(({ isManager }) => isManager)) return new Set(['orphaned']);
  return new Set(['leaderless', ...(canElect(members, known) ? ['electing'] : [])]);
}

/** Whether as many managers are there as most of those that are remembered; one may have become a manager since. */
function canElect(members: readonly ObservedMember[], { nodes }: KnownSubstrate): boolean {
  const roles = new Map(nodes.map(({ nodeId, isManager }) => [nodeId, isManager]));
  const present = members.filter(
    ({ isHealthy, facts }) =>
      isHealthy && facts.kind === 'member' && facts.isManager && roles.get(facts.nodeId) !== false,
  );
  return present.length * 2 > nodes.filter(({ isManager }) => isManager).length;
}

/** Hosts of managers that members of ours know of and that are no members: they left discovery. */
export function outsideManagers(members: readonly ObservedMember[], known: KnownSubstrate): ReadonlySet<string> {
  const ours = new Set(known.nodes.map(({ nodeId }) => nodeId));
  const inside = new Set(members.flatMap(({ address }) => address ?? []));
  const hosts = members.flatMap(({ facts }) =>
    facts.kind === 'member' && ours.has(facts.nodeId) ? facts.managerAddresses.map(hostOf) : [],
  );
  return new Set(hosts.filter((host) => !inside.has(host)));
}

/** Swarm nodes that no member answers to. */
export function straysOf(swarms: readonly ObservedSwarm[], members: readonly ObservedMember[]): ReadonlySet<string> {
  const present = new Set(members.flatMap(({ facts }) => (facts.kind === 'member' ? facts.nodeId : [])));
  return new Set(swarms.flatMap(({ nodes }) => nodes.flatMap(({ nodeId }) => (present.has(nodeId) ? [] : nodeId))));
}

/** Managers by their role that the others do not reach as such. */
export function unreachableOf(swarms: readonly ObservedSwarm[]): ReadonlySet<string> {
  return new Set(
    swarms.flatMap(({ nodes }) =>
      nodes.flatMap(({ nodeId, role, reachability }) =>
        role === 'manager' && reachability !== 'reachable' ? nodeId : [],
      ),
    ),
  );
}
