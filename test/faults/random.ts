/** Numbers that a seed determines (mulberry32), so that a run can be repeated. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** In 0..below-1. */
  integer(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** Undefined from nothing. */
  pick<T>(values: readonly T[]): T | undefined {
    return values[this.integer(values.length)];
  }

  /** By weight; undefined when none has any. */
  weighted<T extends { readonly weight: number }>(values: readonly T[]): T | undefined {
    let left = this.next() * values.reduce((sum, { weight }) => sum + weight, 0);
    return values.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
  }
}
