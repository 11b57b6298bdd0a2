import type { Expression } from '../expression.ts';
import type { ClusterView, NodeView, PlacementRequest } from '../types.ts';

/** One rule about which nodes may take a container. Filters hold no state: all of it is in the {@link Check}. */
export interface Filter {
  readonly name: string;
  /**
   * Does, once, everything that depends on the request alone (index lookups included). Returns undefined when the
   * request does not concern this filter, so that it costs nothing per node.
   */
  prepare(request: PlacementRequest, cluster: ClusterView): Check | undefined;
}

/** A filter made ready for one request; valid during that synchronous call only. */
export interface Check {
  accepts(node: NodeView): boolean;
  /** Why all of these nodes (at least one) were refused, in words for the client: no counts, no node list. */
  explain(refused: readonly NodeView[]): string;
  /** Preferences: they refuse no node and may be given up one by one. */
  readonly preferences?: readonly Condition[];
}

/** One expression made ready: whether a node meets it, and what helps the client when none does. */
export interface Condition {
  readonly expression: Expression;
  accepts(node: NodeView): boolean;
  /** What would help, e.g. `no container is called db`; empty when there is nothing to add. */
  hint(): string;
}

/** Turns conditions into a check: hard ones must all hold, soft ones become preferences. `noun` names them in messages. */
export function checkOf(noun: string, conditions: readonly Condition[]): Check | undefined {
  if (conditions.length === 0) return undefined;
  const hard = conditions.filter((condition) => !condition.expression.isSoft);
  const preferences = conditions.filter((condition) => condition.expression.isSoft);
  return {
    accepts: (node) => meetsAll(hard, node),
    explain: (refused) => explainConditions(noun, hard, refused),
    preferences,
  };
}

function meetsAll(conditions: readonly Condition[], node: NodeView): boolean {
  for (const condition of conditions) if (!condition.accepts(node)) return false;
  return true;
}

function explainConditions(noun: string, hard: readonly Condition[], refused: readonly NodeView[]): string {
  return hard
    .map((condition) => ({ condition, misses: refused.filter((node) => !condition.accepts(node)).length }))
    .filter(({ misses }) => misses > 0)
    .sort((a, b) => b.misses - a.misses)
    .map(({ condition, misses }) => {
      const share = misses === refused.length ? '' : ` on ${misses} of them`;
      const hint = condition.hint();
      return `${noun} ${condition.expression.text} is not met${share}${hint === '' ? '' : `: ${hint}`}`;
    })
    .join(' and ');
}
