import { Agent, type Dispatcher, request } from 'undici';
import { DiscoveryError, reasonOf } from '../common/errors.ts';
import { printable } from '../common/printable.ts';
import type { TlsClientOptions } from '../common/tls-files.ts';
import { redacted } from './token-address.ts';

const ANSWER_TIMEOUT_MS = 10_000;
// Room for the service's default of 10,000 entries at their longest.
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly tag?: string | undefined;
  readonly hasWaited: boolean;
}

/** The entries of a token at one moment. */
export interface Listing {
  /** Undefined: those of the tag that was given. */
  readonly entries: readonly string[] | undefined;
  /** What to give to wait for others; absent where the service cannot wait. */
  readonly tag?: string | undefined;
  /** The service answered when it had news or the wait was over, so it may be asked again at once. */
  readonly hasWaited: boolean;
}

/** The calls of a token service: the three that Docker Hub's had, waiting for changes, and taking an entry out. */
export interface TokenClient {
  /** Makes a cluster and resolves to its token. */
  create(signal: AbortSignal): Promise<string>;
  /** Makes `entry` (`host:port`) known for `ttlSeconds`. */
  register(token: string, entry: string, ttlSeconds: number, signal: AbortSignal): Promise<void>;
  /** Makes `entry` unknown at once; with a service that cannot do that, within a second. */
  deregister(token: string, entry: string, signal: AbortSignal): Promise<void>;
  /** The entries registered for the token, as the service has them. */
  list(token: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * The entries, once they are others than those with the tag `known`, at the latest after `waitMs`. Services without that (the original
   * protocol has no waiting) answer at once.
   */
  listOther(token: string, known: string | undefined, waitMs: number, signal: AbortSignal): Promise<Listing>;
  /** Releases connections. May be called again. */
  close(): Promise<void>;
}

/** A client of the service at `serviceUrl` (`…/v1`). Its calls reject with a {@link DiscoveryError}, or the signal's reason. */
export function openTokenClient(serviceUrl: string, tls?: TlsClientOptions): TokenClient {
  const dispatcher = new Agent({ connections: 2, connect: { timeout: ANSWER_TIMEOUT_MS, ...tls } });
  const call = (method: Dispatcher.HttpMethod, path: string, body: string | undefined, signal: AbortSignal) =>
    callService(dispatcher, serviceUrl, { method, path, body, signal });
  const register = async (token: string, entry: string, ttlSeconds: number, signal: AbortSignal): Promise<void> => {
    const path = `/clusters/${encodeURIComponent(token)}?ttl=${ttlSeconds}`;
    assertOk(serviceUrl, token, await call('POST', path, entry, signal));
  };
  return {
    create: async (signal) => readToken(serviceUrl, await call('POST', '/clusters', undefined, signal)),
    register,
    deregister: async (token, entry, signal) => {
      const path = `/clusters/${encodeURIComponent(token)}/entries/${encodeURIComponent(entry)}`;
      const answer = await call('DELETE', path, undefined, signal);
      // The original protocol has no such call: the shortest life does it there.
      if (answer.status === 404 || answer.status === 405) await register(token, entry, 1, signal);
      else assertOk(serviceUrl, token, answer);
    },
    listOther: async (token, known, waitMs, signal) => {
      const path = `/clusters/${encodeURIComponent(token)}`;
      const seconds = Math.max(1, Math.round(waitMs / 1000));
      const headers = known === undefined ? {} : { 'if-none-match': known, prefer: `wait=${seconds}` };
      const more = { headers, waitMs: known === undefined ? 0 : seconds * 1000 };
      const answer = await callService(dispatcher, serviceUrl, {
        method: 'GET',
        path,
        body: undefined,
        signal,
        ...more,
      });
      const { tag, hasWaited } = answer;
      if (answer.status === 304 && known !== undefined) return { entries: undefined, tag: known, hasWaited };
      assertOk(serviceUrl, token, answer);
      return { entries: readList(serviceUrl, answer.text), tag, hasWaited };
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
  readonly headers?: Readonly<Record<string, string>>;
  /** How much later than usual the answer may come. */
  readonly waitMs?: number;
}

async function callService(dispatcher: Agent, serviceUrl: string, call: Call): Promise<Answer> {
  const { method, path, body, signal, waitMs = 0 } = call;
  try {
    const response = await request(`${serviceUrl}${path}`, {
      dispatcher,
      method,
      signal,
      headersTimeout: ANSWER_TIMEOUT_MS + waitMs,
      bodyTimeout: ANSWER_TIMEOUT_MS,
      headers: { ...call.headers, ...(body === undefined ? {} : { 'content-type': 'text/plain' }) },
      ...(body === undefined ? {} : { body }),
    });
    const { etag, 'preference-applied': applied } = response.headers;
    return {
      status: response.statusCode,
      text: await readBounded(response.body),
      tag: typeof etag === 'string' ? etag : undefined,
      hasWaited: /\bwait=/.test(String(applied ?? '')),
    };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof DiscoveryError) throw error;
    throw unreachable(serviceUrl, error);
  }
}

/** Trust, and what speaks no TLS, do not mend themselves; everything else may. */
function unreachable(serviceUrl: string, error: unknown): DiscoveryError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const isPlain = /^(EPROTO|ERR_SSL_)/.test(code);
  const isTrust = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code);
  const next = isPlain
    ? '. Does it speak plain HTTP? Then say so: --discovery-opt token.insecure=true'
    : isTrust
      ? '. Name the authority of its certificate: --discovery-opt token.cacertfile=FILE'
      : '';
  // OpenSSL's own words are a place in its source.
  const why = isPlain ? 'what listens there speaks no TLS' : reasonOf(error);
  return new DiscoveryError(
    `no token service answers at ${serviceUrl}: ${why}${next}`,
    isPlain || isTrust ? 'SERVICE_TLS' : 'SERVICE_UNREACHABLE',
    error,
  );
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
  const why = printable(answer.text.split('\n', 1)[0]?.slice(0, 200).trim() ?? '');
  return new DiscoveryError(
    `the token service at ${serviceUrl} answered ${answer.status}${why ? `: ${why}` : ''}`,
    refusalCode(answer.status),
  );
}

function refusalCode(status: number): string {
  if (status === 429) return 'RATE_LIMITED';
  return status >= 500 || status === 408 ? 'SERVICE_FAILED' : 'SERVICE_REFUSED';
}
