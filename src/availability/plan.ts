/** For how long volumes may be kept where they were, in milliseconds: 366 days. */
export const MAX_KEEP_SOURCE_MS = 31_622_400_000;

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

/** A volume whose content is copied to the node that its container goes to. */
export interface PlannedCopy {
  /** As the engine knows it; of an anonymous one the copy gets a name of its own. */
  readonly volume: string;
  /** It has no name of its own, and is the container's alone. */
  readonly isAnonymous?: boolean;
  /** What it holds, when its engine said so in time. */
  readonly bytes?: number;
}

/** How long a move may take, estimated from what is known beforehand; a member that cannot be told is left out. */
export interface MoveEstimate {
  /** Until the successor is the container, in milliseconds. */
  readonly durationMs?: number;
  /** How long nothing runs, in milliseconds; 0 where the successor runs first. */
  readonly downtimeMs?: number;
}

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
  /** Volumes that come along; default none. Of those that move as one the first has them. */
  readonly copies?: readonly PlannedCopy[];
  /** Keys of all that move as one with it because they share volumes, itself included, in the order in which they need each other; default none. */
  readonly together?: readonly string[];
  readonly estimate?: MoveEstimate;
  /** The service whose replica it is, as `project/service`: replicas of one service move one after the other. */
  readonly group?: string;
}

/** One container that stays where it is, or waits for its node. */
export interface PlannedStay {
  readonly container: PlannedContainer;
  readonly node: PlannedNode;
  /** In words. */
  readonly why: string;
  /** It is to be brought back and cannot: it waits for its node, or for a place. Else it stays because its client wanted that. */
  readonly waits: boolean;
  /** It is not to run at all. */
  readonly isIdle?: true;
  /** It may move after that many milliseconds, counted from when the plan was made; undefined where that is not known. */
  readonly forMs?: number | undefined;
}

/** What a plan is made for. */
export type PlanReason =
  /** `emptied`: nodes that are back without their data. */
  | { readonly kind: 'failover'; readonly lost: readonly PlannedNode[]; readonly emptied?: readonly PlannedNode[] }
  | { readonly kind: 'drain'; readonly nodes: readonly PlannedNode[] }
  | { readonly kind: 'drill'; readonly lost: readonly PlannedNode[] }
  /** A person named the containers. */
  | { readonly kind: 'move' }
  /** The spread over domains and nodes is restored. */
  | { readonly kind: 'balance' }
  /** The nodes cost less then. */
  | { readonly kind: 'cheaper' };

/** What the nodes of the cluster cost, in one currency. */
export interface PlanCost {
  /** ISO 4217. */
  readonly currency: string;
  /** A month as things are, and once the plan is carried out. */
  readonly monthlyBefore: number;
  readonly monthlyAfter: number;
  /** What carrying it out costs once, as for traffic between providers; left out when not known. */
  readonly once?: number;
}

/**
 * What moves and what does not, and why: a plain value that can be printed, compared, kept, carried out, and carried out again after a
 * crash. The most important moves come first.
 */
export interface Plan {
  readonly reason: PlanReason;
  readonly moves: readonly PlannedMove[];
  readonly stays: readonly PlannedStay[];
  /** Of a plan that is made for it. */
  readonly cost?: PlanCost;
}

/** The moves of a plan, those that are one together, in the plan's order. */
export function unitsOf(moves: readonly PlannedMove[]): readonly (readonly [PlannedMove, ...PlannedMove[]])[] {
  const byKey = new Map(moves.map((move) => [move.container.key, move]));
  const seen = new Set<string>();
  return moves.flatMap((move): (readonly [PlannedMove, ...PlannedMove[]])[] => {
    if (seen.has(move.container.key)) return [];
    const unit = (move.together ?? []).flatMap((key) => byKey.get(key) ?? []);
    for (const { container } of unit) seen.add(container.key);
    return [unit.length < 2 ? [move] : (unit as [PlannedMove, ...PlannedMove[]])];
  });
}

/** The nodes that are left; none where single containers move. */
export function nodesOf(reason: PlanReason): readonly PlannedNode[] {
  if ('nodes' in reason) return reason.nodes;
  return 'lost' in reason ? reason.lost : [];
}
