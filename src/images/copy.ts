import type { Duplex } from 'node:stream';
import { EngineError, reasonOf } from '../common/errors.ts';
import { answerError, bodyOf } from '../engine/answer-body.ts';
import type { EngineClient } from '../engine/client.ts';
import type { RawExchange } from '../engine/exchange.ts';
import type { ResponseHead } from '../engine/http/response-head.ts';
import { sendPieces } from '../engine/send-pieces.ts';
import { failureOf, messagesOf } from './json-messages.ts';

/** Which end of a copy failed: another source may do, a target may not. */
export type CopySide = 'source' | 'target';

/** A copy that failed, and at which end. */
export class CopyError extends EngineError {
  readonly side: CopySide;

  constructor(side: CopySide, message: string, cause?: unknown) {
    super(message, 'IMAGE_COPY_FAILED', cause, 500);
    this.side = side;
  }
}

export interface CopyOptions {
  readonly signal: AbortSignal;
  /** Bytes of the image's archive sent so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Saves images from one engine straight into another, streamed: one chunk is in memory at a time, and the slower end sets
 * the pace. Rejects with a {@link CopyError}, or with the signal's reason. The target has the tags among `names`.
 */
export async function copyImage(
  source: EngineClient,
  target: EngineClient,
  names: readonly string[],
  options: CopyOptions,
): Promise<void> {
  const { signal } = options;
  const saved = await blaming('source', signal, () => openSave(source, names, signal));
  try {
    const loading = await blaming('target', signal, () => openLoad(target, signal));
    try {
      const answer = await transfer(saved, loading, options);
      await blaming('target', signal, () => readLoaded({ ...answer, socket: loading }, signal));
    } finally {
      loading.destroy();
    }
  } finally {
    saved.socket.destroy();
  }
}

async function openSave(source: EngineClient, names: readonly string[], signal: AbortSignal): Promise<RawExchange> {
  const query = names.map((name) => `names=${encodeURIComponent(name)}`).join('&');
  const exchange = await source.open({
    method: 'GET',
    path: `/images/get?${query}`,
    headers: { Connection: 'close' },
    signal,
  });
  if (exchange.statusCode !== 200) throw await answerError(exchange, signal);
  return exchange;
}

function openLoad(target: EngineClient, signal: AbortSignal): Promise<Duplex> {
  return target.send({
    method: 'POST',
    path: '/images/load?quiet=1',
    headers: { 'Content-Type': 'application/x-tar', 'Transfer-Encoding': 'chunked', Connection: 'close' },
    signal,
  });
}

/** Sends the archive and returns the head of the target's answer, which may come early when it refuses. */
function transfer(saved: RawExchange, loading: Duplex, { signal, onBytes }: CopyOptions): Promise<ResponseHead> {
  let bytes = 0;
  const pieces = blamed('source', bodyOf(saved, signal), signal);
  const onPiece = ({ length }: Buffer): void => {
    bytes += length;
    onBytes?.(bytes);
  };
  return blaming('target', signal, () => sendPieces(loading, pieces, { method: 'POST', signal, onPiece }));
}

/** The load is done when its messages end without an error. */
async function readLoaded(answer: RawExchange, signal: AbortSignal): Promise<void> {
  if (answer.statusCode >= 400) throw await answerError(answer, signal);
  for await (const message of messagesOf(answer, signal)) {
    const failure = failureOf(message);
    if (failure !== undefined) throw new EngineError(failure);
  }
}

async function blaming<T>(side: CopySide, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw blame(side, signal, error);
  }
}

async function* blamed(side: CopySide, pieces: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch (error) {
    throw blame(side, signal, error);
  }
}

function blame(side: CopySide, signal: AbortSignal, error: unknown): unknown {
  if (signal.aborted) return signal.reason;
  return error instanceof CopyError ? error : new CopyError(side, reasonOf(error), error);
}
