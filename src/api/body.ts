import { BadRequestError, reasonOf } from '../common/errors.ts';
import { ByteCollector } from '../engine/http/byte-collector.ts';
import { BodyTooLargeError } from './body-too-large.ts';
import type { Call } from './call.ts';
import { MAX_JSON_BYTES } from './limits.ts';

/** Says `100 Continue` to a client that waits for it. To be called before the body is read; the helpers here do. */
export function acceptBody(call: Call): void {
  if (call.req.headers.expect?.toLowerCase() === '100-continue') call.res.writeContinue();
}

/** Reads the whole body; rejects with {@link BodyTooLargeError} as soon as it is larger than `maxBytes`. */
export function readBody(call: Call, maxBytes: number = MAX_JSON_BYTES): Promise<Buffer> {
  const { req } = call;
  const announced = Number(req.headers['content-length'] ?? 0);
  if (announced > maxBytes) return Promise.reject(tooLarge(call, maxBytes));
  acceptBody(call);
  return new Promise((resolve, reject) => {
    const body = new ByteCollector();
    const finish = (action: () => void): void => {
      req.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      action();
    };
    const onData = (chunk: Buffer): void => {
      if (body.length + chunk.length > maxBytes) return finish(() => reject(tooLarge(call, maxBytes)));
      body.add(chunk);
    };
    const onEnd = (): void => finish(() => resolve(body.take()));
    const onError = (error: Error): void => finish(() => reject(cutShort(error)));
    const onClose = (): void => finish(() => reject(cutShort(new Error('connection closed'))));
    req.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

/** Reads a JSON body as text, checked to be JSON; empty when there is none. Edit it with common/json-edit.ts. */
export async function readJsonText(call: Call, maxBytes?: number): Promise<string> {
  const text = (await readBody(call, maxBytes)).toString();
  if (text.trim() !== '') parseJson(text);
  return text;
}

/** Reads a JSON body, both as sent and parsed; `value` is undefined when the body is empty. */
export async function readJson(call: Call, maxBytes?: number): Promise<{ text: string; value: unknown }> {
  const text = (await readBody(call, maxBytes)).toString();
  return { text, value: text.trim() === '' ? undefined : parseJson(text) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadRequestError(`the request body is not JSON: ${reasonOf(error)}`, 'BAD_JSON', error);
  }
}

function tooLarge(call: Call, maxBytes: number): BodyTooLargeError {
  // The rest of the body still comes: it is thrown away, and the connection ends with the answer.
  if (!call.res.headersSent) call.res.setHeader('Connection', 'close');
  call.req.resume();
  return new BodyTooLargeError(maxBytes);
}

function cutShort(error: Error): BadRequestError {
  return new BadRequestError(`the request body ended early: ${reasonOf(error)}`, 'BODY_CUT', error);
}
