/** A map from a key to one or several values; a single value is stored bare, because almost all keys have one. */
export class MultiMap<K, V extends object> {
  readonly #entries = new Map<K, V | Set<V>>();
  /** Keys with more than one value: few, and asked for as a whole. */
  readonly #shared = new Set<K>();

  add(key: K, value: V): void {
    const present = this.#entries.get(key);
    if (present === undefined) this.#entries.set(key, value);
    else if (present instanceof Set) present.add(value);
    else if (present !== value) {
      this.#entries.set(key, new Set([present, value]));
      this.#shared.add(key);
    }
  }

  remove(key: K, value: V): void {
    const present = this.#entries.get(key);
    if (present === value) this.#entries.delete(key);
    if (!(present instanceof Set) || !present.delete(value)) return;
    if (present.size > 1) return;
    this.#shared.delete(key);
    for (const last of present) this.#entries.set(key, last);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** The values of a key in the order they were added. */
  get(key: K): readonly V[] {
    const present = this.#entries.get(key);
    if (present === undefined) return [];
    return present instanceof Set ? [...present] : [present];
  }

  /** The value of a key that was added first. */
  first(key: K): V | undefined {
    const present = this.#entries.get(key);
    if (!(present instanceof Set)) return present;
    for (const value of present) return value;
    return undefined;
  }

  /** The keys that have several values. */
  sharedKeys(): IterableIterator<K> {
    return this.#shared.values();
  }

  /** How many values a key has. */
  count(key: K): number {
    const present = this.#entries.get(key);
    if (present === undefined) return 0;
    return present instanceof Set ? present.size : 1;
  }

  keys(): IterableIterator<K> {
    return this.#entries.keys();
  }

  get size(): number {
    return this.#entries.size;
  }
}
