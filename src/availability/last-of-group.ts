import type { Cluster } from '../cluster/cluster.ts';
import { PROJECT_LABEL, SERVICE_LABEL } from '../common/compose-labels.ts';
import { GROUP_LABEL, groupOf } from '../scheduler/groups.ts';
import type { PlannedMove } from './plan.ts';
import { isWell } from './plan-live.ts';

/**
 * Why a container must not be stopped for a move now, in words: it is the last of several replicas of its service that is well. Undefined when it may be, as
 * one that has no others.
 *
 * @param unit all that move as one with it: none of these can go first
 */
export function lastOfGroup(
  cluster: Cluster,
  { container, how }: PlannedMove,
  unit: readonly PlannedMove[] = [],
): string | undefined {
  const own = cluster.findContainer(container.id);
  const group = own && groupOf(own.labels);
  if (how !== 'stop-first' || !own || group === undefined || !isWell(own)) return undefined;
  const label = GROUP_LABEL in own.labels ? GROUP_LABEL : SERVICE_LABEL;
  const alike = [...cluster.containersWithLabel(label, own.labels[label] ?? '').containers];
  const along = new Set(unit.map((each) => each.container.id));
  const others = alike.filter((each) => each !== own && !along.has(each.id) && groupOf(each.labels) === group);
  const unwell = others.filter((each) => !isWell(each));
  if (others.length === 0 || unwell.length < others.length) return undefined;
  const service = own.labels[GROUP_LABEL] ?? `${own.labels[PROJECT_LABEL]}/${own.labels[SERVICE_LABEL]}`;
  return `it is the last replica of ${service} that is well: ${unwell.map(({ name }) => name).join(', ')} first`;
}
