/**
 * What a JSON value must be like. Called with a value it says what is wrong, as the end of a sentence that begins with the value's
 * path (` is a text, not a whole number`, `.Ports[2] is missing`), or undefined. Copies nothing: an answer that passes is used as it is.
 */
export interface Shape<T> {
  (value: unknown): string | undefined;
  /** Carries the type; never set. */
  readonly type?: T;
}

/** A shape whose absence (or null) is fine, as Go's decoders have it for everything. */
export interface Optional<T> extends Shape<T | null | undefined> {
  readonly isOptional: true;
}

/** Larger quantities do not occur, and would not stay exact in sums. */
const MAX_WHOLE = 2 ** 53 - 1;
/** Deepest nesting of members we do not know. */
const MAX_DEPTH = 32;

/** Without a bound where clients choose the text: what one of them made must not make the engine's whole answer invalid. */
export function text(maxChars: number = Number.POSITIVE_INFINITY): Shape<string> {
  return (value) => {
    if (typeof value !== 'string') return ` is ${kindOf(value)}, not a text`;
    return value.length > maxChars ? ` has ${value.length} characters, more than ${maxChars}` : undefined;
  };
}

/** A text that names something: with at least one character, none of them a control character or a space. */
export function name(maxChars: number): Shape<string> {
  const isText = text(maxChars);
  return (value) => {
    const wrong = isText(value);
    if (wrong !== undefined) return wrong;
    if (value === '') return ' is empty';
    return /[\s\p{C}]/u.test(value as string) ? ' has spaces or control characters' : undefined;
  };
}

export function whole(min: number = -MAX_WHOLE, max: number = MAX_WHOLE): Shape<number> {
  return (value) => {
    if (typeof value !== 'number') return ` is ${kindOf(value)}, not a whole number`;
    if (!Number.isInteger(value)) return ` is ${value}, not a whole number`;
    return value < min || value > max ? ` is ${value}, not between ${min} and ${max}` : undefined;
  };
}

export const flag: Shape<boolean> = (value) =>
  typeof value === 'boolean' ? undefined : ` is ${kindOf(value)}, not true or false`;

/** Anything that is not nested too deeply to be written again. */
export const anything: Shape<unknown> = (value) => (isFlat(value, MAX_DEPTH) ? undefined : ' is nested too deeply');

export function optional<T>(shape: Shape<T>): Optional<T> {
  const check = (value: unknown): string | undefined =>
    value === undefined || value === null ? undefined : shape(value);
  return Object.assign(check, { isOptional: true as const });
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return ` is ${kindOf(value)}, not a list`;
    for (let i = 0; i < value.length; i++) {
      const wrong = shape(value[i]);
      if (wrong !== undefined) return `[${i}]${wrong}`;
    }
    return undefined;
  };
}

/** An object with any names. */
export function record<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value) => {
    if (!isObject(value)) return ` is ${kindOf(value)}, not an object`;
    for (const key in value) {
      const wrong = shape(value[key]);
      if (wrong !== undefined) return `.${short(key)}${wrong}`;
    }
    return undefined;
  };
}

/**
 * An object with these members. Further ones are fine, unless their names differ from ours only in case: clients written in Go would take
 * them for ours.
 */
export function object(members: Readonly<Record<string, Shape<unknown>>>): Shape<object> {
  const byName = new Map(Object.entries(members));
  const required = [...byName].filter(([, shape]) => !('isOptional' in shape)).map(([key]) => key);
  const folded = new Set(Object.keys(members).map((key) => key.toLowerCase()));
  return (value) => {
    if (!isObject(value)) return ` is ${kindOf(value)}, not an object`;
    for (const key of required) if (value[key] === undefined || value[key] === null) return `.${key} is missing`;
    for (const key in value) {
      const shape = byName.get(key);
      if (shape === undefined && folded.has(key.toLowerCase())) return `.${short(key)} is not the name of a member`;
      const wrong = (shape ?? anything)(value[key]);
      if (wrong !== undefined) return `.${short(key)}${wrong}`;
    }
    return undefined;
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFlat(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  for (const key in value) if (!isFlat((value as Record<string, unknown>)[key], depth - 1)) return false;
  return true;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return { string: 'a text', number: 'a number', boolean: `${String(value)}` }[typeof value as string] ?? 'an object';
}

function short(key: string): string {
  return key.length <= 40 ? key : `${key.slice(0, 40)}…`;
}
