import { BadRequestError } from './errors.ts';

/**
 * Edits JSON text without parsing and printing it again, so that what is not edited stays as it was written: numbers beyond
 * 2^53 (`timeNano`), fields we do not know, the order of members. All functions throw a BadRequestError for text that
 * is not JSON as far as they read it; {@link memberRange} and the others that follow a path read the objects on it whole.
 */

/** Where a value stands: `text.slice(start, end)`, without surrounding white space. */
export interface JsonRange {
  readonly start: number;
  readonly end: number;
}

/** Where the value under a path of member names is; undefined when there is none. Of members named alike the last counts. */
export function memberRange(text: string, path: readonly string[]): JsonRange | undefined {
  let range = wholeRange(text);
  for (const name of path) {
    if (text.charCodeAt(range.start) !== OPEN_BRACE) return undefined;
    let found: JsonRange | undefined;
    scanObject(text, range, (key, start, end) => {
      if (key === name) found = { start, end };
    });
    if (!found) return undefined;
    range = found;
  }
  return range;
}

/** The text of the value under a path; undefined when there is none. */
export function memberText(text: string, path: readonly string[]): string | undefined {
  const range = memberRange(text, path);
  return range && text.slice(range.start, range.end);
}

/** The string under a path; undefined when there is none or it is something else. */
export function memberString(text: string, path: readonly string[]): string | undefined {
  const value = memberText(text, path);
  return value?.startsWith('"') ? (JSON.parse(value) as string) : undefined;
}

/** Puts the JSON text `value` in place of the value under a path; the text is returned as it is when there is none. */
export function replaceMember(text: string, path: readonly string[], value: string): string {
  const range = memberRange(text, path);
  return range ? replaced(text, range, value) : text;
}

function replaced(text: string, { start, end }: JsonRange, value: string): string {
  return text.slice(0, start) + value + text.slice(end);
}

/** Appends a member to the object under `path`; the caller knows that it has no member of that name. */
export function insertMember(text: string, path: readonly string[], name: string, value: string): string {
  const range = memberRange(text, path);
  if (!range || text.charCodeAt(range.start) !== OPEN_BRACE) {
    throw new BadRequestError(`${path.join('.') || 'the JSON text'} is not an object`, 'BAD_JSON');
  }
  let isEmpty = true;
  scanObject(text, range, () => {
    isEmpty = false;
  });
  return `${text.slice(0, range.end - 1)}${isEmpty ? '' : ','}${JSON.stringify(name)}:${value}${text.slice(range.end - 1)}`;
}

/** Replaces the member under a path, or appends it; objects missing on the way are made, other values in the way replaced. */
export function setMember(text: string, path: readonly string[], value: string): string {
  const name = path[path.length - 1];
  if (name === undefined) return value;
  const found = memberRange(text, path);
  if (found) return replaced(text, found, value);
  const parent = path.slice(0, -1);
  const range = memberRange(text, parent);
  if (range && text.charCodeAt(range.start) === OPEN_BRACE) return insertMember(text, parent, name, value);
  return setMember(text, parent, `{${JSON.stringify(name)}:${value}}`);
}

/** Takes members named `path` out of their object; the text is returned as it is when there is none. */
export function removeMember(text: string, path: readonly string[]): string {
  const name = path[path.length - 1];
  const range = memberRange(text, path.slice(0, -1));
  if (name === undefined || !range || text.charCodeAt(range.start) !== OPEN_BRACE) return text;
  const kept: string[] = [];
  let removed = false;
  scanObject(text, range, (key, _start, end, keyStart) => {
    if (key === name) removed = true;
    else kept.push(text.slice(keyStart, end));
  });
  return removed ? `${text.slice(0, range.start)}{${kept.join(',')}}${text.slice(range.end)}` : text;
}

/** Visits the elements of an array's text in order. */
export function forEachElement(text: string, visit: (start: number, end: number) => void): void {
  const range = wholeRange(text);
  if (text.charCodeAt(range.start) !== OPEN_BRACKET) throw malformed(text, range.start, 'expected an array');
  let at = skipSpace(text, range.start + 1);
  let isOpen = text.charCodeAt(at) !== CLOSE_BRACKET;
  while (isOpen) {
    const end = skipValue(text, at);
    visit(at, end);
    at = skipSpace(text, end);
    isOpen = text.charCodeAt(at) !== CLOSE_BRACKET;
    if (isOpen) at = skipSpace(text, expect(text, at, COMMA));
  }
  checkEnd(text, at, range);
}

/** Visits the members of an object's text in order. */
export function forEachMember(text: string, visit: (name: string, start: number, end: number) => void): void {
  const range = wholeRange(text);
  if (text.charCodeAt(range.start) !== OPEN_BRACE) throw malformed(text, range.start, 'expected an object');
  scanObject(text, range, visit);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERALS = ['true', 'false', 'null'] as const;
const ESCAPES = new Set([...'"\\/bfnrt'].map((char) => char.charCodeAt(0)));

/** The one value the text consists of; its inside is not read yet. */
function wholeRange(text: string): JsonRange {
  const start = skipSpace(text, 0);
  let end = text.length;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  if (start === end) throw malformed(text, start, 'expected a value');
  const last = text.charCodeAt(end - 1);
  const first = text.charCodeAt(start);
  if (first === OPEN_BRACE && last !== CLOSE_BRACE) throw malformed(text, end, 'expected "}"');
  if (first === OPEN_BRACKET && last !== CLOSE_BRACKET) throw malformed(text, end, 'expected "]"');
  return { start, end };
}

function scanObject(
  text: string,
  range: JsonRange,
  visit: (key: string, start: number, end: number, keyStart: number) => void,
): void {
  let at = skipSpace(text, range.start + 1);
  let isOpen = text.charCodeAt(at) !== CLOSE_BRACE;
  while (isOpen) {
    const keyStart = at;
    const keyEnd = skipString(text, at);
    const valueStart = skipSpace(text, expect(text, skipSpace(text, keyEnd), COLON));
    const valueEnd = skipValue(text, valueStart);
    visit(readKey(text, keyStart, keyEnd), valueStart, valueEnd, keyStart);
    at = skipSpace(text, valueEnd);
    isOpen = text.charCodeAt(at) !== CLOSE_BRACE;
    if (isOpen) at = skipSpace(text, expect(text, at, COMMA));
  }
  checkEnd(text, at, range);
}

/** Behind the last bracket of a whole text nothing may follow. */
function checkEnd(text: string, last: number, range: JsonRange): void {
  if (last + 1 !== range.end) throw malformed(text, last + 1, 'expected the end of the text');
}

/** Without recursion: depth of nesting in a client's text must not become depth of our stack. */
function skipValue(text: string, start: number): number {
  const open: number[] = [];
  let at = start;
  for (;;) {
    const char = text.charCodeAt(at);
    if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      at = skipSpace(text, at + 1);
      if (text.charCodeAt(at) !== char + 2) {
        open.push(char);
        if (char === OPEN_BRACE) at = skipKey(text, at);
        continue;
      }
      at++;
    } else at = skipScalar(text, at, char);
    at = closeAll(text, at, open);
    const inside = open[open.length - 1];
    if (inside === undefined) return at;
    at = skipSpace(text, expect(text, at, COMMA));
    if (inside === OPEN_BRACE) at = skipKey(text, at);
  }
}

/** Behind the brackets that close here; stands on a comma, or behind the value when all are closed. */
function closeAll(text: string, start: number, open: number[]): number {
  let at = start;
  while (open.length > 0) {
    at = skipSpace(text, at);
    // In ASCII a closing bracket or brace is its opening one plus two.
    if (text.charCodeAt(at) !== (open[open.length - 1] ?? 0) + 2) return at;
    open.pop();
    at++;
  }
  return at;
}

function skipKey(text: string, at: number): number {
  return skipSpace(text, expect(text, skipSpace(text, skipString(text, at)), COLON));
}

function skipScalar(text: string, at: number, char: number): number {
  if (char === QUOTE) return skipString(text, at);
  for (const literal of LITERALS) {
    if (char === literal.charCodeAt(0) && text.startsWith(literal, at)) return at + literal.length;
  }
  NUMBER.lastIndex = at;
  if (!NUMBER.test(text)) throw malformed(text, at, 'expected a value');
  return NUMBER.lastIndex;
}

function skipString(text: string, start: number): number {
  if (text.charCodeAt(start) !== QUOTE) throw malformed(text, start, 'expected a string');
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) return at + 1;
    if (char < 0x20) throw malformed(text, at, 'control character in a string');
    if (char === BACKSLASH) at = skipEscape(text, at + 1);
  }
  throw malformed(text, text.length, 'unterminated string');
}

/** The position of an escape's last character, given that of its first one. */
function skipEscape(text: string, at: number): number {
  if (ESCAPES.has(text.charCodeAt(at))) return at;
  if (text[at] === 'u' && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) return at + 4;
  throw malformed(text, at, 'bad escape in a string');
}

function readKey(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(char: number): boolean {
  return char === 0x20 || char === 0x0a || char === 0x0d || char === 0x09;
}

function expect(text: string, at: number, char: number): number {
  if (text.charCodeAt(at) === char) return at + 1;
  throw malformed(text, at, `expected "${String.fromCharCode(char)}"`);
}

function malformed(text: string, at: number, what: string): BadRequestError {
  const found = at < text.length ? `found ${JSON.stringify(text[at])}` : 'the text ends';
  return new BadRequestError(`not JSON: ${what} at character ${at}, ${found}`, 'BAD_JSON');
}
