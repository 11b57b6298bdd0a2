import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Clock } from '../../common/clock.ts';
import { BadRequestError, ClusterError, reasonOf } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { type Entry, parseEntry } from '../entry.ts';
import { type Reach, unreachableBecause } from '../reachable.ts';
import type { TokenServiceLimits } from './limits.ts';
import { clientOf, RateLimiter } from './rate-limiter.ts';
import type { TokenRegistry } from './registry.ts';

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a {@link tokenHandler} is made of. */
export interface TokenHandlerOptions {
  readonly registry: TokenRegistry;
  readonly limits: TokenServiceLimits;
  /** Which entries may be registered. */
  readonly reach: Reach;
  /** Throws for requests that are not let in. */
  readonly guard?: ((request: IncomingMessage) => void) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the service closes: clients that wait for a change are answered then. */
  readonly closing: AbortSignal;
}

interface Context extends TokenHandlerOptions {
  readonly creations: RateLimiter;
}

interface Asked {
  readonly url: URL;
  readonly token: string;
  /** The entry in the path, as it was written there. */
  readonly entry: string;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
}

type Operation = (context: Context, request: IncomingMessage, asked: Asked) => Promise<Answer>;

/** Longest wait for a change: proxies close connections that are silent for a minute. */
const MAX_WAIT_SECONDS = 55;

/** What each path answers to which method; a HEAD is a GET whose body stays home. */
const ROUTES: readonly { readonly path: RegExp; readonly methods: ReadonlyMap<string, Operation> }[] = [
  { path: /^\/v1\/clusters\/?$/, methods: new Map([['POST', createCluster]]) },
  {
    path: /^\/v1\/clusters\/([A-Za-z0-9_-]{1,128})\/?$/,
    methods: new Map<string, Operation>([
      ['GET', listEntries],
      ['POST', registerEntry],
      ['DELETE', removeCluster],
    ]),
  },
  {
    path: /^\/v1\/clusters\/([A-Za-z0-9_-]{1,128})\/entries\/([^/]{1,2048})$/,
    methods: new Map([['DELETE', removeEntry]]),
  },
  { path: /^\/_ping$/, methods: new Map([['GET', async () => ({ status: 200, body: 'OK' })]]) },
];

/** The token service as a request listener: three calls of the old hub, waiting for changes, and DELETE to forget. */
export function tokenHandler(options: TokenHandlerOptions): RequestListener {
  const { limits, clock, logger } = options;
  const now = (): number => clock.now();
  const requests = new RateLimiter(limits.requests, now);
  const context: Context = { ...options, creations: new RateLimiter(limits.creations, now) };
  return (request, response) => {
    const left = new AbortController();
    response.on('error', (error) => logger.debug({ reason: reasonOf(error) }, 'client left'));
    response.once('close', () => left.abort());
    const answered = answer(context, requests, request, left.signal).then(
      (result) => send(response, result),
      (error: unknown) => sendError(request, response, error, logger),
    );
    // Both branches above settle every request; nothing is left to await.
    void answered;
  };
}

async function answer(
  context: Context,
  requests: RateLimiter,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<Answer> {
  assertRate(requests, request);
  context.guard?.(request);
  const url = URL.canParse(request.url ?? '', 'http://service')
    ? new URL(request.url ?? '', 'http://service')
    : undefined;
  if (url === undefined) throw new BadRequestError('the path cannot be read');
  for (const { path, methods } of ROUTES) {
    const match = path.exec(url.pathname);
    if (match === null) continue;
    const operation = methods.get(request.method === 'HEAD' ? 'GET' : (request.method ?? ''));
    if (operation === undefined) throw new MethodError([...methods.keys()]);
    return operation(context, request, { url, token: match[1] ?? '', entry: match[2] ?? '', signal });
  }
  throw new ClusterError('there is nothing at this path', { code: 'NO_SUCH_PATH', status: 404 });
}

async function createCluster(context: Context, request: IncomingMessage): Promise<Answer> {
  assertRate(context.creations, request);
  await readBody(request, context.limits.maxBodyBytes);
  // No final newline: old clients take the whole body as the token.
  return { status: 201, body: await context.registry.create() };
}

async function registerEntry(context: Context, request: IncomingMessage, { url, token }: Asked): Promise<Answer> {
  const ttlSeconds = readTtl(url.searchParams.get('ttl'), context.limits);
  const text = (await readBody(request, context.limits.maxBodyBytes)).trim();
  await context.registry.register(token, readEntry(text, context.reach), ttlSeconds * 1000);
  return { status: 204 };
}

/**
 * The entries, with a tag of theirs. A client that has that tag (`If-None-Match`) and asks to wait (`Prefer: wait=SECONDS`, RFC 7240) is answered
 * when they change, or with 304 after that time.
 */
async function listEntries(context: Context, request: IncomingMessage, { token, signal }: Asked): Promise<Answer> {
  const known = request.headers['if-none-match'];
  const waitMs = 1000 * waitSeconds(request);
  const isWaiting = waitMs > 0 && known !== undefined;
  const entries = isWaiting
    ? await changed(context, { token, known, waitMs, signal })
    : await context.registry.list(token);
  const etag = tagOf(entries);
  const headers = { etag, ...(isWaiting ? { 'preference-applied': `wait=${waitMs / 1000}` } : {}) };
  if (etag === known) return { status: 304, headers };
  return { status: 200, type: 'application/json', body: JSON.stringify(entries), headers };
}

interface LongPoll {
  readonly token: string;
  readonly known: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** The entries once they are others than the client has, or after the wait as they are. */
async function changed(context: Context, { token, known, waitMs, signal }: LongPoll): Promise<readonly string[]> {
  const { registry, clock, closing } = context;
  const over = new AbortController();
  const ended = AbortSignal.any([signal, closing, over.signal]);
  const sleeping = clock.sleep(waitMs, ended).then(
    () => over.abort(),
    () => undefined,
  );
  try {
    return await registry.listOther(token, (entries) => tagOf(entries) === known, ended);
  } finally {
    over.abort();
    await sleeping;
  }
}

function waitSeconds(request: IncomingMessage): number {
  const { prefer } = request.headers;
  const seconds = Number(/(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])/.exec(String(prefer ?? ''))?.[1] ?? 0);
  return Math.min(seconds, MAX_WAIT_SECONDS);
}

function tagOf(entries: readonly string[]): string {
  return `"${createHash('sha256').update(entries.join('\n')).digest('base64url').slice(0, 22)}"`;
}

async function removeCluster(context: Context, _request: IncomingMessage, { token }: Asked): Promise<Answer> {
  await context.registry.remove(token);
  return { status: 204 };
}

async function removeEntry(context: Context, _request: IncomingMessage, { token, entry }: Asked): Promise<Answer> {
  await context.registry.deregister(token, canonicalOf(decoded(entry)));
  return { status: 204 };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadRequestError('the path cannot be read');
  }
}

function readTtl(text: string | null, limits: TokenServiceLimits): number {
  if (text === null) return limits.defaultTtlSeconds;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= limits.minTtlSeconds && seconds <= limits.maxTtlSeconds) return seconds;
  throw new BadRequestError(`ttl is a whole number of seconds from ${limits.minTtlSeconds} to ${limits.maxTtlSeconds}`);
}

function readEntry(text: string, reach: Reach): string {
  const entry = parsed(text);
  const problem = unreachableBecause(entry, reach);
  if (problem === undefined) return entry.canonical;
  throw new BadRequestError(
    `"${entry.canonical}" is not a host that others can reach: ${problem}. Register the address the manager reaches the engine at`,
    'BAD_ENTRY',
  );
}

function canonicalOf(text: string): string {
  return parsed(text).canonical;
}

function parsed(text: string): Entry {
  try {
    return parseEntry(text);
  } catch (error) {
    throw new BadRequestError(reasonOf(error), 'BAD_ENTRY', error);
  }
}

// A body somewhat too large is read to its end, so that its sender gets to see the answer; a larger one is cut off.
const PATIENCE = 16;

async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes * PATIENCE) throw tooLarge(maxBytes);
  // Leaving the loop early would destroy the socket before the answer is on its way.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes <= maxBytes) chunks.push(chunk as Buffer);
    else if (bytes > maxBytes * PATIENCE) break;
  }
  if (bytes > maxBytes) throw tooLarge(maxBytes);
  return Buffer.concat(chunks).toString('utf8');
}

function assertRate(limiter: RateLimiter, request: IncomingMessage): void {
  const waitSeconds = limiter.take(clientOf(request.socket.remoteAddress));
  if (waitSeconds > 0) throw new RateError(waitSeconds);
}

class RateError extends ClusterError {
  readonly waitSeconds: number;

  constructor(waitSeconds: number) {
    super(`too many requests from this address: come back in ${waitSeconds} s`, { code: 'RATE_LIMITED', status: 429 });
    this.waitSeconds = waitSeconds;
  }
}

class MethodError extends ClusterError {
  readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    super(`only ${allowed.join(', ')} here`, { code: 'METHOD', status: 405 });
    this.allowed = allowed;
  }
}

function tooLarge(maxBytes: number): ClusterError {
  return new ClusterError(`the body is larger than ${maxBytes} bytes`, { code: 'TOO_LARGE', status: 413 });
}

function send(response: ServerResponse, { status, body, type = 'text/plain; charset=utf-8', headers }: Answer): void {
  if (response.destroyed) return;
  const content = body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, {
    ...content,
    ...headers,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

function sendError(request: IncomingMessage, response: ServerResponse, error: unknown, logger: Logger): void {
  if (response.destroyed || response.headersSent) return;
  if (error instanceof RateError) response.setHeader('retry-after', error.waitSeconds);
  if (error instanceof MethodError) response.setHeader('allow', error.allowed.join(', '));
  // What is left of a refused body is not read: the connection ends with the answer.
  if (!request.complete) response.setHeader('connection', 'close');
  const isOurs = error instanceof ClusterError;
  if (!isOurs) logger.error({ reason: reasonOf(error) }, 'the token service failed to answer');
  const body = `${isOurs ? error.message : 'the token service failed to answer'}\n`;
  send(response, { status: isOurs ? error.status : 500, body });
}
