import type { ServerResponse } from 'node:http';
import { clipped } from '../common/errors.ts';

/** Headers of every answer, as names and values in turn. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** What clients read from any answer to learn whom they talk to. */
export function baseHeaders(advertisedApi: string, version: string): HeaderPairs {
  return [
    ['Api-Version', advertisedApi],
    ['Docker-Experimental', 'false'],
    ['Ostype', 'linux'],
    ['Server', `Enxame/${version} (linux)`],
  ];
}

/** Answers with JSON text (or its bytes); the text is sent as it is. */
export function sendJson(res: ServerResponse, status: number, json: string | Buffer): void {
  const bytes = typeof json === 'string' ? Buffer.from(json) : json;
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': bytes.length });
  res.end(bytes);
}

/** Answers with a status and no body, e.g. 204. */
export function sendStatus(res: ServerResponse, status: number): void {
  res.writeHead(status, status === 204 || status === 304 ? {} : { 'Content-Length': 0 });
  res.end();
}

/** Answers in Docker's error shape. */
export function sendMessage(res: ServerResponse, status: number, message: string): void {
  sendJson(res, status, `${JSON.stringify({ message: clipped(message) })}\n`);
}

/** What may wait for a client that reads slowly, in bytes: TLS keeps an encrypted copy of whatever is written ahead. */
const MAX_AHEAD_BYTES = 1024 * 1024;

/** Answers with JSON in several buffers, copied nowhere and written no faster than the client reads. */
export function sendJsonBuffers(res: ServerResponse, status: number, buffers: readonly Buffer[]): void {
  const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': length });
  let next = 0;
  const goOn = (): void => {
    res.cork();
    while (next < buffers.length && res.writableLength < MAX_AHEAD_BYTES) {
      const buffer = buffers[next++];
      if (buffer && buffer.length > 0) res.write(buffer);
    }
    if (next === buffers.length) res.end();
    else res.once('drain', goOn);
    res.uncork();
  };
  goOn();
}
