import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { BadRequestError, ClusterError, reasonOf } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { parseEntry } from '../entry.ts';
import type { TokenServiceLimits } from './limits.ts';
import { clientOf, RateLimiter } from './rate-limiter.ts';
import type { TokenRegistry } from './registry.ts';

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly type?: string;
}

interface Context {
  readonly registry: TokenRegistry;
  readonly limits: TokenServiceLimits;
  readonly creations: RateLimiter;
}

type Operation = (context: Context, request: IncomingMessage, url: URL, token: string) => Promise<Answer>;

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
  { path: /^\/_ping$/, methods: new Map([['GET', async () => ({ status: 200, body: 'OK' })]]) },
];

/** The token service as a request listener: three calls of the old hub, and DELETE to forget a token. */
export function tokenHandler(
  registry: TokenRegistry,
  limits: TokenServiceLimits,
  now: () => number,
  logger: Logger,
): RequestListener {
  const requests = new RateLimiter(limits.requests, now);
  const context: Context = { registry, limits, creations: new RateLimiter(limits.creations, now) };
  return (request, response) => {
    response.on('error', (error) => logger.debug({ reason: reasonOf(error) }, 'client left'));
    const answered = answer(context, requests, request).then(
      (result) => send(response, result),
      (error: unknown) => sendError(request, response, error, logger),
    );
    // Both branches above settle every request; nothing is left to await.
    void answered;
  };
}

async function answer(context: Context, requests: RateLimiter, request: IncomingMessage): Promise<Answer> {
  assertRate(requests, request);
  const url = URL.canParse(request.url ?? '', 'http://service')
    ? new URL(request.url ?? '', 'http://service')
    : undefined;
  if (url === undefined) throw new BadRequestError('the path cannot be read');
  for (const { path, methods } of ROUTES) {
    const match = path.exec(url.pathname);
    if (match === null) continue;
    const operation = methods.get(request.method === 'HEAD' ? 'GET' : (request.method ?? ''));
    if (operation === undefined) throw new MethodError([...methods.keys()]);
    return operation(context, request, url, match[1] ?? '');
  }
  throw new ClusterError('there is nothing at this path', { code: 'NO_SUCH_PATH', status: 404 });
}

async function createCluster(context: Context, request: IncomingMessage): Promise<Answer> {
  assertRate(context.creations, request);
  await readBody(request, context.limits.maxBodyBytes);
  // No final newline: old clients take the whole body as the token.
  return { status: 201, body: await context.registry.create() };
}

async function registerEntry(context: Context, request: IncomingMessage, url: URL, token: string): Promise<Answer> {
  const ttlSeconds = readTtl(url.searchParams.get('ttl'), context.limits);
  const text = (await readBody(request, context.limits.maxBodyBytes)).trim();
  await context.registry.register(token, readEntry(text), ttlSeconds * 1000);
  return { status: 204 };
}

async function listEntries(context: Context, _request: IncomingMessage, _url: URL, token: string): Promise<Answer> {
  return { status: 200, type: 'application/json', body: JSON.stringify(await context.registry.list(token)) };
}

async function removeCluster(context: Context, _request: IncomingMessage, _url: URL, token: string): Promise<Answer> {
  await context.registry.remove(token);
  return { status: 204 };
}

function readTtl(text: string | null, limits: TokenServiceLimits): number {
  if (text === null) return limits.defaultTtlSeconds;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= limits.minTtlSeconds && seconds <= limits.maxTtlSeconds) return seconds;
  throw new BadRequestError(`ttl is a whole number of seconds from ${limits.minTtlSeconds} to ${limits.maxTtlSeconds}`);
}

function readEntry(text: string): string {
  try {
    return parseEntry(text).canonical;
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

function send(response: ServerResponse, { status, body, type = 'text/plain; charset=utf-8' }: Answer): void {
  const content = body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...content, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
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
