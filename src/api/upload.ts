import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { ResponseHead } from '../engine/http/response-head.ts';
import { acceptBody } from './body.ts';
import { BodyWriter } from './body-writer.ts';
import type { Call } from './call.ts';
import { EngineStream } from './engine-stream.ts';
import { requestHeaders } from './forwarding.ts';
import type { ProxyOptions, ProxyTarget } from './proxy.ts';
import { relayAnswer } from './relay.ts';

/** Passes an engine's answer on to the client. */
export type AnswerRelay = (call: Call, stream: EngineStream, head: ResponseHead) => Promise<void>;

/**
 * Streams the client's body to one node and relays the answer, which may begin before the body ends (build, load). When
 * the engine refuses early, the rest of the body is thrown away and the client gets the refusal.
 */
export async function uploadToNode(
  call: Call,
  node: ProxyTarget,
  options: Omit<ProxyOptions, 'body'>,
  relay: AnswerRelay = relayAnswer,
): Promise<void> {
  const { req } = call;
  const length = req.headers['content-length'];
  const stream = await EngineStream.send(node.client, {
    method: options.method ?? req.method ?? 'POST',
    path: options.path,
    api: call.api,
    headers: {
      ...(options.headers ?? requestHeaders(req.headers)),
      ...(length === undefined ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': length }),
      Connection: 'close',
    },
    signal: call.signal,
  });
  try {
    acceptBody(call);
    const stop = sendBody(req, stream.socket, length === undefined);
    const head = await stream.head(call.signal);
    if (head.statusCode >= 400) stop();
    await relay(call, stream, head);
  } catch (error) {
    if (req.complete || call.signal.aborted) throw error;
    throw new EngineError(`the engine broke off the upload: ${reasonOf(error)}`, undefined, error);
  } finally {
    stream.destroy();
    req.resume();
  }
}

/** Writes a body to the engine, in chunks when its length is unknown; the returned function stops it for good. */
function sendBody(req: IncomingMessage, engine: Duplex, isChunked: boolean): () => void {
  const body = new BodyWriter(engine, isChunked);
  const onData = (piece: Buffer): void => {
    if (!body.write(piece)) req.pause();
  };
  const onEnd = (): void => body.end();
  const onDrain = (): void => {
    req.resume();
  };
  req.on('data', onData).on('end', onEnd);
  engine.on('drain', onDrain);
  engine.once('close', onDrain);
  return () => {
    req.off('data', onData).off('end', onEnd);
    engine.off('drain', onDrain);
    req.resume();
  };
}
