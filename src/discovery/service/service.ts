import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type Clock, systemClock } from '../../common/clock.ts';
import { reasonOf } from '../../common/errors.ts';
import { isLoopback, type ListenAddress } from '../../common/listen-address.ts';
import { listenOn } from '../../common/listener.ts';
import type { Logger } from '../../common/logger.ts';
import { guardTls, isWelcome } from '../../common/tls-door.ts';
import { assertSafeListener, type TlsServerOptions } from '../../common/tls-files.ts';
import { hostGuard, refuseForeignPages } from '../../common/web-guard.ts';
import { openEmbeddedStore } from '../../kv/embedded.ts';
import { tokenHandler } from './handler.ts';
import { DEFAULT_LIMITS, type TokenServiceLimits } from './limits.ts';
import { TokenRegistry } from './registry.ts';

/** A running token service. */
export interface TokenService {
  /** Where clients find it, with the version: `http://127.0.0.1:2374/v1`; for a socket `unix:///path`. */
  readonly url: string;
  /** Answers what is under way, then frees the address and the state folder. May be called again. */
  close(): Promise<void>;
}

/** How a token service runs. */
export interface TokenServiceOptions {
  readonly listen: ListenAddress;
  /** Folder for its store alone; undefined keeps tokens in memory only. */
  readonly stateFolder: string | undefined;
  /** Absent: plain HTTP. */
  readonly tls?: TlsServerOptions | undefined;
  /** Allow plain HTTP for others than this machine. */
  readonly insecure?: boolean;
  readonly limits?: Partial<TokenServiceLimits>;
  readonly logger: Logger;
  readonly clock?: Clock;
}

const PURGE_EVERY_MS = 30_000;
const DRAIN_MS = 2000;

/**
 * Starts a token service and resolves once it answers. Throws a `ClusterError` of one clear line when the address is in use or
 * unsafe, or the state folder is locked or unusable; nothing stays open then.
 */
export async function startTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const { clock = systemClock, logger, tls } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  assertSafeListener(options.listen, tls === undefined ? 'plain' : 'tls', 'tls', options.insecure ?? false);
  const store = options.stateFolder === undefined ? undefined : await openEmbeddedStore(options.stateFolder);
  try {
    const registry = await TokenRegistry.load(store, clock, limits);
    const server = createServer(tls, limits, logger);
    const closing = new AbortController();
    const reach = { loopback: options.listen.kind === 'unix' || isLoopback(options.listen.host) };
    const guard = guardOf(options.listen, tls);
    const handle = tokenHandler({ registry, limits, reach, guard, clock, logger, closing: closing.signal });
    server.on('request', (request, response) => {
      if (!tls?.requestCert || isWelcome(request)) handle(request, response);
    });
    const address = await listenOn(server, options.listen);
    const purged = purgeRegularly(registry, clock, closing.signal, logger);
    return running(urlOf(address, tls !== undefined), async () => {
      closing.abort();
      await closeServer(server, clock);
      await purged;
      await store?.close();
    });
  } catch (error) {
    await store?.close();
    throw error;
  }
}

function running(url: string, shutDown: () => Promise<void>): TokenService {
  let closing: Promise<void> | undefined;
  return {
    url,
    close: () => {
      closing ??= shutDown();
      return closing;
    },
  };
}

function createServer(tls: TlsServerOptions | undefined, limits: TokenServiceLimits, logger: Logger): Server {
  const bounds = {
    maxHeaderSize: 16_384,
    headersTimeout: 10_000,
    requestTimeout: 20_000,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: 2000,
  };
  const server = tls === undefined ? createHttpServer(bounds) : createTlsServer(bounds, tls, logger);
  server.maxConnections = limits.maxConnections;
  server.maxHeadersCount = 100;
  return server;
}

function createTlsServer(bounds: ServerOptions, tls: TlsServerOptions, logger: Logger): Server {
  // Certificates are checked by guardTls, which tells clients why they are refused.
  const options = { ...bounds, ...tls, ca: tls.ca, rejectUnauthorized: false, handshakeTimeout: 10_000 };
  const server = createHttpsServer(options);
  guardTls(server, tls.requestCert, logger);
  return server;
}

/** Whom the service lets in: no pages of other sites, and on loopback without certificates no names that could be theirs. */
function guardOf(listen: ListenAddress, tls: TlsServerOptions | undefined): (request: IncomingMessage) => void {
  const isLocal = listen.kind === 'tcp' && isLoopback(listen.host) && !tls?.requestCert;
  const checkHost = isLocal ? hostGuard(listen, undefined) : undefined;
  return ({ headers }) => {
    refuseForeignPages(headers);
    checkHost?.(headers.host);
  };
}

async function purgeRegularly(
  registry: TokenRegistry,
  clock: Clock,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  for (;;) {
    await clock.sleep(PURGE_EVERY_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    await registry.purge().catch((error: unknown) => {
      logger.error({ reason: reasonOf(error) }, 'expired entries could not be removed from the store');
    });
  }
}

async function closeServer(server: Server, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const impatience = clock.timer(() => server.closeAllConnections());
  impatience.start(DRAIN_MS);
  await closed;
  impatience.stop();
}

function urlOf(address: ListenAddress, isTls: boolean): string {
  if (address.kind === 'unix') return address.text;
  const host = address.host ?? 'localhost';
  return `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${address.port}/v1`;
}
