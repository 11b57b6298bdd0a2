/** Short enough that every useful prefix reaches a bucket, long enough that a bucket stays small. */
const BUCKET_CHARS = 3;

/** Items of which the IDs begin alike, sorted by ID; `ids[i]` is the ID of `items[i]`. */
interface Bucket<T> {
  readonly ids: string[];
  readonly items: T[];
}

/**
 * Finds everything whose ID starts with a prefix. A bucket is searched by halving it, so that the time hardly grows with the
 * number of items. One item may be added under several IDs, and one ID for several items.
 */
export class IdPrefixIndex<T> {
  readonly #buckets = new Map<string, Bucket<T>>();

  add(id: string, item: T): void {
    const key = id.slice(0, BUCKET_CHARS);
    const bucket = this.#buckets.get(key);
    if (!bucket) {
      this.#buckets.set(key, { ids: [id], items: [item] });
      return;
    }
    const at = firstNotBefore(bucket.ids, id);
    bucket.ids.splice(at, 0, id);
    bucket.items.splice(at, 0, item);
  }

  remove(id: string, item: T): void {
    const key = id.slice(0, BUCKET_CHARS);
    const bucket = this.#buckets.get(key);
    if (!bucket) return;
    for (let at = firstNotBefore(bucket.ids, id); bucket.ids[at] === id; at++) {
      if (bucket.items[at] !== item) continue;
      bucket.ids.splice(at, 1);
      bucket.items.splice(at, 1);
      break;
    }
    if (bucket.ids.length === 0) this.#buckets.delete(key);
  }

  /** Items with an ID that starts with `prefix`; an item comes once for each such ID. */
  *startingWith(prefix: string): IterableIterator<T> {
    for (const { ids, items } of this.#bucketsFor(prefix)) {
      for (let at = firstNotBefore(ids, prefix); ids[at]?.startsWith(prefix); at++) yield items[at] as T;
    }
  }

  /** Everything, once for each ID it was added under. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (const { items } of this.#buckets.values()) yield* items;
  }

  #bucketsFor(prefix: string): Iterable<Bucket<T>> {
    if (prefix.length >= BUCKET_CHARS) {
      const bucket = this.#buckets.get(prefix.slice(0, BUCKET_CHARS));
      return bucket ? [bucket] : [];
    }
    return [...this.#buckets].filter(([start]) => start.startsWith(prefix)).map(([, bucket]) => bucket);
  }
}

/** The first place in sorted `ids` whose ID does not come before `id`. */
function firstNotBefore(ids: readonly string[], id: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ids[middle] ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
