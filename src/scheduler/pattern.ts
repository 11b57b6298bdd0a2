import { RE2JS } from 're2js';
import { BadRequestError, reasonOf } from '../common/errors.ts';

/** What a value is compared with: exact text (an index can answer), or a glob or regular expression (tested per value). */
export type Pattern =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'test'; readonly value: string; test(candidate: string): boolean };

/** The cost of one test grows with pattern times text; this keeps it at microseconds whatever is written. */
const MAX_REGEX_LENGTH = 128;

/** A bounded memory of compiled regular expressions; the one least recently used goes first. */
export class PatternCache {
  readonly #entries: Map<string, Pattern> = new Map();
  readonly #capacity: number;

  constructor(capacity: number = 256) {
    this.#capacity = capacity;
  }

  /** The pattern of `value`, compiled at most once while it stays in the cache. */
  get(value: string, compile: (value: string) => Pattern): Pattern {
    const known = this.#entries.get(value) ?? compile(value);
    this.#entries.delete(value);
    this.#entries.set(value, known);
    if (this.#entries.size > this.#capacity) this.#evictOldest();
    return known;
  }

  #evictOldest(): void {
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}

/** `/re/` is an unanchored RE2 regular expression, `*` a glob over the whole value, anything else is exact. */
export function compilePattern(value: string, cache?: PatternCache): Pattern {
  if (value.length > 2 && value.startsWith('/') && value.endsWith('/')) {
    return cache === undefined ? compileRegex(value) : cache.get(value, compileRegex);
  }
  return value.includes('*') ? compileGlob(value) : { kind: 'exact', value };
}

/** Whether `candidate` is what the pattern describes. */
export function matchesPattern(pattern: Pattern, candidate: string): boolean {
  return pattern.kind === 'exact' ? pattern.value === candidate : pattern.test(candidate);
}

/** RE2 runs in time linear in the input: an expression of a user cannot hang the manager. */
function compileRegex(value: string): Pattern {
  if (value.length > MAX_REGEX_LENGTH + 2) {
    throw new BadRequestError(`A /regex/ may have at most ${MAX_REGEX_LENGTH} characters`, 'BAD_EXPRESSION');
  }
  try {
    const regex = RE2JS.compile(value.slice(1, -1));
    return { kind: 'test', value, test: (candidate) => regex.test(candidate) };
  } catch (error) {
    throw new BadRequestError(`Value '${value}' is invalid: ${reasonOf(error)}`, 'BAD_EXPRESSION', error);
  }
}

/** Only `*` is special. The pieces between the stars are looked for from left to right: linear, no backtracking. */
function compileGlob(value: string): Pattern {
  const pieces = value.split('*');
  const head = pieces[0] ?? '';
  const tail = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  return {
    kind: 'test',
    value,
    test: (candidate) =>
      candidate.length >= head.length + tail.length &&
      candidate.startsWith(head) &&
      candidate.endsWith(tail) &&
      containsInOrder(candidate.slice(head.length, candidate.length - tail.length), middle),
  };
}

function containsInOrder(text: string, pieces: readonly string[]): boolean {
  let from = 0;
  for (const piece of pieces) {
    const at = text.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return true;
}
