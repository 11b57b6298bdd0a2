import type { AcceptedPlan } from './accepted-plan.ts';
import type { Plan, PlannedMove, PlannedNode } from './plan.ts';

export type MoveState = 'waiting' | 'moving' | 'moved' | 'failed' | 'skipped';

/** How one move of a plan stands. */
export interface MoveStanding {
  readonly container: PlannedMove['container'];
  readonly from: PlannedMove['from'];
  readonly to: PlannedMove['to'];
  readonly state: MoveState;
  /** Why it failed or was skipped; empty otherwise. */
  readonly why: string;
  /** Of volumes so far, of {@link ofBytes}; what is read back counts. */
  readonly bytes: number;
  readonly ofBytes: number;
}

/** How an accepted plan stands. */
export interface RunView {
  readonly id: string;
  readonly reason: Plan['reason'];
  readonly acceptedAt: string;
  readonly isOver: boolean;
  readonly moves: readonly MoveStanding[];
  /** Of a plan that empties nodes: whether they hold nothing by now. Once it is over, such a node is drained. */
  readonly leaving?: readonly (PlannedNode & { readonly isEmpty: boolean })[];
}

/** An accepted plan that is being carried out, or was lately. */
export interface Run {
  accepted: AcceptedPlan;
  readonly stop: AbortController;
  /** By the container's key. */
  readonly standings: Map<string, Standing>;
  isOver: boolean;
  done: Promise<void>;
  /** The durable word that it is stopped, while that is being written. */
  stopping: Promise<void> | undefined;
}

/** What became of a move so far. */
export interface Standing {
  state: MoveState;
  why: string;
  bytes: number;
}

/** Notes what is going on with moves that are one. */
export function note({ standings }: Run, unit: readonly PlannedMove[], change: Partial<Standing>): void {
  for (const { container } of unit) {
    const standing = standings.get(container.key);
    if (standing) Object.assign(standing, change);
  }
}

/** Notes what became of a move. */
export function settle({ standings }: Run, { container }: PlannedMove, state: MoveState, why: string = ''): void {
  const standing = standings.get(container.key);
  if (standing) Object.assign(standing, { state, why });
}

/** How it stands, for who asks. */
export function viewOf({ accepted: { id, plan, acceptedMs }, standings, isOver }: Run): RunView {
  const moves = plan.moves.map(({ container, from, to, copies = [] }): MoveStanding => {
    const { state, why, bytes } = standings.get(container.key) ?? { state: 'waiting', why: '', bytes: 0 };
    const ofBytes = 2 * copies.reduce((sum, copy) => sum + (copy.bytes ?? 0), 0);
    return { container, from, to, state, why, bytes, ofBytes };
  });
  return { id, reason: plan.reason, acceptedAt: new Date(acceptedMs).toISOString(), isOver, moves };
}
