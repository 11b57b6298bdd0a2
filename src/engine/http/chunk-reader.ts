import { EngineError } from '../../common/errors.ts';

const LF = 0x0a;
/** A chunk-size line is a few hex digits and rarely an extension. */
const MAX_SIZE_LINE_BYTES = 1024;
/** Go's servers, which engines are, send no trailer unless a handler asks for it. */
const MAX_TRAILER_BYTES = 64 * 1024;

/** Takes HTTP/1.1 chunked framing off a byte stream, chunk by chunk, without copying the data (RFC 9112 §7.1). */
export class ChunkReader {
  readonly #onData: (data: Buffer) => void;
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'end' = 'size';
  #line = '';
  #remaining = 0;
  #trailerBytes = 0;

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
    const stop = Math.min(end < 0 ? bytes.length : end, at + MAX_SIZE_LINE_BYTES + 1);
    this.#line += bytes.toString('latin1', at, stop);
    if (this.#line.length > MAX_SIZE_LINE_BYTES) throw new EngineError('the engine sent a malformed chunked answer');
    if (end < 0) return bytes.length;
    if (!this.#line.endsWith('\r')) throw new EngineError('the engine sent a chunk line that ends without CR LF');
    const line = this.#line.slice(0, -1);
    this.#line = '';
    this.#readLine(line);
    return end + 1;
  }

  #readLine(line: string): void {
    if (this.#state === 'data-end') {
      if (line !== '') throw new EngineError('the engine sent a chunk longer than it said');
      this.#state = 'size';
    } else if (this.#state === 'trailer') this.#readTrailer(line);
    else {
      const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line);
      if (!size) throw new EngineError('the engine sent a malformed chunk size');
      this.#remaining = Number.parseInt(size[1] ?? '', 16);
      this.#state = this.#remaining === 0 ? 'trailer' : 'data';
    }
  }

  #readTrailer(line: string): void {
    this.#trailerBytes += line.length;
    if (this.#trailerBytes > MAX_TRAILER_BYTES) throw new EngineError('the engine sent a trailer over 64 KiB');
    if (line === '') this.#state = 'end';
  }
}
