import http, { type ServerOptions } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ListenAddress } from '../common/listen-address.ts';
import { listenOn } from '../common/listener.ts';
import type { Logger } from '../common/logger.ts';
import type { RouteHandlers, Services } from './call.ts';
import { Dispatcher } from './dispatcher.ts';
import { rememberSockets } from './leave-http.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { checkNodeHttp, type UpgradeBodies } from './node-http.ts';
import { refuse } from './refusal.ts';
import { upgradedConnection } from './upgrade.ts';

/** The manager's certificate, and whom it trusts, as PEM text. */
export interface ServerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly ca?: string | Buffer | undefined;
  /** True refuses clients without a certificate signed by `ca` (`--tlsverify`). */
  readonly verifyClients: boolean;
}

export interface ApiServerOptions {
  readonly listeners: readonly ListenAddress[];
  /** Used on TCP; unix sockets are guarded by their file's permissions. */
  readonly tls?: ServerTls | undefined;
  readonly services: Services;
  readonly handlers: RouteHandlers;
  readonly limits?: Partial<Limits>;
  readonly logger: Logger;
  /** Our own version, for the `Server` header. */
  readonly version: string;
}

/** The running API server. */
export interface ApiServer {
  /** Where it listens, in the order asked for, ports resolved. */
  readonly addresses: readonly ListenAddress[];
  /**
   * Stops accepting, ends endless streams, lets other calls finish for `graceMs` (default 6 s), then cuts what is left.
   * Idempotent.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

// `docker stop` and others kill after ten seconds: what comes after the drain must fit in, on a busy machine too.
const CLOSE_GRACE_MS = 6_000;

/** Serves the Docker Engine API on all listeners, or on none: rejects in one clear line if one of them fails. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { upgradeBodies } = await checkNodeHttp();
  const dispatcher = new Dispatcher(options.services, options.handlers, options.version);
  const sockets = new Set<Duplex>();
  const servers = options.listeners.map((address) => {
    const server = createServer(address, options.tls, limits, dispatcher);
    serve(server, dispatcher, upgradeBodies, limits);
    track(server, sockets, limits.maxConnections, options.logger);
    return server;
  });
  const addresses = await listenAll(servers, options.listeners);
  return new Running(addresses, servers, dispatcher, sockets);
}

async function listenAll(
  servers: readonly http.Server[],
  wanted: readonly ListenAddress[],
): Promise<readonly ListenAddress[]> {
  const results = await Promise.allSettled(servers.map((server, i) => listenOn(server, at(wanted, i))));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    for (const server of servers) server.close();
    throw failed.reason;
  }
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

class Running implements ApiServer {
  readonly addresses: readonly ListenAddress[];
  readonly #servers: readonly http.Server[];
  readonly #dispatcher: Dispatcher;
  readonly #sockets: ReadonlySet<Duplex>;
  #closing: Promise<void> | undefined;

  constructor(
    addresses: readonly ListenAddress[],
    servers: readonly http.Server[],
    dispatcher: Dispatcher,
    sockets: ReadonlySet<Duplex>,
  ) {
    this.addresses = addresses;
    this.#servers = servers;
    this.#dispatcher = dispatcher;
    this.#sockets = sockets;
  }

  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#drain(options.graceMs ?? CLOSE_GRACE_MS);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    const closed = Promise.all(this.#servers.map(closeServer));
    this.#dispatcher.drain();
    const sweep = setInterval(() => {
      for (const server of this.#servers) server.closeIdleConnections();
    }, 50);
    const cut = setTimeout(() => this.#cut(), graceMs);
    await closed;
    clearInterval(sweep);
    clearTimeout(cut);
  }

  #cut(): void {
    this.#dispatcher.endAll();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function createServer(
  address: ListenAddress,
  tls: ServerTls | undefined,
  limits: Limits,
  dispatcher: Dispatcher,
): http.Server {
  const options: ServerOptions & { shouldUpgradeCallback: (req: http.IncomingMessage) => boolean } = {
    // Node 20 does not know it and leaves all that ask to upgrade to us.
    shouldUpgradeCallback: (req) => dispatcher.acceptUpgrade(req),
    maxHeaderSize: limits.maxHeadBytes,
    headersTimeout: limits.headTimeoutMs,
    // Uploads and hijacked streams take as long as they take; only the head has a deadline.
    requestTimeout: 0,
    // Nothing here depends on the name we are called by: scripts may leave it out.
    requireHostHeader: false,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headTimeoutMs),
    noDelay: true,
    // A client that vanished (or closed for good while its stream is silent) is noticed within two minutes.
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  };
  if (address.kind === 'unix' || !tls) {
    const server = http.createServer(options);
    rememberSockets(server, 'connection');
    return server;
  }
  const server = https.createServer({
    ...options,
    cert: tls.cert,
    key: tls.key,
    ca: tls.ca,
    requestCert: tls.verifyClients,
    rejectUnauthorized: tls.verifyClients,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.headTimeoutMs,
  });
  // A client that ends its input (`docker exec -i < file`) still reads; TLS sockets would close both sides.
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true;
  });
  rememberSockets(server, 'secureConnection');
  return server;
}

function serve(server: http.Server, dispatcher: Dispatcher, bodies: UpgradeBodies, limits: Limits): void {
  const onRequest = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    // Dispatcher.request answers its own errors and never rejects.
    void dispatcher.request(req, res);
  };
  // Never listens: it answers what Node leaves to us because it asks to upgrade.
  const upgraded = http.createServer({ maxHeaderSize: limits.maxHeadBytes, requireHostHeader: false });
  for (const each of [server, upgraded]) {
    each.on('request', onRequest);
    // With a listener Node leaves `100 Continue` to us: it is sent when a handler reads the body (see body.ts).
    each.on('checkContinue', onRequest);
    each.on('clientError', (error, socket) => refuse(error, socket, dispatcher.headers()));
  }
  server.on('upgrade', (req, stream, head) => {
    stream.on('error', () => stream.destroy());
    // The answer before may have set the time that a connection is kept idle.
    req.socket.setTimeout(0);
    // Never rejects.
    void dispatcher.afterEarlier(req.socket).then(() => {
      if (stream.destroyed) return;
      upgraded.emit('connection', upgradedConnection(req, stream, head, dispatcher.mayHijack(req), bodies));
    });
  });
}

function track(server: http.Server, sockets: Set<Duplex>, maxConnections: number, logger: Logger): void {
  let isFull = false;
  server.on('connection', (socket: Duplex) => {
    if (sockets.size >= maxConnections) {
      if (!isFull) logger.warn({ maxConnections }, 'too many client connections: new ones are closed');
      isFull = true;
      socket.destroy();
      return;
    }
    isFull = false;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
}

function closeServer(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}
