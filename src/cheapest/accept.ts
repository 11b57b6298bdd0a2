import type { PlanRuns } from '../availability/plan-runs.ts';
import { ConflictError } from '../common/errors.ts';
import type { CheapestPlan } from './cheapest-plan.ts';

/** Beside the bounds of the executor, which are those of drains. */
const AT_ONCE = 32;
/** How long sources of volumes are kept on nodes that stay, in milliseconds. */
const KEEP_SOURCE_MS = 86_400_000;

/**
 * Begins to carry a plan out, and resolves with the ID of that once it is durable. Throws 409 when it needs machines that are not there, when
 * there is nothing to do, and as {@link PlanRuns.accept}.
 */
export async function acceptCheapest(runs: Pick<PlanRuns, 'accept'>, plan: CheapestPlan): Promise<string> {
  const { reason, moves, cost, nodes, idle } = plan;
  if (idle !== undefined) throw new ConflictError(`nothing is to be done: ${idle}`, 'NOTHING_TO_DO');
  if (nodes.some(({ fate }) => fate === 'made'))
    throw new ConflictError(
      'the plan needs machines that are not there: make them first, as enxame plan cheapest --apply does',
      'PLAN_NEEDS_MACHINES',
    );
  const leaving = nodes.flatMap(({ id, name, fate }) => (fate === 'goes' ? [{ id, name }] : []));
  // What stays is told of before; it is not kept with the plan.
  const options = { atOnce: AT_ONCE, keepSourceMs: KEEP_SOURCE_MS, leaving };
  return runs.accept({ reason, moves, stays: [], cost }, options, { isOnly: true });
}
