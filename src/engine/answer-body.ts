import { EngineError, reasonOf } from '../common/errors.ts';
import { EngineAnswerError, messageOf, type RawExchange } from './exchange.ts';
import { BodyReader } from './http/body-reader.ts';
import { ByteCollector } from './http/byte-collector.ts';

/** More of an error answer is not read. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * The body of a raw exchange without its framing, as it comes: reading stops while the consumer is busy. Throws when the
 * engine cuts it short, and the signal's reason when aborted. The exchange's socket is destroyed at the end.
 */
export async function* bodyOf(exchange: RawExchange, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const { socket } = exchange;
  let pieces: Buffer[] = [];
  const body = new BodyReader(exchange.framing, (data) => pieces.push(data));
  const take = (bytes: Buffer): readonly Buffer[] => {
    pieces = [];
    body.feed(bytes);
    return pieces;
  };
  const onAbort = (): void => void socket.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    yield* take(exchange.rest);
    if (body.isWhole) return;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      yield* take(chunk);
      if (body.isWhole) return;
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
  if (!body.mayEndHere) throw new EngineError('the engine closed the connection in the middle of its answer');
}

/** The error an answer of 400 or more stands for, with the engine's own status and message. */
export async function answerError(exchange: RawExchange, signal?: AbortSignal): Promise<EngineAnswerError> {
  const body = new ByteCollector();
  for await (const piece of bodyOf(exchange, signal)) {
    body.add(piece);
    if (body.length > MAX_ERROR_BYTES) break;
  }
  return new EngineAnswerError(messageOf(body.take()), exchange.statusCode);
}
