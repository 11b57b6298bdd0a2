import { RE2JS } from 're2js';
import { BadRequestError } from '../../common/errors.ts';

/** The `filters` of a list call: each name with the values of which any may match. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/**
 * Reads a `filters` query, in both spellings of the Engine API: `{"label":["a"]}` and `{"label":{"a":true}}`.
 * Throws 400 for anything else and, when `known` is given, for a filter that is not in it.
 */
export function parseFilters(text: string | null, known?: ReadonlySet<string>): Filters {
  const filters = new Map<string, readonly string[]>();
  if (!text) return filters;
  for (const [name, values] of Object.entries(parseObject(text))) {
    if (known && !known.has(name)) {
      throw new BadRequestError(
        `invalid filter '${name}': use one of ${[...known].sort().join(', ')}`,
        'UNKNOWN_FILTER',
      );
    }
    filters.set(name, bounded(name, [...new Set(valuesOf(values, name))]));
  }
  return filters;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadRequestError('invalid filter: the filters query is not JSON', 'BAD_FILTER', error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadRequestError('invalid filter: the filters query is not a JSON object', 'BAD_FILTER');
  }
  return value as Readonly<Record<string, unknown>>;
}

function valuesOf(values: unknown, name: string): string[] {
  if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
    return Object.entries(values)
      .filter(([, isOn]) => isOn !== false)
      .map(([value]) => value);
  }
  throw new BadRequestError(
    `invalid filter '${name}': its values are neither a list nor a set of strings`,
    'BAD_FILTER',
  );
}

/** Each value of a filter is compared with everything listed: more than a request line holds of IDs asks for no list. */
const MAX_VALUES = 1_000;
/** Of regular expressions a few do. */
const MAX_PATTERNS = 8;

function bounded(name: string, values: readonly string[]): readonly string[] {
  const isTooMuch = values.length > MAX_VALUES || (name === 'name' && values.filter(isPattern).length > MAX_PATTERNS);
  if (!isTooMuch) return values;
  const most = `at most ${MAX_VALUES} values, of names at most ${MAX_PATTERNS} patterns`;
  throw new BadRequestError(`invalid filter '${name}': ${values.length} values are too many, ${most}`, 'BAD_FILTER');
}

/** Whether labels have all that is wanted, each as `key` or `key=value`. */
export function matchesLabels(
  labels: Readonly<Record<string, string>> | null | undefined,
  wanted: readonly string[],
): boolean {
  return wanted.every((each) => {
    const equals = each.indexOf('=');
    const key = equals < 0 ? each : each.slice(0, equals);
    if (!labels || !Object.hasOwn(labels, key)) return false;
    return equals < 0 || labels[key] === each.slice(equals + 1);
  });
}

/** A filter that is a flag; undefined when it is absent. Throws 400 for any other value, and for both at once. */
export function flagFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name);
  if (values === undefined) return undefined;
  const flags = values.map((value) => FLAGS.get(value.toLowerCase()));
  const [first] = flags;
  if (first !== undefined && flags.every((each) => each === first)) return first;
  throw new BadRequestError(`invalid filter '${name}=[${values.join(' ')}]': use true or false`, 'BAD_FILTER');
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 'true', 't'].map((text) => [text, true] as const),
  ...['0', 'false', 'f'].map((text) => [text, false] as const),
]);

const META = /[\\^$.*+?()[\]{}|]/;
const MAX_PATTERN_CHARS = 512;
/** Instructions of a compiled pattern: repetitions (`(.?){1000}`) make many of few characters. */
const MAX_PATTERN_SIZE = 1_024;

function isPattern(text: string): boolean {
  return META.test(text);
}

/**
 * A matcher for filters that engines treat as unanchored regular expressions (names, IDs). Linear in time for any
 * expression; text without special characters is a plain substring search.
 */
export function nameMatcher(pattern: string): (name: string) => boolean {
  if (!isPattern(pattern)) return (name) => name.includes(pattern);
  const compiled = pattern.length > MAX_PATTERN_CHARS ? undefined : compile(pattern);
  // Engines fall back to comparing as text when the expression is malformed.
  if (compiled === 'malformed') return (name) => name === pattern;
  if (compiled && compiled.programSize() <= MAX_PATTERN_SIZE) return (name) => compiled.test(name);
  const most = `${MAX_PATTERN_CHARS} characters, with repetitions written out ${MAX_PATTERN_SIZE}`;
  throw new BadRequestError(`invalid filter: a pattern may have ${most}`, 'BAD_FILTER');
}

function compile(pattern: string): RE2JS | 'malformed' {
  try {
    return RE2JS.compile(pattern);
  } catch {
    return 'malformed';
  }
}
