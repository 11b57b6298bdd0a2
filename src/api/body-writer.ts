import type { Duplex } from 'node:stream';
import { LAST_CHUNK, writeChunk } from '../engine/http/chunk-writer.ts';

/** What may wait to be sent before the sender should pause: a stop at every write would cost more than the write. */
const MAX_WAITING_BYTES = 512 * 1024;

/**
 * Writes a request body to an engine. The pieces that come in one turn of the event loop go out as one chunk in one write:
 * clients' chunks never fit our reads, so that each read brings two pieces or more, and a turn many reads.
 */
export class BodyWriter {
  readonly #engine: Duplex;
  readonly #isChunked: boolean;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(engine: Duplex, isChunked: boolean) {
    this.#engine = engine;
    this.#isChunked = isChunked;
  }

  /** Takes a piece; false asks the sender to pause until the engine's socket emits `drain`. */
  write(piece: Buffer): boolean {
    if (this.#engine.destroyed) return true;
    if (this.#pieces.length === 0) setImmediate(() => this.#flush());
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    return this.#bytes + this.#engine.writableLength < MAX_WAITING_BYTES;
  }

  /** Writes what ends the body. */
  end(): void {
    this.#flush();
    if (this.#isChunked && !this.#engine.destroyed) this.#engine.write(LAST_CHUNK);
  }

  #flush(): void {
    const engine = this.#engine;
    const [pieces, bytes] = [this.#pieces, this.#bytes];
    this.#pieces = [];
    this.#bytes = 0;
    if (bytes === 0 || engine.destroyed) return;
    if (this.#isChunked) return void writeChunk(engine, pieces);
    engine.cork();
    for (const piece of pieces) engine.write(piece);
    engine.uncork();
  }
}
