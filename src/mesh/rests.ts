import type { Clock } from '../common/clock.ts';

const FIRST_MS = 60_000;
const LONGEST_MS = 3_600_000;

interface Rest {
  readonly untilMs: number;
  readonly failures: number;
}

/** Ways that failed: each is left alone for a minute, and twice as long each time it fails again. */
export class Rests {
  readonly #clock: Clock;
  readonly #rests = new Map<string, Rest>();
  /** Since when what is tried out is tried. */
  readonly #tried = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(key: string): void {
    const failures = (this.#rests.get(key)?.failures ?? 0) + 1;
    const restMs = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
    this.#rests.set(key, { untilMs: this.#clock.elapsed() + restMs, failures });
  }

  /** Lets what is tried out rest once it was tried for `longestMs` in vain. */
  tried(keys: readonly string[], longestMs: number): void {
    const nowMs = this.#clock.elapsed();
    const now = new Set(keys);
    for (const key of this.#tried.keys()) if (!now.has(key)) this.#tried.delete(key);
    for (const key of keys) {
      const sinceMs = this.#tried.get(key) ?? nowMs;
      this.#tried.set(key, sinceMs);
      if (nowMs - sinceMs >= longestMs) this.add(key);
    }
  }

  resting(): ReadonlySet<string> {
    const nowMs = this.#clock.elapsed();
    // What did not fail for a long time begins anew.
    for (const [key, { untilMs }] of this.#rests) if (nowMs - untilMs > LONGEST_MS) this.#rests.delete(key);
    return new Set([...this.#rests].flatMap(([key, { untilMs }]) => (untilMs > nowMs ? key : [])));
  }

  /** Forgets all that concerns a member: it may be in another place now. */
  wake(id: string): void {
    for (const key of this.#rests.keys()) if (key.split(' ').includes(id)) this.#rests.delete(key);
  }
}
