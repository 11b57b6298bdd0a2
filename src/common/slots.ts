/**
 * What is under way at present, when that changes thousands of times a second. A `Set` leaves tables behind as entries come and go,
 * each with what it held; these places are used again.
 */
export class Slots<T extends object> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Returns the place of the item, with which it is removed. */
  add(item: T): number {
    const place = this.#free.pop() ?? this.#items.length;
    this.#items[place] = item;
    return place;
  }

  /** To be called once for each {@link add}. */
  remove(place: number): void {
    this.#items[place] = undefined;
    this.#free.push(place);
  }

  /** What is there now; may be changed meanwhile. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }
}
