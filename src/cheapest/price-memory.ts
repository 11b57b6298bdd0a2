/** A price as it was from some moment on. */
interface Seen {
  readonly micros: number;
  readonly sinceMs: number;
  /** When it became another one; undefined of the latest. */
  readonly untilMs?: number;
}

/** What a price counts as, and since when it is what it is now. */
export interface SettledPrice {
  /** The latest that has held for as long as was asked. */
  readonly micros: number;
  /** The one that does not count yet; undefined when the latest counts. */
  readonly unsettled?: Seen;
}

/** Changes that are remembered of one node's price. */
const MOST_CHANGES = 32;
/** Changes older than this are forgotten, but for the last of them. */
const DAYS_MS = 7 * 86_400_000;

/** When prices changed, since this manager's start: a price that goes up and down is not to move containers with it. */
export class PriceMemory {
  readonly #seen = new Map<string, Seen[]>();

  /** Takes in what a node costs now. */
  note(nodeId: string, micros: number, nowMs: number): void {
    const seen = this.#seen.get(nodeId) ?? [];
    this.#seen.set(nodeId, seen);
    if (seen.at(-1)?.micros === micros) return;
    const last = seen.pop();
    if (last) seen.push({ ...last, untilMs: nowMs });
    seen.push({ micros, sinceMs: nowMs });
    while (seen.length > 1 && (seen[1]?.sinceMs ?? nowMs) < nowMs - DAYS_MS) seen.shift();
    // Of too many those go that held least.
    if (seen.length > MOST_CHANGES) {
      const held = seen.slice(0, -1).map(({ sinceMs, untilMs = nowMs }) => untilMs - sinceMs);
      seen.splice(held.indexOf(Math.min(...held)), 1);
    }
  }

  /** What counts when a price must have held for `stableForMs`. The first price ever seen counts at once. */
  settled(nodeId: string, stableForMs: number, nowMs: number): SettledPrice | undefined {
    const seen = this.#seen.get(nodeId);
    const last = seen?.at(-1);
    const first = seen?.[0];
    if (!seen || !last || !first) return undefined;
    const held = seen.findLast(({ sinceMs, untilMs = nowMs }) => untilMs - sinceMs >= stableForMs);
    const counts = held ?? first;
    return counts === last ? { micros: last.micros } : { micros: counts.micros, unsettled: last };
  }

  /** Forgets nodes that are not among these. */
  keep(nodeIds: ReadonlySet<string>): void {
    for (const id of this.#seen.keys()) if (!nodeIds.has(id)) this.#seen.delete(id);
  }
}
