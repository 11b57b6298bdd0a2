/** At most so many a second, and so many at once after a pause. */
export class RateBound {
  readonly #perSecond: number;
  readonly #nowMs: () => number;
  #left: number;
  #sinceMs: number;

  /** @param nowMs the time in milliseconds, from any beginning */
  constructor(perSecond: number, nowMs: () => number) {
    this.#perSecond = perSecond;
    this.#nowMs = nowMs;
    this.#left = perSecond;
    this.#sinceMs = nowMs();
  }

  /** Whether one more may be now. */
  admits(): boolean {
    const nowMs = this.#nowMs();
    const gained = ((nowMs - this.#sinceMs) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#perSecond, this.#left + Math.max(0, gained));
    this.#sinceMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
