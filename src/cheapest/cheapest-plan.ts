import type { Plan, PlanCost, PlannedNode } from '../availability/plan.ts';

/** What becomes of a node. `left-out`: nobody knows what it costs. */
export type NodeFate = 'stays' | 'goes' | 'made' | 'left-out';

export interface CheapestNode extends PlannedNode {
  readonly fate: NodeFate;
  /** A month, in the plan's currency; null when it is not known. */
  readonly monthly: number | null;
  /** Where the price comes from, or why it is not known. */
  readonly price: string;
  /** Containers as things are, and once the plan is carried out. */
  readonly containersBefore: number;
  readonly containersAfter: number;
  /** In words. */
  readonly why: string;
}

/** How good the answer is. */
export interface PlanBound {
  /** `proven`: nothing cheaper exists under the rules; `found`: something cheaper may exist, but none below `monthlyLeast`. */
  readonly kind: 'proven' | 'found';
  /** What no answer can cost less than, moves counted. */
  readonly monthlyLeast: number;
  /** The share by which the plan may cost too much, 0 to 1. */
  readonly gap: number;
}

/** Which nodes to pay for, what moves where, what that saves. */
export interface CheapestPlan extends Plan {
  readonly reason: { readonly kind: 'cheaper' };
  readonly cost: PlanCost & { readonly once: number };
  /** A month; 0 when there is nothing to do. */
  readonly monthlySaving: number;
  readonly nodes: readonly CheapestNode[];
  readonly bound: PlanBound;
  /** The sum of the time in which containers do not run, in milliseconds. */
  readonly downtimeMs: number;
  /** What a person should know. */
  readonly notes: readonly string[];
  /** Why nothing is to be done; undefined when something is. */
  readonly idle?: string;
  /** Stands for all that the plan does: another plan has another one. */
  readonly digest: string;
}
