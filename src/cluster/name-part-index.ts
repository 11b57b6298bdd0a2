import { MultiMap } from '../common/multi-map.ts';

/** Grams begin at every third character of a name: wherever a text stands in it, one of the text's first three characters begins one. */
const STRIDE = 3;
/** Characters of a gram: long ones are rare, however many names there are; short ones find short texts. */
const LONG_GRAM = 6;
const SHORT_GRAM = 3;
/** So few names with a gram are looked at rather than searching for a rarer gram. */
const RARE = 8;

/** Text this long or longer contains a whole short gram at every alignment. */
export const MIN_INDEXED_CHARS: number = SHORT_GRAM + STRIDE - 1;
const MIN_LONG_CHARS = LONG_GRAM + STRIDE - 1;

interface Named {
  readonly name: string;
}

/**
 * Finds everything whose name contains a text without looking at every name: each name is kept under its grams. Grams of one
 * length are gathered when a text that needs them is asked for the first time (one walk over everything), and kept from then on.
 */
export class NamePartIndex<T extends Named> {
  readonly #everything: () => Iterable<T>;
  #short: GramIndex<T> | undefined;
  #long: GramIndex<T> | undefined;

  /** @param everything all items at present; an item may come several times */
  constructor(everything: () => Iterable<T>) {
    this.#everything = everything;
  }

  add(item: T): void {
    this.#short?.add(item);
    this.#long?.add(item);
  }

  remove(item: T): void {
    this.#short?.remove(item);
    this.#long?.remove(item);
  }

  /** Items whose name contains `text`, which has at least {@link MIN_INDEXED_CHARS} characters. */
  containing(text: string): ReadonlySet<T> {
    if (text.length < MIN_LONG_CHARS) {
      this.#short ??= this.#gather(SHORT_GRAM);
      return this.#short.containing(text);
    }
    this.#long ??= this.#gather(LONG_GRAM);
    return this.#long.containing(text);
  }

  #gather(length: number): GramIndex<T> {
    const index = new GramIndex<T>(length);
    for (const item of this.#everything()) index.add(item);
    return index;
  }
}

/** Items under the grams of one length in their names. */
class GramIndex<T extends Named> {
  readonly #length: number;
  readonly #items = new MultiMap<string, T>();

  constructor(length: number) {
    this.#length = length;
  }

  add(item: T): void {
    for (const gram of this.#grams(item.name)) this.#items.add(gram, item);
  }

  remove(item: T): void {
    for (const gram of this.#grams(item.name)) this.#items.remove(gram, item);
  }

  containing(text: string): ReadonlySet<T> {
    const found = new Set<T>();
    for (let shift = 0; shift < STRIDE; shift++) {
      for (const item of this.#candidates(text, shift)) if (item.name.includes(text)) found.add(item);
    }
    return found;
  }

  /**
   * Everything under the rarest of the grams that are a name's when the text's character `shift` begins one. From the end, where names
   * that begin alike differ, and no further than to a gram that is rare enough: each look is one into a large table.
   */
  #candidates(text: string, shift: number): readonly T[] {
    let rarest: string | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    const last = text.length - this.#length;
    for (let at = last - ((last - shift) % STRIDE); at >= shift && fewest > RARE; at -= STRIDE) {
      const gram = text.slice(at, at + this.#length);
      const count = this.#items.count(gram);
      if (count === 0) return [];
      if (count >= fewest) continue;
      fewest = count;
      rarest = gram;
    }
    return rarest === undefined ? [] : this.#items.get(rarest);
  }

  *#grams(name: string): IterableIterator<string> {
    for (let at = 0; at + this.#length <= name.length; at += STRIDE) yield name.slice(at, at + this.#length);
  }
}
