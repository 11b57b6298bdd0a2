import { forEachElement, forEachMember } from './json-edit.ts';

/**
 * JSON objects as Go's encoding/json reads them into its types, which is how engines read what clients send: members of a struct
 * are found whatever their case (`hostconfig`, `HOSTCONFIG`; `ſ` and the Kelvin sign count as s and k), and when one is given
 * several times each is read over what the earlier ones left. {@link canonicalJson} writes such a text with every known member
 * once and under its own name, so that we read what the engine reads.
 */

/** What an engine reads a value into. */
export type Shape =
  /** A text, number or flag: `null` leaves what stood before. */
  | 'scalar'
  /** Anything else that we need not look into; the last one counts. */
  | 'whole'
  | {
      readonly kind: 'struct';
      /** By {@link folded} name. */
      readonly members: ReadonlyMap<string, Member>;
      /** By the name that Go writes. */
      readonly own: ReadonlyMap<string, Shape>;
    }
  | { readonly kind: 'list'; readonly of: Shape }
  /** Names are data, and their case matters. */
  | { readonly kind: 'map'; readonly of: Shape };

interface Member {
  readonly name: string;
  readonly shape: Shape;
}

/** A struct from its members' names as Go writes them. */
export function struct(members: Readonly<Record<string, Shape>>): Shape {
  const entries = Object.entries(members).map(([name, shape]) => [folded(name), { name, shape }] as const);
  return { kind: 'struct', members: new Map(entries), own: new Map(Object.entries(members)) };
}

export function list(of: Shape): Shape {
  return { kind: 'list', of };
}

export function map(of: Shape): Shape {
  return { kind: 'map', of };
}

/** Members of a struct for each name in a text, all of one shape. */
export function each(names: string, shape: Shape): Readonly<Record<string, Shape>> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, shape]));
}

/**
 * Whether the text of a parsed value is in canonical form already, seen at a fraction of {@link canonicalJson}'s cost: by its names,
 * and by `JSON.stringify`, which writes each member once. False also for canonical texts that are written otherwise.
 *
 * @param value the text, parsed
 */
export function isPlainlyCanonical(text: string, value: unknown, shape: Shape): boolean {
  if (!hasOwnNames(value, shape)) return false;
  try {
    return JSON.stringify(value) === text.trimEnd();
  } catch (error) {
    // What is nested thousands of levels deep can be parsed, but not written.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Whether every known member goes by its own name. Goes as deep as the shape, however deep the value is. */
function hasOwnNames(value: unknown, shape: Shape): boolean {
  if (typeof shape === 'string' || typeof value !== 'object' || value === null) return true;
  if (shape.kind === 'list') return !Array.isArray(value) || value.every((element) => hasOwnNames(element, shape.of));
  if (Array.isArray(value) || (shape.kind === 'map' && typeof shape.of === 'string')) return true;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name in fields) {
    const known = shape.kind === 'map' ? shape.of : shape.own.get(name);
    const isOwn = known === undefined ? isUnknown(name, shape) : hasOwnNames(fields[name], known);
    if (!isOwn) return false;
  }
  return true;
}

function isUnknown(name: string, shape: Shape): boolean {
  return typeof shape === 'string' || shape.kind !== 'struct' || !shape.members.has(folded(name));
}

/**
 * The text of one JSON value in canonical form: the same text when it is in that form already, which costs one look over it.
 * Members that the shape does not know, numbers and white space inside of values stay as they are. The text must be JSON.
 */
export function canonicalJson(text: string, shape: Shape): string {
  if (typeof shape === 'string') return text;
  const first = text.trimStart()[0];
  if (shape.kind === 'list') return first === '[' ? canonicalList(text, shape.of) : text;
  if (first !== '{') return text;
  return shape.kind === 'map' ? canonicalMap(text, shape.of) : canonicalStruct(text, shape.members);
}

function canonicalStruct(text: string, members: ReadonlyMap<string, Member>): string {
  const found = new Map<string, { readonly shape: Shape; readonly values: string[] }>();
  let isChanged = false;
  forEachMember(text, (written, start, end) => {
    const member = members.get(folded(written));
    const name = member?.name ?? written;
    const value = text.slice(start, end);
    const before = found.get(name);
    if (before) before.values.push(value);
    else found.set(name, { shape: member?.shape ?? 'whole', values: [value] });
    isChanged ||= name !== written || before !== undefined;
  });
  const parts: string[] = [];
  for (const [name, { shape, values }] of found) {
    const value = readInTurn(values, shape);
    const canonical = canonicalJson(value, shape);
    isChanged ||= canonical !== value;
    parts.push(`${JSON.stringify(name)}:${canonical}`);
  }
  return isChanged ? `{${parts.join(',')}}` : text;
}

/** Of entries named alike the last one counts, for Go as for us: they may stay. */
function canonicalMap(text: string, of: Shape): string {
  if (typeof of === 'string') return text;
  const parts: string[] = [];
  let isChanged = false;
  forEachMember(text, (name, start, end) => {
    const value = text.slice(start, end);
    const canonical = canonicalJson(value, of);
    isChanged ||= canonical !== value;
    parts.push(`${JSON.stringify(name)}:${canonical}`);
  });
  return isChanged ? `{${parts.join(',')}}` : text;
}

function canonicalList(text: string, of: Shape): string {
  if (typeof of === 'string') return text;
  const parts: string[] = [];
  let isChanged = false;
  forEachElement(text, (start, end) => {
    const value = text.slice(start, end);
    const canonical = canonicalJson(value, of);
    isChanged ||= canonical !== value;
    parts.push(canonical);
  });
  return isChanged ? `[${parts.join(',')}]` : text;
}

/** What stands in a member after its values were read in turn. Objects are put together; their members are settled afterwards. */
function readInTurn(values: readonly string[], shape: Shape): string {
  const last = values.at(-1) ?? 'null';
  if (values.length === 1 || shape === 'whole') return last;
  if (shape === 'scalar') return values.findLast((value) => value !== 'null') ?? 'null';
  if (shape.kind === 'list' || !last.startsWith('{')) return last;
  const from = values.findLastIndex((value) => !value.startsWith('{')) + 1;
  const insides = values.slice(from).map((value) => value.slice(1, -1));
  return `{${insides.filter((inside) => inside.trim() !== '').join(',')}}`;
}

/** Names that Go takes for one another have one folded form (`foldName` of encoding/json; names of ours are ASCII). */
function folded(name: string): string {
  // Lower case, not upper: İ and ı must not become letters of ASCII. K (Kelvin) does so by itself.
  return name.toLowerCase().replaceAll('ſ', 's');
}
