/** A node as the watch needs it. */
export interface WatchedNode {
  readonly id: string;
  readonly state: string;
}

/** A beat that comes later than this tells of a manager that was suspended or starved, in milliseconds. */
const GAP_MS = 3_000;

/**
 * Tells since when nodes are unhealthy, by the manager's own beat: a gap in that is no silence of the nodes, and every grace begins
 * anew after one.
 */
export class LossWatch {
  readonly #graceMs: number;
  /** Unhealthy nodes with the time that the manager has watched them so, in milliseconds. */
  readonly #unhealthy = new Map<string, number>();
  #lastMs: number | undefined;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** @param nowMs milliseconds by any clock */
  beat(nowMs: number, nodes: Iterable<WatchedNode>): void {
    const elapsedMs = nowMs - (this.#lastMs ?? nowMs);
    this.#lastMs = nowMs;
    if (elapsedMs < 0 || elapsedMs > GAP_MS) this.#unhealthy.clear();
    const seen = new Set<string>();
    for (const { id, state } of nodes) {
      if (state !== 'Unhealthy') continue;
      seen.add(id);
      const before = this.#unhealthy.get(id);
      this.#unhealthy.set(id, before === undefined ? 0 : before + elapsedMs);
    }
    for (const id of this.#unhealthy.keys()) if (!seen.has(id)) this.#unhealthy.delete(id);
  }

  /** Whether its grace is over. */
  isLost(nodeId: string): boolean {
    return (this.#unhealthy.get(nodeId) ?? -1) >= this.#graceMs;
  }

  /** How long it has been lost, in milliseconds; 0 when it is not. */
  lostMs(nodeId: string): number {
    return Math.max(0, (this.#unhealthy.get(nodeId) ?? 0) - this.#graceMs);
  }

  /** Whether another node may be lost in a moment: one plan is made for all that are lost together. */
  get isUndecided(): boolean {
    const all = [...this.#unhealthy.values()];
    return all.some((ms) => ms < this.#graceMs) && all.every((ms) => ms < 2 * this.#graceMs);
  }
}
