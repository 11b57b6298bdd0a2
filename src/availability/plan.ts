/** A node as a plan names it. */
export interface PlannedNode {
  readonly id: string;
  readonly name: string;
}

/** A container as a plan names it. */
export interface PlannedContainer {
  /** Of its record. */
  readonly key: string;
  /** As clients see it. */
  readonly id: string;
  readonly name: string;
}

/**
 * `replace`: its node is lost. `start-first`: the successor runs before the old copy is stopped. `stop-first`: the other way round.
 */
export type MoveHow = 'replace' | 'start-first' | 'stop-first';

/** One container that goes to another node. */
export interface PlannedMove {
  readonly container: PlannedContainer;
  readonly from: PlannedNode;
  readonly to: PlannedNode;
  readonly how: MoveHow;
  /** In words. */
  readonly why: string;
  /** The generation that it presumes; a move whose container has another one by then is skipped and told. */
  readonly generation: number;
  /** What does not come along, in words: `writable layer`, `anonymous volume /data`. */
  readonly loses: readonly string[];
  /** It is on networks that span nodes, and may have to wait for these: the others do not wait behind it. */
  readonly spans?: boolean;
  /** Keys of those that must have moved before, because it needs them on its node; default none. */
  readonly after?: readonly string[];
}

/** One container that stays where it is, or waits for its node. */
export interface PlannedStay {
  readonly container: PlannedContainer;
  readonly node: PlannedNode;
  /** In words. */
  readonly why: string;
  /** It should run and does not, or would not: it waits for its node, or for a place. */
  readonly waits: boolean;
}

/** What a plan is made for. */
export type PlanReason =
  | { readonly kind: 'failover'; readonly lost: readonly PlannedNode[] }
  | { readonly kind: 'drain'; readonly nodes: readonly PlannedNode[] }
  | { readonly kind: 'drill'; readonly lost: readonly PlannedNode[] };

/**
 * What moves and what does not, and why: a plain value that can be printed, compared, kept, carried out, and carried out again after a
 * crash. The most important moves come first.
 */
export interface Plan {
  readonly reason: PlanReason;
  readonly moves: readonly PlannedMove[];
  readonly stays: readonly PlannedStay[];
}

/** The nodes that are left. */
export function nodesOf(reason: PlanReason): readonly PlannedNode[] {
  return reason.kind === 'drain' ? reason.nodes : reason.lost;
}
