import { SchedulingError } from '../common/errors.ts';
import type { Check } from './filters/filter.ts';
import { nodeNames } from './filters/words.ts';
import type { NodeView, Refusal, RefusalCode, RefusalReason } from './types.ts';

/** A check with the name of its filter. */
export interface NamedCheck {
  readonly name: string;
  readonly check: Check;
}

/** Explains why no node was found. Walks every node: each counts for the first check, in order, that refuses it. */
export function refuse(nodes: readonly NodeView[], checks: readonly NamedCheck[]): Refusal {
  if (nodes.length === 0) {
    const message = 'No nodes available in the cluster: no engine has joined yet, check the discovery list';
    return { kind: 'refused', code: 'NO_NODES', message, reasons: [] };
  }
  const refusals = groupByFirstRefusal(nodes, checks);
  const reasons = refusals.map(({ name, check, refused }) => ({
    filter: name,
    nodes: refused.length,
    explanation: check.explain(refused),
  }));
  const code = codeOf(reasons);
  const details = refusals.map(({ refused }, index) => {
    return `${reasons[index]?.explanation} (${refused.length} of ${nodes.length} nodes: ${nodeNames(refused)})`;
  });
  return { kind: 'refused', code, message: `${HEADLINES[code]}: ${details.join('; ')}`, reasons };
}

/** The error the API answers with. */
export function toError(refusal: Refusal): SchedulingError {
  return new SchedulingError(refusal.message, refusal.code);
}

/** The field's words, so that scripts and people recognise them. */
const HEADLINES: Readonly<Record<RefusalCode, string>> = {
  NO_NODES: 'No nodes available in the cluster',
  NO_HEALTHY_NODE: 'No healthy node available in the cluster',
  NO_RESOURCES: 'no resources available to schedule container',
  NO_NODE: 'Unable to find a node that satisfies the following conditions',
};

/** Unhealthy nodes are not counted against the request: they could not have taken any. */
function codeOf(reasons: readonly RefusalReason[]): RefusalCode {
  const others = reasons.filter(({ filter }) => filter !== 'health');
  if (others.length === 0) return 'NO_HEALTHY_NODE';
  return others.every(({ filter }) => filter === 'resources') ? 'NO_RESOURCES' : 'NO_NODE';
}

function groupByFirstRefusal(
  nodes: readonly NodeView[],
  checks: readonly NamedCheck[],
): (NamedCheck & { readonly refused: NodeView[] })[] {
  const groups = checks.map((named) => ({ ...named, refused: [] as NodeView[] }));
  for (const node of nodes) groups.find(({ check }) => !check.accepts(node))?.refused.push(node);
  return groups.filter(({ refused }) => refused.length > 0).sort((a, b) => b.refused.length - a.refused.length);
}
