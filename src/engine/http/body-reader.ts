import { ChunkReader } from './chunk-reader.ts';
import type { Framing } from './framing.ts';

/** Takes the body of one message out of the bytes that follow its head, without copying it. */
export class BodyReader {
  readonly #onData: (data: Buffer) => void;
  readonly #chunks: ChunkReader | undefined;
  readonly #mayEndWithConnection: boolean;
  /** Bytes still to come; infinite when the framing does not tell. */
  #missing: number;

  /** `onData` is called synchronously with slices, never empty, of what is fed. */
  constructor(framing: Framing, onData: (data: Buffer) => void) {
    this.#onData = onData;
    this.#chunks = framing.kind === 'chunked' ? new ChunkReader(onData) : undefined;
    this.#mayEndWithConnection = framing.kind === 'until closed';
    this.#missing = framing.kind === 'sized' ? framing.length : framing.kind === 'none' ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Whether all of it was read. */
  get isWhole(): boolean {
    return this.#chunks ? this.#chunks.isAtEnd : this.#missing === 0;
  }

  /** Whether a connection that ends now ends the body; if not, the body was cut short. */
  get mayEndHere(): boolean {
    return this.#mayEndWithConnection || this.isWhole;
  }

  /** Feeds received bytes and returns how many belong to the body: all of them, or those up to its end. Throws on malformed chunks. */
  feed(bytes: Buffer): number {
    if (this.#chunks) return this.#chunks.feed(bytes);
    const taken = Math.min(this.#missing, bytes.length);
    this.#missing -= taken;
    if (taken > 0) this.#onData(taken === bytes.length ? bytes : bytes.subarray(0, taken));
    return taken;
  }
}
