import { type BackoffOptions, backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';

interface Setback {
  readonly failures: number;
  readonly untilMs: number;
  readonly reason: string;
}

/** What failed a moment ago, by key, and until when it is left alone: each further failure doubles the time. */
export class Setbacks {
  readonly #clock: Clock;
  readonly #backoff: BackoffOptions;
  readonly #all = new Map<string, Setback>();

  constructor(clock: Clock, backoff: BackoffOptions) {
    this.#clock = clock;
    this.#backoff = backoff;
  }

  add(key: string, reason: string): void {
    const failures = (this.#all.get(key)?.failures ?? 0) + 1;
    this.#all.set(key, { failures, untilMs: this.#clock.elapsed() + backoffMs(failures, this.#backoff), reason });
  }

  /** It went well: the next failure is the first again. */
  clear(key: string): void {
    this.#all.delete(key);
  }

  /** Forgets all but these. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#all.keys()) if (!keys.has(key)) this.#all.delete(key);
  }

  /** What is to be left alone now, with the reason. */
  resting(): ReadonlyMap<string, string> {
    const now = this.#clock.elapsed();
    return new Map([...this.#all].flatMap(([key, { untilMs, reason }]) => (untilMs > now ? [[key, reason]] : [])));
  }

  /** What failed last time it was tried, with the reason, whether its rest is over or not. */
  reasons(): ReadonlyMap<string, string> {
    return new Map([...this.#all].map(([key, { reason }]) => [key, reason]));
  }

  /** How many times in a row each failed. */
  failures(): ReadonlyMap<string, number> {
    return new Map([...this.#all].map(([key, { failures }]) => [key, failures]));
  }

  /** Ends rests, of one key or of all: something changed that failed before. The next failure rests as long as it would have. */
  wake(only?: string): void {
    for (const [key, setback] of this.#all)
      if (only === undefined || key === only) this.#all.set(key, { ...setback, untilMs: 0 });
  }

  /** Milliseconds until the next rest ends; undefined when nothing rests. */
  nextMs(): number | undefined {
    const now = this.#clock.elapsed();
    const left = [...this.#all.values()].flatMap(({ untilMs }) => (untilMs > now ? untilMs - now : []));
    return left.length === 0 ? undefined : Math.min(...left);
  }
}
