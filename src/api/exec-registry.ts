/** Most exec IDs remembered; older ones are found again by asking the nodes. */
const MAX_EXECS = 16_384;

/** Which node an exec lives on. Engines list execs only by container, so the manager remembers those it saw created. */
export class ExecRegistry {
  readonly #nodeIds = new Map<string, string>();
  readonly #maxExecs: number;

  constructor(maxExecs: number = MAX_EXECS) {
    this.#maxExecs = maxExecs;
  }

  /** Remembers an exec, forgetting the oldest when there are too many. */
  remember(execId: string, nodeId: string): void {
    this.#nodeIds.delete(execId);
    this.#nodeIds.set(execId, nodeId);
    if (this.#nodeIds.size <= this.#maxExecs) return;
    for (const oldest of this.#nodeIds.keys()) {
      this.#nodeIds.delete(oldest);
      return;
    }
  }

  /** The node's ID, if remembered. */
  nodeOf(execId: string): string | undefined {
    return this.#nodeIds.get(execId);
  }
}
