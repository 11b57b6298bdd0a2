/** Characters of a gram. */
const GRAM = 3;
/** Text this long or longer contains a whole gram at every alignment. */
export const MIN_INDEXED_CHARS: number = 2 * GRAM - 1;

interface Named {
  readonly name: string;
}

/**
 * Finds everything whose name contains a text without looking at every name. Each name is kept under the grams at its
 * positions 0, 3, 6 …; wherever the text stands in a name, one of its first three grams falls on such a position.
 */
export class NameIndex<T extends Named> {
  readonly #postings = new Map<string, Set<T>>();

  add(item: T): void {
    for (const gram of alignedGrams(item.name)) {
      const posting = this.#postings.get(gram);
      if (posting) posting.add(item);
      else this.#postings.set(gram, new Set([item]));
    }
  }

  remove(item: T): void {
    for (const gram of alignedGrams(item.name)) {
      const posting = this.#postings.get(gram);
      posting?.delete(item);
      if (posting?.size === 0) this.#postings.delete(gram);
    }
  }

  /** Items whose name contains `text`, which has at least {@link MIN_INDEXED_CHARS} characters. */
  containing(text: string): ReadonlySet<T> {
    const found = new Set<T>();
    for (let shift = 0; shift < GRAM; shift++) {
      for (const item of this.#rarest(text, shift)) if (item.name.includes(text)) found.add(item);
    }
    return found;
  }

  /** The shortest posting of the grams that are aligned when the text's character `shift` is. */
  #rarest(text: string, shift: number): Iterable<T> {
    let rarest: Set<T> | undefined;
    for (let at = shift; at + GRAM <= text.length; at += GRAM) {
      const posting = this.#postings.get(text.slice(at, at + GRAM));
      if (!posting) return [];
      if (!rarest || posting.size < rarest.size) rarest = posting;
    }
    return rarest ?? [];
  }
}

function* alignedGrams(name: string): IterableIterator<string> {
  for (let at = 0; at + GRAM <= name.length; at += GRAM) yield name.slice(at, at + GRAM);
}
