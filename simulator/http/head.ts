/** How the end of a message's body is found (RFC 9112, section 6). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

export const NO_BODY: BodyFraming = { kind: 'none' };
export const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };

const HEAD_END = Buffer.from('\r\n\r\n');

/** Offset of the first byte behind the head that starts at `from`, or -1 while the head is incomplete. */
export function endOfHead(bytes: Buffer, from = 0): number {
  const at = bytes.indexOf(HEAD_END, from);
  return at < 0 ? -1 : at + HEAD_END.length;
}

/** Start line and fields of one HTTP/1.1 message. Fields are searched on demand: most are never looked at. */
export class MessageHead {
  readonly startLine: string;
  readonly #text: string;
  #lower: string | undefined;

  /** @param text the head as latin1 text, with or without its closing empty line */
  constructor(text: string) {
    const end = text.indexOf('\r\n');
    this.startLine = end < 0 ? text : text.slice(0, end);
    this.#text = text;
  }

  /** Value of the first field called `name` (lower case), trimmed. */
  field(name: string): string | undefined {
    this.#lower ??= this.#text.toLowerCase();
    const at = this.#lower.indexOf(`\r\n${name}:`);
    if (at < 0) return undefined;
    const start = at + name.length + 3;
    const end = this.#text.indexOf('\r\n', start);
    return this.#text.slice(start, end < 0 ? undefined : end).trim();
  }

  /** All fields by lower-case name; of repeated ones the last. */
  fields(): Record<string, string> {
    const entries = this.#text
      .split('\r\n')
      .slice(1)
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
    return Object.fromEntries(entries) as Record<string, string>;
  }
}

/** Framing a head declares; `otherwise` when it declares none (requests: no body, responses: until the connection closes). */
export function framingOf(head: MessageHead, otherwise: BodyFraming): BodyFraming {
  if (head.field('transfer-encoding')?.toLowerCase().endsWith('chunked')) return { kind: 'chunked' };
  const length = head.field('content-length');
  if (length === undefined) return otherwise;
  return Number(length) > 0 ? { kind: 'length', length: Number(length) } : NO_BODY;
}
