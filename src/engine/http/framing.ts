import { EngineError } from '../../common/errors.ts';

/** Where the body of an answer ends (RFC 9112 §6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'sized'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until closed' };

/** An answer without a body, whatever its fields say. */
export const NO_BODY: Framing = { kind: 'none' };
const CHUNKED: Framing = { kind: 'chunked' };
const UNTIL_CLOSED: Framing = { kind: 'until closed' };

/** What the end of an answer's body depends on. */
export interface FramedHead {
  readonly statusCode: number;
  /** 0 for HTTP/1.0, which knows no chunks. */
  readonly minorVersion: number;
  readonly rawHeaders: readonly string[];
}

/**
 * Where the body of the answer to `method` ends. Throws an EngineError when the fields leave it open: two readers of such an answer (we
 * and a client, or a proxy between us and the engine) could find its end in two places, and take the rest for another answer.
 */
export function framingOf(head: FramedHead, method: string): Framing {
  const declared = declaredBy(head);
  const { statusCode } = head;
  const isBodiless = method === 'HEAD' || statusCode < 200 || statusCode === 204 || statusCode === 304;
  return isBodiless ? NO_BODY : declared;
}

function declaredBy({ rawHeaders, minorVersion }: FramedHead): Framing {
  let coding: string | undefined;
  let length: number | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const value = rawHeaders[i + 1] ?? '';
    if (isNamed(name, 'content-length')) length = lengthOf(value, length);
    else if (isNamed(name, 'transfer-encoding')) coding = coding === undefined ? value : `${coding}, ${value}`;
  }
  if (coding === undefined) return length === undefined ? UNTIL_CLOSED : { kind: 'sized', length };
  if (length !== undefined) throw new EngineError('the engine sent both a Content-Length and a Transfer-Encoding');
  if (coding.toLowerCase() !== 'chunked' || minorVersion === 0) throw unsupported(coding, minorVersion);
  return CHUNKED;
}

/** The length a field gives; a field that comes again, or lists its value again, may only repeat it (RFC 9110 §8.6). */
function lengthOf(value: string, known: number | undefined): number {
  let length = known;
  for (const each of value.split(',')) {
    const digits = each.trim();
    if (!/^\d{1,15}$/.test(digits))
      throw new EngineError(`the engine sent a malformed Content-Length: ${JSON.stringify(value.slice(0, 60))}`);
    if (length !== undefined && length !== Number(digits))
      throw new EngineError(`the engine sent two different lengths of one answer: ${length} and ${Number(digits)}`);
    length = Number(digits);
  }
  return length ?? 0;
}

function unsupported(coding: string, minorVersion: number): EngineError {
  const where = minorVersion === 0 ? ' in HTTP/1.0' : '';
  return new EngineError(
    `the engine sent a Transfer-Encoding that is not supported${where}: ${JSON.stringify(coding.slice(0, 60))}`,
  );
}

function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && name.toLowerCase() === lower;
}
