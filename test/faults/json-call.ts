import http from 'node:http';

/** What became of a call. Without a status nobody knows whether it was carried out. */
export interface Outcome<T = unknown> {
  readonly status: number | undefined;
  readonly value: T | undefined;
  /** What the other side, or the connection, said. */
  readonly said: string;
}

/** Where an API is served. */
export type Address = { readonly port: number } | { readonly socketPath: string };

/** Bound on one call, in milliseconds. */
const CALL_MS = 60_000;

/** Makes one call; never rejects. */
export function callJson<T>(address: Address, method: string, path: string, body?: unknown): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const where = 'port' in address ? { host: '127.0.0.1', port: address.port } : { socketPath: address.socketPath };
    const request = http.request({
      ...where,
      ...{ method, path, agent: false, signal: AbortSignal.timeout(CALL_MS) },
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    });
    const lost = (error: Error): void => resolve({ status: undefined, value: undefined, said: error.message });
    request.on('error', lost);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', lost);
      response.on('end', () => resolve(outcomeOf<T>(response.statusCode, Buffer.concat(chunks).toString())));
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function outcomeOf<T>(status: number | undefined, text: string): Outcome<T> {
  try {
    return { status, value: JSON.parse(text) as T, said: text.trim() };
  } catch {
    return { status, value: undefined, said: text.trim() };
  }
}
