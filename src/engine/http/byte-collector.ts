/** Blocks grow to this many bytes. */
const MAX_BLOCK_BYTES = 1024 * 1024;
const MIN_BLOCK_BYTES = 512;

/**
 * Puts bytes together that come in pieces. They are copied, so that the memory they came in may be used again, and into few blocks:
 * a list of millions of pieces of one byte each would take a hundred times their size.
 */
export class ByteCollector {
  readonly #full: Buffer[] = [];
  #block: Buffer = NOTHING;
  #used = 0;
  #length = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#used + bytes.length > this.#block.length) this.#begin(bytes.length);
    this.#used += bytes.copy(this.#block, this.#used);
    this.#length += bytes.length;
  }

  /** All of them, in memory of their own; the collector is empty afterwards. */
  take(): Buffer {
    const last = this.#block.subarray(0, this.#used);
    const all = this.#full.length === 0 ? last : Buffer.concat([...this.#full, last], this.#length);
    this.#full.length = 0;
    this.#block = NOTHING;
    this.#used = 0;
    this.#length = 0;
    return all;
  }

  /** The first piece, often the only one, gets exactly its size. */
  #begin(bytes: number): void {
    if (this.#used > 0) this.#full.push(this.#block.subarray(0, this.#used));
    const size = this.#length === 0 ? 0 : Math.min(Math.max(this.#length, MIN_BLOCK_BYTES), MAX_BLOCK_BYTES);
    this.#block = Buffer.allocUnsafe(Math.max(bytes, size));
    this.#used = 0;
  }
}

const NOTHING: Buffer = Buffer.alloc(0);
