import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Slots } from '../common/slots.ts';
import { baseHeaders, type HeaderPairs } from './answer.ts';
import { ApiCall } from './api-call.ts';
import type { Handler, RouteHandlers, Services, UpgradeRequest } from './call.ts';
import { ClientConnection } from './client-connection.ts';
import { CallEndedError, NotSupportedError, SwarmInactiveError, sendError } from './errors.ts';
import { createRouter, parseTarget, type Router } from './router.ts';
import { ROUTES, type Route, routeKey } from './routes.ts';
import { afterEarlier, readUpgrade, responseFor } from './upgrade.ts';

/** Runs the handler of each request and knows the calls in progress. */
export class Dispatcher {
  readonly #services: Services;
  readonly #handlers: RouteHandlers;
  readonly #version: string;
  readonly #router: Router = createRouter(ROUTES);
  readonly #calls = new Slots<ApiCall>();
  readonly #connections = new WeakMap<Duplex, ClientConnection>();
  #isDraining = false;

  constructor(services: Services, handlers: RouteHandlers, version: string) {
    this.#services = services;
    this.#handlers = handlers;
    this.#version = version;
  }

  /** Headers of every answer. */
  headers(): HeaderPairs {
    return baseHeaders(this.#services.advertisedApi(), this.#version);
  }

  /** Answers an ordinary request. */
  async request(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const connection = this.#connectionOf(req.socket);
    connection.answer = res;
    await this.#answer(req, res, connection, () => Promise.resolve(undefined));
  }

  /** Answers a request to upgrade; the socket is ours from here on. */
  async upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const connection = this.#connectionOf(socket);
    await afterEarlier(socket, connection.answer);
    if (socket.destroyed) return;
    // The answer before may have set the time that a connection is kept idle.
    req.socket.setTimeout(0);
    const res = responseFor(req, socket);
    await this.#answer(req, res, connection, () => readUpgrade(req, socket, head));
  }

  /** From now on connections end with their answer, and calls that would not end by themselves are ended. */
  drain(): void {
    this.#isDraining = true;
    for (const call of this.#calls) {
      if (call.route.duration === 'endless' || call.route.duration === 'hijack') this.#end(call);
    }
  }

  /** Ends every call in progress. */
  endAll(): void {
    for (const call of this.#calls) this.#end(call);
  }

  #connectionOf(socket: Duplex): ClientConnection {
    const known = this.#connections.get(socket);
    if (known) return known;
    const connection = new ClientConnection();
    this.#connections.set(socket, connection);
    return connection;
  }

  #end(call: ApiCall): void {
    call.end(new CallEndedError('manager stops'));
  }

  async #answer(
    req: IncomingMessage,
    res: ServerResponse,
    connection: ClientConnection,
    upgrade: () => Promise<UpgradeRequest | undefined>,
  ): Promise<void> {
    const { logger } = this.#services;
    // Handlers learn from the call's signal that the client left; these only keep such errors from ending the process.
    req.on('error', (error) => logger.trace({ err: error }, 'a request was broken off'));
    res.on('error', (error) => logger.debug({ err: error }, 'an answer could not be written'));
    for (const [name, value] of this.headers()) res.setHeader(name, value);
    if (this.#isDraining) res.setHeader('Connection', 'close');
    try {
      const target = parseTarget(req.url ?? '/');
      const match = this.#router.match(req.method ?? 'GET', target.path);
      await this.#run(new ApiCall(req, res, target, match, this.#services, connection, await upgrade()));
    } catch (error) {
      sendError(res, error, logger);
    }
  }

  async #run(call: ApiCall): Promise<void> {
    const { res } = call;
    const place = this.#calls.add(call);
    const onClose = (): void => {
      if (!res.writableFinished) call.end(new CallEndedError('client left'));
    };
    res.once('close', onClose);
    try {
      await this.#handlerOf(call.route)(call);
    } catch (error) {
      // Whatever failed after the client left failed because of that, and there is nobody to tell.
      if (call.ended?.code !== 'CLIENT_LEFT') throw error;
      res.destroy();
    } finally {
      this.#calls.remove(place);
      res.off('close', onClose);
    }
  }

  #handlerOf(route: Route): Handler {
    return this.#handlers[routeKey(route)] ?? unbuilt(route);
  }
}

function unbuilt(route: Route): Handler {
  const error =
    route.semantics === 'not-for-a-cluster' ? new SwarmInactiveError(route.note) : new NotSupportedError(route);
  return () => Promise.reject(error);
}
