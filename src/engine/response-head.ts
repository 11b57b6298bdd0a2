import type { Duplex } from 'node:stream';
import { abortedOf, onAbort } from '../common/abort.ts';
import { EngineError, reasonOf } from '../common/errors.ts';

/** The head of an HTTP/1.1 response read from a raw stream, and the bytes that came behind it. */
export interface ResponseHead {
  readonly statusCode: number;
  readonly statusText: string;
  /** Names and values in order and spelling as received, `[name, value, name, value, …]`. */
  readonly rawHeaders: readonly string[];
  /** Body bytes (or upgraded stream bytes) that arrived with the head. */
  readonly rest: Buffer;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
/** Engines send well under 4 KiB; more than this is not a Docker engine. */
const MAX_HEAD_BYTES = 64 * 1024;

/**
 * Reads one response head, skipping `100 Continue`; rejects when one of the signals is aborted. The stream is left paused right
 * behind the head.
 */
export function readResponseHead(
  stream: Duplex,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<ResponseHead> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const finish = (action: () => void): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd);
      forget();
      action();
    };
    const onData = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      try {
        const head = parseHead(received);
        if (!head) return;
        stream.pause();
        finish(() => resolve(head));
      } catch (error) {
        finish(() => reject(error));
      }
    };
    const onEnd = (): void =>
      finish(() => reject(new EngineError('the engine closed the connection before it answered')));
    const onError = (error: Error): void =>
      finish(() => reject(new EngineError(`read from the engine: ${reasonOf(error)}`, undefined, error)));
    const aborted = abortedOf(signals);
    if (aborted) return reject(aborted.reason);
    const forget = onAbort(signals, (reason) => finish(() => reject(reason)));
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd);
    stream.resume();
  });
}

/** Parses a complete head out of `received`; undefined when more bytes are needed. */
export function parseHead(received: Buffer): ResponseHead | undefined {
  const end = received.indexOf(END_OF_HEAD);
  if (end < 0) {
    if (received.length > MAX_HEAD_BYTES)
      throw new EngineError('the engine sent a response head over 64 KiB: is this a Docker engine?');
    return undefined;
  }
  const lines = received.toString('latin1', 0, end).split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(lines[0] ?? '');
  if (!status)
    throw new EngineError(`the engine did not answer in HTTP: ${JSON.stringify((lines[0] ?? '').slice(0, 60))}`);
  const rest = received.subarray(end + END_OF_HEAD.length);
  if (status[1] === '100') return parseHead(rest);
  return { statusCode: Number(status[1]), statusText: status[2] ?? '', rawHeaders: splitHeaders(lines), rest };
}

function splitHeaders(lines: readonly string[]): string[] {
  const headers: string[] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const colon = line.indexOf(':');
    if (colon > 0) headers.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return headers;
}

/** The first value of a header in a raw header list, by case-insensitive name. */
export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) return rawHeaders[i + 1];
  }
  return undefined;
}
