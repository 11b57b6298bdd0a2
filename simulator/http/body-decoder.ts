import type { BodyFraming } from './head.ts';

/** A longer size line or trailer than this is not HTTP. */
const MAX_LINE_BYTES = 8192;
const LF = 0x0a;

type ChunkedState = 'size' | 'data' | 'data-end' | 'trailer';

/** Finds where one body ends, handing its payload on without copying. Feed it until {@link done}. */
export class BodyDecoder {
  readonly #framing: BodyFraming;
  readonly #onData: (payload: Buffer) => void;
  #remaining: number;
  #state: ChunkedState = 'size';
  #line = '';
  #done: boolean;

  constructor(framing: BodyFraming, onData: (payload: Buffer) => void) {
    this.#framing = framing;
    this.#onData = onData;
    this.#remaining = framing.kind === 'length' ? framing.length : 0;
    this.#done = framing.kind === 'none';
  }

  /** The last byte of the body was consumed; never true for a body that ends with its connection. */
  get done(): boolean {
    return this.#done;
  }

  /** Consumes what belongs to the body from `offset` on; returns the offset behind it. Throws when the framing is broken. */
  push(bytes: Buffer, offset: number): number {
    if (this.#framing.kind === 'chunked') return this.#pushChunked(bytes, offset);
    if (this.#framing.kind === 'until-close') {
      this.#onData(offset === 0 ? bytes : bytes.subarray(offset));
      return bytes.length;
    }
    const end = this.#payload(bytes, offset);
    this.#done = this.#remaining === 0;
    return end;
  }

  #payload(bytes: Buffer, offset: number): number {
    const end = Math.min(bytes.length, offset + this.#remaining);
    this.#remaining -= end - offset;
    if (end > offset) this.#onData(bytes.subarray(offset, end));
    return end;
  }

  #pushChunked(bytes: Buffer, offset: number): number {
    let at = offset;
    while (at < bytes.length && !this.#done) {
      if (this.#state === 'data') {
        at = this.#payload(bytes, at);
        if (this.#remaining === 0) this.#state = 'data-end';
        continue;
      }
      const end = bytes.indexOf(LF, at);
      this.#line += bytes.toString('latin1', at, end < 0 ? bytes.length : end);
      if (this.#line.length > MAX_LINE_BYTES) throw new Error('chunked body: line too long');
      if (end < 0) return bytes.length;
      at = end + 1;
      this.#endLine();
    }
    return at;
  }

  #endLine(): void {
    const line = this.#line.trim();
    this.#line = '';
    if (this.#state === 'data-end') {
      this.#state = 'size';
    } else if (this.#state === 'trailer') {
      this.#done = line === '';
    } else {
      this.#remaining = Number.parseInt(line, 16);
      if (!/^[0-9a-f]+(;|$)/i.test(line)) throw new Error(`chunked body: bad size "${line.slice(0, 20)}"`);
      this.#state = this.#remaining === 0 ? 'trailer' : 'data';
    }
  }
}
