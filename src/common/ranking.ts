/** How many each has; and who has most, without a look at all. */
export class Ranking<Key> {
  readonly #counts = new Map<Key, number>();
  /** Those that have so many; the one that was used last at the end. */
  readonly #having = new Map<number, Set<Key>>();
  #most = 0;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** How many the one has that has most. */
  get most(): number {
    return this.#most;
  }

  /** Who has most; of several the one that was used least lately. */
  get top(): Key | undefined {
    const [first] = this.#having.get(this.#most) ?? [];
    return first;
  }

  count(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: Key): void {
    this.#set(key, this.count(key) + 1);
    this.#total += 1;
  }

  remove(key: Key): void {
    const count = this.count(key);
    if (count === 0) return;
    this.#set(key, count - 1);
    this.#total -= 1;
  }

  use(key: Key): void {
    const having = this.#having.get(this.count(key));
    if (having?.delete(key)) having.add(key);
  }

  #set(key: Key, count: number): void {
    const before = this.count(key);
    const having = this.#having.get(before);
    having?.delete(key);
    if (having?.size === 0) this.#having.delete(before);
    if (count === 0) this.#counts.delete(key);
    else {
      this.#counts.set(key, count);
      this.#having.set(count, (this.#having.get(count) ?? new Set()).add(key));
    }
    // Counts change by one: whoever had most has one less at least.
    if (count > this.#most) this.#most = count;
    else if (before === this.#most && !this.#having.has(before)) this.#most = count;
  }
}
