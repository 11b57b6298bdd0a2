import { MultiMap } from '../common/multi-map.ts';

/** Grams begin at every third character of a name: wherever a text stands in it, one of the text's first three characters begins one. */
const STRIDE = 3;
/** Characters of a gram: long ones are rare, however many names there are; short ones find short texts. */
const LONG_GRAM = 6;
const SHORT_GRAM = 3;

/** Text this long or longer contains a whole short gram at every alignment. */
export const MIN_INDEXED_CHARS: number = SHORT_GRAM + STRIDE - 1;
const MIN_LONG_CHARS = LONG_GRAM + STRIDE - 1;

interface Named {
  readonly name: string;
}

/** Finds everything whose name contains a text without looking at every name: each name is kept under its grams. */
export class NamePartIndex<T extends Named> {
  readonly #short = new MultiMap<string, T>();
  readonly #long = new MultiMap<string, T>();

  add(item: T): void {
    for (const gram of grams(item.name, 0, SHORT_GRAM)) this.#short.add(gram, item);
    for (const gram of grams(item.name, 0, LONG_GRAM)) this.#long.add(gram, item);
  }

  remove(item: T): void {
    for (const gram of grams(item.name, 0, SHORT_GRAM)) this.#short.remove(gram, item);
    for (const gram of grams(item.name, 0, LONG_GRAM)) this.#long.remove(gram, item);
  }

  /** Items whose name contains `text`, which has at least {@link MIN_INDEXED_CHARS} characters. */
  containing(text: string): ReadonlySet<T> {
    const found = new Set<T>();
    for (let shift = 0; shift < STRIDE; shift++) {
      for (const item of this.#candidates(text, shift)) if (item.name.includes(text)) found.add(item);
    }
    return found;
  }

  /** Everything under the rarest of the grams that are a name's when the text's character `shift` begins one. */
  #candidates(text: string, shift: number): readonly T[] {
    const [index, length] = text.length >= MIN_LONG_CHARS ? [this.#long, LONG_GRAM] : [this.#short, SHORT_GRAM];
    let rarest: string | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const gram of grams(text, shift, length)) {
      const count = index.count(gram);
      if (count === 0) return [];
      if (count >= fewest) continue;
      fewest = count;
      rarest = gram;
    }
    return rarest === undefined ? [] : index.get(rarest);
  }
}

function* grams(text: string, start: number, length: number): IterableIterator<string> {
  for (let at = start; at + length <= text.length; at += STRIDE) yield text.slice(at, at + length);
}
