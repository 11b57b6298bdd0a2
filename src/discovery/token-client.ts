import { Agent, type Dispatcher, request } from 'undici';
import { DiscoveryError, reasonOf } from '../common/errors.ts';
import type { TlsClientOptions } from '../common/tls-files.ts';
import { redacted } from './token-address.ts';

const ANSWER_TIMEOUT_MS = 10_000;
// Room for the service's default of 10,000 entries at their longest.
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The three calls of a token service, as Docker Hub's had them. */
export interface TokenClient {
  /** Makes a cluster and resolves to its token. */
  create(signal: AbortSignal): Promise<string>;
  /** Makes `entry` (`host:port`) known for `ttlSeconds`. */
  register(token: string, entry: string, ttlSeconds: number, signal: AbortSignal): Promise<void>;
  /** The entries registered for the token, as the service has them. */
  list(token: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Releases connections. May be called again. */
  close(): Promise<void>;
}

/** A client of the service at `serviceUrl` (`…/v1`). Its calls reject with a {@link DiscoveryError}, or the signal's reason. */
export function openTokenClient(serviceUrl: string, tls?: TlsClientOptions): TokenClient {
  const dispatcher = new Agent({ connections: 2, connect: { timeout: ANSWER_TIMEOUT_MS, ...tls } });
  const call = (method: Dispatcher.HttpMethod, path: string, body: string | undefined, signal: AbortSignal) =>
    callService(dispatcher, serviceUrl, { method, path, body, signal });
  return {
    create: async (signal) => readToken(serviceUrl, await call('POST', '/clusters', undefined, signal)),
    register: async (token, entry, ttlSeconds, signal) => {
      const path = `/clusters/${encodeURIComponent(token)}?ttl=${ttlSeconds}`;
      assertOk(serviceUrl, token, await call('POST', path, entry, signal));
    },
    list: async (token, signal) => {
      const answer = await call('GET', `/clusters/${encodeURIComponent(token)}`, undefined, signal);
      assertOk(serviceUrl, token, answer);
      return readList(serviceUrl, answer.text);
    },
    close: () => dispatcher.destroy(),
  };
}

interface Call {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

async function callService(dispatcher: Agent, serviceUrl: string, call: Call): Promise<Answer> {
  const { method, path, body, signal } = call;
  try {
    const response = await request(`${serviceUrl}${path}`, {
      dispatcher,
      method,
      signal,
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'text/plain' } }),
    });
    return { status: response.statusCode, text: await readBounded(response.body) };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof DiscoveryError) throw error;
    throw new DiscoveryError(
      `no token service answers at ${serviceUrl}: ${reasonOf(error)}`,
      'SERVICE_UNREACHABLE',
      error,
    );
  }
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new DiscoveryError('the answer of the token service is too large', 'BAD_ANSWER');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function assertOk(serviceUrl: string, token: string, answer: Answer): void {
  if (answer.status >= 200 && answer.status < 300) return;
  if (answer.status === 404) {
    throw new DiscoveryError(
      `the token service at ${serviceUrl} does not know the token ${redacted(token)}. Make one with: enxame create`,
      'UNKNOWN_TOKEN',
    );
  }
  throw refused(serviceUrl, answer);
}

function readToken(serviceUrl: string, answer: Answer): string {
  if (answer.status < 200 || answer.status >= 300) throw refused(serviceUrl, answer);
  const token = answer.text.trim();
  if (/^[A-Za-z0-9_-]{1,128}$/.test(token)) return token;
  throw new DiscoveryError(
    `${serviceUrl} answered something that is not a token. Is it a token service?`,
    'BAD_ANSWER',
  );
}

function readList(serviceUrl: string, text: string): readonly string[] {
  const list = parseJson(text);
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw new DiscoveryError(
    `${serviceUrl} answered something that is not a list of entries. Is it a token service?`,
    'BAD_ANSWER',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(serviceUrl: string, answer: Answer): DiscoveryError {
  const why = answer.text
    .split('\n', 1)[0]
    ?.slice(0, 200)
    .replace(/\p{Cc}/gu, '?')
    .trim();
  return new DiscoveryError(
    `the token service at ${serviceUrl} answered ${answer.status}${why ? `: ${why}` : ''}`,
    answer.status === 429 ? 'RATE_LIMITED' : 'SERVICE_REFUSED',
  );
}
