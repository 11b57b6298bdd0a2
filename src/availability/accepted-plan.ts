import type { RecordFormat } from '../kv/record-view.ts';
import type { LeavingNode } from './leaving-nodes.ts';
import type { Plan, PlannedNode } from './plan.ts';

/** How a plan is carried out. */
export interface RunOptions {
  /** Moves at a time. */
  readonly atOnce: number;
  /** For how long volumes are kept where they were, in milliseconds. */
  readonly keepSourceMs: number;
  /** Nodes that hold nothing once it is carried out, and are not to take anything from its beginning on; default none. */
  readonly leaving?: readonly PlannedNode[];
}

/** A plan that was accepted: durable until it has ended. */
export interface AcceptedPlan extends Omit<RunOptions, 'leaving'> {
  readonly leaving?: readonly LeavingNode[];
  readonly id: string;
  readonly plan: Plan;
  /** Milliseconds since the epoch. */
  readonly acceptedMs: number;
  /** A person stopped it: no further move of it begins. */
  readonly isStopped?: true;
}

export const ACCEPTED_PLANS: RecordFormat<AcceptedPlan> = {
  read: parse,
  write: (accepted) => JSON.stringify(accepted),
};

function parse(text: string): AcceptedPlan | undefined {
  try {
    const value = JSON.parse(text) as Partial<AcceptedPlan> | null;
    const isWhole = typeof value?.id === 'string' && Array.isArray(value.plan?.moves) && Number(value.atOnce) >= 1;
    return isWhole && Number.isFinite(value.keepSourceMs) ? (value as AcceptedPlan) : undefined;
  } catch {
    return undefined;
  }
}
