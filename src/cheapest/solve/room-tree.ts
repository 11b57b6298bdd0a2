/**
 * Finds the first of many places that has room for something, without looking at each: a tree of what is free at most below each of its
 * knots, figure by figure.
 */
export class RoomTree {
  readonly #figures: number;
  readonly #leaves: number;
  /** By figure, then by knot; the root is 1, the leaves begin at {@link #leaves}. */
  readonly #most: readonly Float64Array[];

  constructor(places: number, figures: number) {
    this.#figures = figures;
    this.#leaves = 1 << Math.ceil(Math.log2(Math.max(1, places)));
    this.#most = Array.from({ length: Math.max(1, figures) }, () => new Float64Array(2 * this.#leaves).fill(-Infinity));
  }

  /** What is free at a place, figure by figure; a place that takes nothing has none of it: minus infinity. */
  set(place: number, freeOf: (figure: number) => number): void {
    for (const [figure, most] of this.#most.entries()) {
      let knot = this.#leaves + place;
      most[knot] = freeOf(figure);
      for (knot >>= 1; knot >= 1; knot >>= 1)
        most[knot] = Math.max(most[2 * knot] ?? -Infinity, most[2 * knot + 1] ?? -Infinity);
    }
  }

  /** The first place from `from` on that has room for these sizes; -1 when there is none. */
  next(from: number, sizes: readonly number[]): number {
    let knot = this.#leaves + from;
    if (knot >= 2 * this.#leaves) return -1;
    for (;;) {
      if (this.#hasRoom(knot, sizes)) {
        if (knot >= this.#leaves) return knot - this.#leaves;
        knot *= 2;
        continue;
      }
      // On to the next subtree on the right, upwards where this one was the last below its parent.
      while ((knot & 1) === 1) {
        knot >>= 1;
        if (knot <= 1) return -1;
      }
      if (knot === 0) return -1;
      knot += 1;
    }
  }

  #hasRoom(knot: number, sizes: readonly number[]): boolean {
    for (let figure = 0; figure < Math.max(1, this.#figures); figure++) {
      const free = this.#most[figure]?.[knot] ?? -Infinity;
      const size = sizes[figure] ?? 0;
      if (size === 0 ? free === -Infinity : free < size) return false;
    }
    return true;
  }
}
