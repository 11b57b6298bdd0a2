import type { Seat } from './roles.ts';
import { isInTransition } from './roles.ts';
import type { Observation, Step, SubstrateWish } from './types.ts';

/** Workers tried in place of managers before one has rested: who did not bring them together, others hardly will. */
const MOST_TRIED = 3;

/**
 * Brings engines together that do not hear each other: a worker is made a manager for a moment. A survivor that made a new quorum begins its
 * gossip anew and joins nobody's; the others go on in theirs, and find the survivor again by themselves when it was among the managers that
 * they knew when they joined, else never. An engine that becomes a manager joins the gossip of all managers there are, and with it its own
 * island. The rest of the plan makes it a worker again; {@link Observation.restingManagers} has it then, so that nothing goes round in circles.
 * While some nodes are none of our engines, no manager steps down (roles.ts), and so nobody is promoted. Pure.
 */
export function planBridge(
  { silence: { deafMs, allMs }, restingManagers }: Pick<Observation, 'silence' | 'restingManagers'>,
  { graces: { bridgeMs } }: Pick<SubstrateWish, 'graces'>,
  seats: readonly Seat[],
): readonly Step[] {
  const isDeaf = ({ member }: Seat): boolean => (deafMs.get(member?.id ?? '') ?? 0) >= bridgeMs && member !== undefined;
  const deaf = seats.filter(isDeaf);
  const isOfManagers = allMs >= bridgeMs || deaf.some(({ node }) => node.role === 'manager');
  if (deaf.length === 0 && !isOfManagers) return [];
  if (seats.some(({ node, member }) => member === undefined || isInTransition(node))) return [];
  const able = seats.filter(
    ({ node, member }) =>
      node.role === 'worker' && node.state === 'ready' && member?.isHealthy && !restingManagers.has(member.id),
  );
  const chosen = able.find(isDeaf) ?? (isOfManagers && restingManagers.size < MOST_TRIED ? able[0] : undefined);
  if (!chosen?.member) return [];
  const { nodeId, hostname: name } = chosen.node;
  return [{ kind: 'set-role', nodeId, name, role: 'manager', bridgeId: chosen.member.id }];
}
