import { EngineError } from '../common/errors.ts';
import { ChunkedDecoder } from './chunked.ts';
import type { EngineAnswer } from './exchange.ts';
import { headerOf, parseHead, type ResponseHead } from './response-head.ts';

/** What an answer's framing depends on besides its head. */
export interface Expected {
  readonly method: string;
  /** Bound on the body in bytes. */
  readonly maxBytes: number;
}

/** Where the body of an answer ends (RFC 9112 §6.3). */
type Framing = 'none' | 'sized' | 'chunked' | 'until closed';

/**
 * Reads one answer. The bytes it is fed are copied: whoever feeds it may read the next ones into the same memory. Each answer
 * has a reader of its own, so that nothing of an answer outlives it.
 */
export class AnswerReader {
  readonly #expected: Expected;
  #received: Buffer = NOTHING;
  #head: ResponseHead | undefined;
  #framing: Framing = 'none';
  #missing = 0;
  #decoder: ChunkedDecoder | undefined;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  /**
   * Takes what was received and says how much of it belongs to the expected answer; {@link take} then tells whether that is whole.
   * Throws an EngineError when it is no HTTP or larger than allowed.
   */
  feed(bytes: Buffer): number {
    if (this.#head) return this.#feedBody(bytes);
    const before = this.#received.length;
    const received = before === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const head = parseHead(received);
    if (!head) {
      this.#received = before === 0 ? Buffer.from(bytes) : received;
      return bytes.length;
    }
    this.#received = NOTHING;
    this.#begin(head);
    return bytes.length - head.rest.length + this.#feedBody(head.rest);
  }

  /** The answer, once it is whole. `isLast` says that its connection cannot be used again. */
  take(): { readonly answer: EngineAnswer; readonly isLast: boolean } | undefined {
    return this.#head && this.#isWhole() ? this.#finish(this.#head, endsConnection(this.#head)) : undefined;
  }

  /** The connection was closed: the answer, if that is what ends it. */
  takeAtEnd(): EngineAnswer | undefined {
    return this.#head && this.#framing === 'until closed' ? this.#finish(this.#head, true).answer : undefined;
  }

  #begin(head: ResponseHead): void {
    this.#head = head;
    this.#framing = framingOf(head, this.#expected.method);
    if (this.#framing === 'chunked') this.#decoder = new ChunkedDecoder((data) => this.#keep(data));
    if (this.#framing !== 'sized') return;
    this.#missing = Number(headerOf(head.rawHeaders, 'content-length'));
    this.#checkSize(this.#missing);
  }

  #feedBody(bytes: Buffer): number {
    if (bytes.length === 0) return 0;
    switch (this.#framing) {
      case 'none':
        return 0;
      case 'chunked':
        return this.#decoder?.feed(bytes) ?? 0;
      case 'until closed':
        this.#keep(bytes);
        return bytes.length;
      case 'sized': {
        const length = Math.min(this.#missing, bytes.length);
        this.#missing -= length;
        this.#keep(bytes.subarray(0, length));
        return length;
      }
    }
  }

  #keep(bytes: Buffer): void {
    this.#bytes += bytes.length;
    this.#checkSize(this.#bytes);
    this.#pieces.push(Buffer.from(bytes));
  }

  #checkSize(bytes: number): void {
    if (bytes > (this.#expected?.maxBytes ?? 0))
      throw new EngineError(`the answer is larger than ${this.#expected?.maxBytes} bytes`);
  }

  #isWhole(): boolean {
    if (this.#framing === 'sized') return this.#missing === 0;
    if (this.#framing === 'chunked') return this.#decoder?.isAtEnd === true;
    return this.#framing === 'none';
  }

  #finish({ statusCode, rawHeaders }: ResponseHead, isLast: boolean): { answer: EngineAnswer; isLast: boolean } {
    const [only] = this.#pieces;
    const body = this.#pieces.length === 1 && only ? only : Buffer.concat(this.#pieces, this.#bytes);
    return { answer: { statusCode, rawHeaders, body }, isLast };
  }
}

const NOTHING = Buffer.alloc(0);

function framingOf({ statusCode, rawHeaders }: ResponseHead, method: string): Framing {
  if (method === 'HEAD' || statusCode < 200 || statusCode === 204 || statusCode === 304) return 'none';
  if (headerOf(rawHeaders, 'transfer-encoding')?.toLowerCase() === 'chunked') return 'chunked';
  const length = headerOf(rawHeaders, 'content-length');
  if (length === undefined) return 'until closed';
  if (!/^\d{1,15}$/.test(length)) throw new EngineError('the engine sent a malformed Content-Length');
  return 'sized';
}

function endsConnection({ rawHeaders }: ResponseHead): boolean {
  return headerOf(rawHeaders, 'connection')?.toLowerCase() === 'close';
}
