import type { Seat } from './roles.ts';
import { isInTransition } from './roles.ts';
import type { Observation, Step, SubstrateWish } from './types.ts';

/**
 * Brings engines together that do not hear each other: a worker is made a manager for a moment. A survivor that made a new quorum begins its
 * gossip anew and joins nobody's; the others go on in theirs, and find the survivor again by themselves when it was among the managers that
 * they knew when they joined, else never. An engine that becomes a manager joins the gossip of all managers there are, and with it its own
 * island. The rest of the plan makes it a worker again; {@link Observation.restingManagers} has it then, so that nothing goes round in circles.
 * Pure.
 */
export function planBridge(
  { silence: { deafMs, allMs }, restingManagers }: Pick<Observation, 'silence' | 'restingManagers'>,
  { graces: { bridgeMs } }: Pick<SubstrateWish, 'graces'>,
  seats: readonly Seat[],
): readonly Step[] {
  const isDeaf = ({ member }: Seat): boolean => (deafMs.get(member?.id ?? '') ?? 0) >= bridgeMs && member !== undefined;
  const deaf = seats.filter(isDeaf);
  const isOfManagers = allMs >= bridgeMs || deaf.some(({ node }) => node.role === 'manager');
  if ((deaf.length === 0 && !isOfManagers) || seats.some(({ node }) => isInTransition(node))) return [];
  const able = seats.filter(
    ({ node, member }) =>
      node.role === 'worker' && node.state === 'ready' && member?.isHealthy && !restingManagers.has(member.id),
  );
  const chosen = able.find(isDeaf) ?? (isOfManagers ? able[0] : undefined);
  if (!chosen?.member) return [];
  const { nodeId, hostname: name } = chosen.node;
  return [{ kind: 'set-role', nodeId, name, role: 'manager', bridgeId: chosen.member.id }];
}
