import type { Duplex } from 'node:stream';
import { LAST_CHUNK, writeChunk } from './http/chunk-writer.ts';
import { readResponseHead } from './http/read-head.ts';
import type { ResponseHead } from './http/response-head.ts';

export interface SendOptions {
  readonly method: string;
  readonly signal: AbortSignal;
  readonly onPiece?: ((piece: Buffer) => void) | undefined;
}

/**
 * Sends pieces as the chunked body of a call whose head is written, as fast as the engine takes them. Resolves with the head of its answer, which
 * may come early when it refuses: the rest is not sent then. Rejects as the pieces do, or with the signal's reason.
 */
export async function sendPieces(
  socket: Duplex,
  pieces: AsyncIterable<Buffer>,
  { method, signal, onPiece }: SendOptions,
): Promise<ResponseHead> {
  let isRefused = false;
  const answer = readResponseHead(socket, { method }, signal).then((head) => {
    isRefused = head.statusCode >= 400;
    return head;
  });
  answer.catch(() => undefined); // Awaited below; until then a failure shows as a closed connection.
  for await (const piece of pieces) {
    if (isRefused || socket.destroyed) break;
    if (!writeChunk(socket, [piece])) await drained(socket, answer);
    onPiece?.(piece);
  }
  if (!isRefused && !socket.destroyed) socket.write(LAST_CHUNK);
  return answer;
}

/** Resolves when there is room again, the stream is closed, or the answer came. */
function drained(stream: Duplex, answer: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      stream.off('drain', finish).off('close', finish);
      resolve();
    };
    stream.on('drain', finish).on('close', finish);
    answer.then(finish, finish);
    if (stream.destroyed) finish();
  });
}
