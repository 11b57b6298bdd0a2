import { EngineError } from '../common/errors.ts';

const LF = 0x0a;
/** A chunk-size line is a few hex digits and rarely an extension. */
const MAX_SIZE_LINE_BYTES = 1024;

/** Takes HTTP/1.1 chunked framing off a byte stream, chunk by chunk, without copying the data. */
export class ChunkedDecoder {
  readonly #onData: (data: Buffer) => void;
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'end' = 'size';
  #line = '';
  #remaining = 0;

  constructor(onData: (data: Buffer) => void) {
    this.#onData = onData;
  }

  /** True once the last chunk and its trailer were read. */
  get isAtEnd(): boolean {
    return this.#state === 'end';
  }

  /**
   * Feeds received bytes; `onData` is called synchronously with slices of them. Returns how many were taken: all of them, or those
   * up to the end. Throws on malformed framing.
   */
  feed(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'end') {
      at = this.#state === 'data' ? this.#takeData(bytes, at) : this.#takeLine(bytes, at);
    }
    return at;
  }

  #takeData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#remaining);
    this.#remaining -= end - at;
    if (this.#remaining === 0) this.#state = 'data-end';
    this.#onData(bytes.subarray(at, end));
    return end;
  }

  #takeLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at);
    this.#line += bytes.toString('latin1', at, end < 0 ? bytes.length : end);
    if (this.#line.length > MAX_SIZE_LINE_BYTES) throw new EngineError('the engine sent a malformed chunked answer');
    if (end < 0) return bytes.length;
    const line = this.#line.replace(/\r$/, '');
    this.#line = '';
    this.#readLine(line);
    return end + 1;
  }

  #readLine(line: string): void {
    if (this.#state === 'data-end') {
      if (line !== '') throw new EngineError('the engine sent a chunk longer than it said');
      this.#state = 'size';
    } else if (this.#state === 'trailer') this.#state = line === '' ? 'end' : 'trailer';
    else {
      const size = /^[0-9a-fA-F]{1,8}(?=$|;|\s)/.exec(line);
      if (!size) throw new EngineError('the engine sent a malformed chunk size');
      this.#remaining = Number.parseInt(size[0], 16);
      this.#state = this.#remaining === 0 ? 'trailer' : 'data';
    }
  }
}
