import { EngineError, reasonOf } from '../common/errors.ts';
import { ChunkedDecoder } from '../engine/chunked.ts';
import { EngineAnswerError, messageOf, type RawExchange } from '../engine/exchange.ts';
import { headerOf } from '../engine/response-head.ts';

/** More of an error answer is not read. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * The body of a raw exchange without its framing, as it comes: reading stops while the consumer is busy. Throws when the
 * engine cuts it short, and the signal's reason when aborted. The exchange's socket is destroyed at the end.
 */
export async function* bodyOf(exchange: RawExchange, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const { socket } = exchange;
  const frame = new Frame(exchange.rawHeaders);
  const onAbort = (): void => void socket.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    yield* frame.take(exchange.rest);
    if (frame.isAtEnd) return;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      yield* frame.take(chunk);
      if (frame.isAtEnd) return;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof EngineError
      ? error
      : new EngineError(`read from the engine: ${reasonOf(error)}`, undefined, error);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    socket.destroy();
  }
  signal?.throwIfAborted();
  if (!frame.mayEndHere) throw new EngineError('the engine closed the connection in the middle of its answer');
}

/** The error an answer of 400 or more stands for, with the engine's own status and message. */
export async function answerError(exchange: RawExchange, signal?: AbortSignal): Promise<EngineAnswerError> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of bodyOf(exchange, signal)) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > MAX_ERROR_BYTES) break;
  }
  return new EngineAnswerError(messageOf(Buffer.concat(pieces)), exchange.statusCode);
}

/** How a body ends: with its last chunk, after its length, or with the connection. */
class Frame {
  readonly #decoder: ChunkedDecoder | undefined;
  readonly #hasLength: boolean;
  #pieces: Buffer[] = [];
  #remaining: number;

  constructor(rawHeaders: readonly string[]) {
    const isChunked = headerOf(rawHeaders, 'transfer-encoding')?.toLowerCase() === 'chunked';
    const length = headerOf(rawHeaders, 'content-length');
    if (isChunked) this.#decoder = new ChunkedDecoder((data) => this.#pieces.push(data));
    this.#hasLength = !isChunked && length !== undefined;
    this.#remaining = this.#hasLength ? Number(length) : Number.POSITIVE_INFINITY;
  }

  get isAtEnd(): boolean {
    return this.#decoder ? this.#decoder.isAtEnd : this.#remaining === 0;
  }

  /** Whether the end of the connection is a proper end of the body. */
  get mayEndHere(): boolean {
    return this.isAtEnd || (!this.#decoder && !this.#hasLength);
  }

  take(chunk: Buffer): readonly Buffer[] {
    if (this.#decoder) {
      this.#pieces = [];
      this.#decoder.feed(chunk);
      return this.#pieces;
    }
    const piece = chunk.length > this.#remaining ? chunk.subarray(0, this.#remaining) : chunk;
    this.#remaining -= piece.length;
    return piece.length > 0 ? [piece] : [];
  }
}
