import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';

/** Pauses before a container that could not be moved is planned again, in milliseconds. */
const BACKOFF = { baseMs: 2_000, maxMs: 20_000 } as const;

/** When a container is planned again, by the manager's own clock: not before `leastMs`, at `dueMs` by itself. */
interface Setback {
  readonly failures: number;
  readonly leastMs: number;
  readonly dueMs: number;
}

const NONE: Setback = { failures: 0, leastMs: 0, dueMs: 0 };

/** When containers that could not be moved are planned again, by the keys of their records. */
export class Setbacks {
  readonly #clock: Clock;
  readonly #setbacks = new Map<string, Setback>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It could not be moved now: the next pause is longer, but where it is known how long it has to wait. */
  add(key: string, forMs?: number): void {
    const failures = this.#of(key).failures + (forMs === undefined ? 1 : 0);
    const nowMs = this.#clock.elapsed();
    if (forMs !== undefined) {
      this.#setbacks.set(key, { failures, leastMs: nowMs + forMs, dueMs: nowMs + forMs });
      return;
    }
    const leastMs = nowMs + backoffMs(failures, { ...BACKOFF, random: () => 0 });
    this.#setbacks.set(key, { failures, leastMs, dueMs: nowMs + backoffMs(failures, BACKOFF) });
  }

  delete(key: string): void {
    this.#setbacks.delete(key);
  }

  clear(): void {
    this.#setbacks.clear();
  }

  /**
   * Those whose pause is over, and with them those whose pause could be: pauses are random, and what shares something is to be planned
   * together again, or it would be told another reason each time, and be torn apart.
   */
  due<T extends { readonly key: string }>(records: readonly T[]): readonly T[] {
    const nowMs = this.#clock.elapsed();
    const ready = records.filter(({ key }) => nowMs >= this.#of(key).leastMs);
    return ready.some(({ key }) => nowMs >= this.#of(key).dueMs) ? ready : [];
  }

  #of(key: string): Setback {
    return this.#setbacks.get(key) ?? NONE;
  }
}
