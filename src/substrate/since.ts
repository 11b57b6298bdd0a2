import type { Clock } from '../common/clock.ts';

/** Since when each of a set of things is in it. */
export class Since {
  readonly #clock: Clock;
  readonly #sinceMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the present set; answers for how long each has been in it, in milliseconds. */
  update(present: ReadonlySet<string>): ReadonlyMap<string, number> {
    const nowMs = this.#clock.elapsed();
    for (const key of this.#sinceMs.keys()) if (!present.has(key)) this.#sinceMs.delete(key);
    for (const key of present) if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, nowMs);
    return new Map([...this.#sinceMs].map(([key, sinceMs]) => [key, nowMs - sinceMs]));
  }
}
