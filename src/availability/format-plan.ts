import { nodesOf, type Plan, type PlannedMove, type PlannedStay, type PlanReason } from './plan.ts';

/** A plan for people: a headline, then a line for each container. */
export function formatPlan(plan: Plan): string {
  const { moves, stays } = plan;
  const counts = `${moves.length} to move, ${stays.length} to stay`;
  return [`${headline(plan.reason)}: ${counts}`, ...moves.map(moveLine), ...stays.map(stayLine)].join('\n');
}

function headline(reason: PlanReason): string {
  const nodes = nodesOf(reason)
    .map(({ name }) => name)
    .join(', ');
  return { failover: `Lost ${nodes}`, drain: `Drain of ${nodes}`, drill: `If ${nodes} were lost` }[reason.kind];
}

function moveLine({ container, from, to, how, why, loses }: PlannedMove): string {
  const lost = loses.length === 0 ? '' : `; loses ${loses.join(', ')}`;
  const order = how === 'replace' ? '' : `${how}; `;
  return `  move  ${container.name}: ${from.name} -> ${to.name} (${order}${why}${lost})`;
}

function stayLine({ container, node, why }: PlannedStay): string {
  return `  stay  ${container.name}: ${node.name} (${why})`;
}
