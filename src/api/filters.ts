import { RE2JS } from 're2js';
import { BadRequestError } from '../common/errors.ts';

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
    filters.set(name, valuesOf(values, name));
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

/** Whether labels satisfy every wish `key` or `key=value`. */
export function matchesLabels(
  labels: Readonly<Record<string, string>> | null | undefined,
  wishes: readonly string[],
): boolean {
  return wishes.every((wish) => {
    const equals = wish.indexOf('=');
    const key = equals < 0 ? wish : wish.slice(0, equals);
    if (!labels || !Object.hasOwn(labels, key)) return false;
    return equals < 0 || labels[key] === wish.slice(equals + 1);
  });
}

const META = /[\\^$.*+?()[\]{}|]/;
const MAX_PATTERN_CHARS = 512;

/**
 * A matcher for filters that engines treat as unanchored regular expressions (names, IDs). Linear in time for any
 * expression; text without special characters is a plain substring search.
 */
export function nameMatcher(pattern: string): (name: string) => boolean {
  if (!META.test(pattern)) return (name) => name.includes(pattern);
  if (pattern.length > MAX_PATTERN_CHARS) {
    throw new BadRequestError(`invalid filter: a pattern may have ${MAX_PATTERN_CHARS} characters`, 'BAD_FILTER');
  }
  try {
    const compiled = RE2JS.compile(pattern);
    return (name) => compiled.matcher(name).find();
  } catch {
    // Engines fall back to comparing as text when the expression is malformed.
    return (name) => name === pattern;
  }
}

/** Reads a flag of the Engine API: `1`, `true`, `True`, `t` … are true, absent and `0` are false. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && !['', '0', 'no', 'false', 'none'].includes(value.trim().toLowerCase());
}
