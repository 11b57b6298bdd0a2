import type http from 'node:http';
import type { Duplex } from 'node:stream';
import type { ListenAddress } from '../common/listen-address.ts';
import { listenOn } from '../common/listener.ts';
import type { Logger } from '../common/logger.ts';
import type { RouteHandlers, Services } from './call.ts';
import type { CallObserver } from './call-observer.ts';
import { Dispatcher } from './dispatcher.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { createServer, type ServerTls, serve } from './listener-server.ts';
import { checkNodeHttp } from './node-http.ts';

export type { ServerTls } from './listener-server.ts';

export interface ApiServerOptions {
  readonly listeners: readonly ListenAddress[];
  /** Used on TCP; unix sockets are guarded by their file's permissions. */
  readonly tls?: ServerTls | undefined;
  readonly services: Services;
  readonly handlers: RouteHandlers;
  /** Host names that clients may ask for besides addresses, names without a dot and those of the listeners; see {@link hostGuard}. */
  readonly allowHosts?: readonly string[] | undefined;
  readonly limits?: Partial<Limits>;
  readonly logger: Logger;
  readonly observer?: CallObserver | undefined;
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
  const nodeHttp = await checkNodeHttp();
  const dispatcher = new Dispatcher(options.services, options.handlers, options.version, options.observer);
  const sockets = new Set<Duplex>();
  const servers = options.listeners.map((address) => {
    const server = createServer(address, { ...options, limits }, dispatcher);
    serve(server, address, { ...options, limits }, dispatcher, nodeHttp);
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
