/**
 * What is under way at present, when that changes thousands of times a second. A `Set` makes a new table every few changes; the old
 * one refers to the new one and keeps what it held. Once one of them is among V8's old objects, each following one is kept and
 * becomes old too, with all it holds, until the whole heap is searched. These places are used again.
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
