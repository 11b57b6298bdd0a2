import type { Duplex, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LAST_CHUNK } from '../engine/http/chunk-writer.ts';
import type { ResponseHead } from '../engine/http/response-head.ts';
import type { Call } from './call.ts';
import { socketForAnswer } from './client-socket.ts';
import type { EngineStream } from './engine-stream.ts';
import { copyHeaders, formatHead } from './forwarding.ts';
import { lingeringEnd } from './refusal.ts';

/**
 * Answers with the engine's head and then byte for byte with what the engine sends, from socket to socket; the client's
 * connection ends with it. Resolves when one of the three (engine, client, call) ended; the stream is destroyed then. The
 * engine must have been asked to close its connection after the answer.
 */
export async function relayAnswer(call: Call, stream: EngineStream, head: ResponseHead): Promise<void> {
  // HTTP/1.0 knows no chunks, so the framing cannot stay.
  if (call.req.httpVersion === '1.0') return pipeAnswer(call, stream, head);
  const onAbort = (): void => stream.destroy();
  try {
    const client = await socketForAnswer(call);
    call.signal.addEventListener('abort', onAbort, { once: true });
    if (call.signal.aborted) onAbort();
    client.write(formatHead(call.res, head, ['Connection: close']));
    const end = await stream.relayTo(client);
    if (end === 'ended') lingeringEnd(client);
    else if (end === 'cut' && endsOnPurpose(call, stream, head)) lingeringEnd(client, LAST_CHUNK);
    else if (end === 'cut') client.destroy();
  } finally {
    call.signal.removeEventListener('abort', onAbort);
    stream.destroy();
  }
}

/**
 * Logs and stats that we end because the manager stops get their last chunk, so that the client does not report an error.
 * A transfer stays cut: it must not look whole.
 */
function endsOnPurpose(call: Call, stream: EngineStream, head: ResponseHead): boolean {
  const isChunked = head.framing.kind === 'chunked';
  return call.signal.aborted && call.route.duration === 'endless' && isChunked && stream.isAtLineEnd;
}

/**
 * Answers with the engine's head and body through Node's HTTP, which frames the body anew; for bodies that are edited on
 * their way by `transform`, and for short answers. The client's connection stays open.
 */
export async function pipeAnswer(
  call: Call,
  stream: EngineStream,
  head: ResponseHead,
  transform?: Transform,
): Promise<void> {
  const { res } = call;
  try {
    copyHeaders(res, head);
    if (head.framing.kind === 'sized' && !transform) res.setHeader('Content-Length', head.framing.length);
    res.writeHead(head.statusCode);
    res.flushHeaders();
    const body = stream.body(head);
    if (transform) await pipeline(body, transform, res, { signal: call.signal });
    else await pipeline(body, res, { signal: call.signal });
  } catch (error) {
    // The head is sent: a cut connection is all that can be said. pipeline destroyed it already when the client left.
    if (!call.signal.aborted) call.services.logger.debug({ err: error }, 'an answer was cut short');
    res.destroy();
  } finally {
    stream.destroy();
  }
}

/** Copies what `from` sends, as far as `strip` leaves it, to `to` with back-pressure and ends `to` when `from` ends. Closes neither. */
export function pump(from: Duplex, to: Duplex, strip: (chunk: Buffer) => Buffer): void {
  from.on('data', (chunk: Buffer) => {
    const kept = strip(chunk);
    if (kept.length > 0 && !to.write(kept)) from.pause();
  });
  to.on('drain', () => from.resume());
  // Net sockets emit `end` even while paused: it may have been long ago.
  if (from.readableEnded) to.end();
  else from.once('end', () => to.end());
  from.resume();
}
