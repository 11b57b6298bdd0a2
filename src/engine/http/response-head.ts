import { EngineError } from '../../common/errors.ts';
import { type Framing, framingOf } from './framing.ts';

/** The head of an HTTP/1.1 response read from a raw stream, and the bytes that came behind it. */
export interface ResponseHead {
  readonly statusCode: number;
  readonly statusText: string;
  /** Of the answer's HTTP version: 0 for HTTP/1.0, else 1. */
  readonly minorVersion: number;
  /** Names and values in order and spelling as received, `[name, value, name, value, …]`. */
  readonly rawHeaders: readonly string[];
  /** Where the body ends. */
  readonly framing: Framing;
  /** Body bytes (or upgraded stream bytes) that arrived with the head. */
  readonly rest: Buffer;
}

/** Code of the EngineError for what is no answer in HTTP: TLS, SSH or another protocol. */
export const NOT_HTTP = 'ENGINE_NOT_HTTP';
/** Code of the EngineError for a connection that was closed instead of an answer. */
export const CLOSED_UNANSWERED = 'ENGINE_CLOSED';

/** What was asked, on which the meaning of a head depends. */
export interface Expected {
  readonly method: string;
  /** Whether the engine was asked to switch protocols, so that 101 is an answer. */
  readonly mayUpgrade?: boolean | undefined;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const START_OF_HEAD = Buffer.from('HTTP/1.');
/** Engines send well under 4 KiB; more than this is not a Docker engine. */
const MAX_HEAD_BYTES = 64 * 1024;
const FIRST_BLOCK_BYTES = 1024;
/** Interim answers (`100 Continue`, `103 Early Hints`) before the one that was asked for. */
const MAX_INTERIM = 16;

/** Reads the head of one answer out of bytes as they come, passing over interim answers. */
export class HeadReader {
  readonly #expected: Expected;
  /** What came of a head that is not whole. */
  #held: Buffer = NOTHING;
  #length = 0;
  #interim = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  /**
   * Takes received bytes (copied if need be); the head, once it is whole, with the last of them that are not its own as `rest`.
   * Throws an EngineError for what is no answer in HTTP, or whose end cannot be told.
   */
  feed(bytes: Buffer): ResponseHead | undefined {
    let rest = bytes;
    while (true) {
      const before = this.#length;
      const text = this.#take(rest);
      if (text === undefined) return undefined;
      rest = rest.subarray(text.length + END_OF_HEAD.length - before);
      const head = parseHead(text, this.#expected, rest);
      if (head) return head;
      this.#interim += 1;
      if (this.#interim > MAX_INTERIM) throw new EngineError('the engine sends interim answers without end');
    }
  }

  /** The head without the empty line that ends it. */
  #take(bytes: Buffer): string | undefined {
    const seen = this.#length === 0 ? bytes : this.#hold(bytes);
    const end = seen.indexOf(END_OF_HEAD, Math.max(0, this.#length - bytes.length - END_OF_HEAD.length + 1));
    if (end > MAX_HEAD_BYTES || (end < 0 && seen.length > MAX_HEAD_BYTES))
      throw new EngineError('the engine sent a response head over 64 KiB: is this a Docker engine?');
    if (end < 0) {
      assertHttp(seen);
      if (seen === bytes) this.#hold(bytes);
      return undefined;
    }
    this.#length = 0;
    return seen.toString('latin1', 0, end);
  }

  /** Adds bytes to those held, as many as may be part of a head, and returns all of them. */
  #hold(bytes: Buffer): Buffer {
    const wanted = this.#length + bytes.length;
    if (wanted > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(wanted, 2 * this.#held.length, FIRST_BLOCK_BYTES));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#length);
    this.#length = wanted;
    return this.#held.subarray(0, wanted);
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Says at once what would else wait in vain for the end of a head. */
function assertHttp(start: Buffer): void {
  const length = Math.min(start.length, START_OF_HEAD.length);
  if (start.compare(START_OF_HEAD, 0, length, 0, length) !== 0) throw notHttp(start.toString('latin1', 0, 200));
}

function notHttp(text: string): EngineError {
  const [line = ''] = text.split(/[\r\n]/, 1);
  return new EngineError(`the engine did not answer in HTTP: ${JSON.stringify(line.slice(0, 60))}`, NOT_HTTP);
}

/** Parses a whole head; undefined for an interim answer. */
function parseHead(text: string, { method, mayUpgrade }: Expected, rest: Buffer): ResponseHead | undefined {
  const lines = text.split('\r\n');
  const status = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(lines[0] ?? '');
  if (!status) throw notHttp(text);
  const statusCode = Number(status[2]);
  const minorVersion = Number(status[1]);
  const rawHeaders = splitFields(lines);
  if (statusCode === 101 && !mayUpgrade) throw new EngineError('the engine switched protocols without being asked to');
  if (statusCode < 200 && statusCode !== 101) return undefined;
  const framing = framingOf({ statusCode, minorVersion, rawHeaders }, method);
  return { statusCode, statusText: status[3] ?? '', minorVersion, rawHeaders, framing, rest };
}

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Refuses what readers take in several ways: a line without a name, white space before the colon, a line that goes on in the next. */
function splitFields(lines: readonly string[]): string[] {
  const fields: string[] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    if (!FIELD_NAME.test(name) || NOT_IN_VALUE.test(line))
      throw new EngineError(`the engine sent a malformed header line: ${JSON.stringify(line.slice(0, 60))}`);
    fields.push(name, withoutSpaces(line, colon + 1));
  }
  return fields;
}

/** `line` from `start` on without the spaces and tabs around it; `trim` would take away more. */
function withoutSpaces(line: string, start: number): string {
  let from = start;
  let to = line.length;
  while (from < to && isSpace(line.charCodeAt(from))) from += 1;
  while (to > from && isSpace(line.charCodeAt(to - 1))) to -= 1;
  return line.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The first value of a header in a raw header list, by case-insensitive name. */
export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) return rawHeaders[i + 1];
  }
  return undefined;
}

/** Whether the connection ends with this answer (RFC 9112 §9.3); for answers with a body of known end. */
export function endsConnection({ rawHeaders, minorVersion }: ResponseHead): boolean {
  const options = (headerOf(rawHeaders, 'connection') ?? '').toLowerCase().split(',');
  const has = (option: string): boolean => options.some((each) => each.trim() === option);
  return minorVersion === 0 ? !has('keep-alive') : has('close');
}
