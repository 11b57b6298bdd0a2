/** Times of fencing, in milliseconds. */
export interface FencingTimes {
  /** A node not reached for this long is lost: longer than a manager that starts needs to reach what is there. */
  readonly lostMs: number;
  /** How long a copy that cannot be ended keeps its node from being healthy. */
  readonly patienceMs: number;
  /** Who made a copy stale ends it, too: only after this is it looked after here. */
  readonly ownEndMs: number;
  /** What waits for another node is looked at again after this. */
  readonly lookMs: number;
  /** How long a successor that runs already may take to become the container. */
  readonly decisionMs: number;
  /** A create that was sent before the node was lost may be carried out this long after its return. */
  readonly lateMs: number;
}

export const FENCING_TIMES: FencingTimes = {
  lostMs: 10_000,
  patienceMs: 30_000,
  ownEndMs: 5_000,
  lookMs: 2_000,
  decisionMs: 10_000,
  lateMs: 30_000,
};
