import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Slots } from '../common/slots.ts';
import { baseHeaders, type HeaderPairs } from './answer.ts';
import { ApiCall } from './api-call.ts';
import type { Handler, RouteHandlers, Services } from './call.ts';
import type { CallObserver } from './call-observer.ts';
import { ClientConnection } from './client-connection.ts';
import { CallEndedError, NotSupportedError, SwarmInactiveError, sendError } from './errors.ts';
import { ROUTES, type Route, routeKey } from './operations.ts';
import { createRouter, parseTarget, type Router } from './router.ts';
import { answeredByPrimary } from './to-primary.ts';
import { refuseOtherCodings, TransferCodingError } from './transfer-coding.ts';
import { afterEarlier } from './upgrade.ts';
import { UpgradedConnection } from './upgraded-connection.ts';

/** What tells how the manager is, rather than what the cluster holds. */
const ANSWERED_AT_ONCE: ReadonlySet<string> = new Set([
  ...['/_ping', '/version', '/info', '/events'],
  // Without them no engine of an agent is reached.
  '/enxame/v1/agents/{id}/dial',
]);

/** Throws for requests that are not let in. */
export type Guard = (req: IncomingMessage) => void;

/** Runs the handler of each request and knows the calls in progress. */
export class Dispatcher {
  readonly #services: Services;
  readonly #handlers: RouteHandlers;
  readonly #version: string;
  readonly #observer: CallObserver | undefined;
  readonly #router: Router = createRouter(ROUTES);
  readonly #calls = new Slots<ApiCall>();
  readonly #connections = new WeakMap<Duplex, ClientConnection>();
  #isDraining = false;

  constructor(services: Services, handlers: RouteHandlers, version: string, observer?: CallObserver) {
    this.#services = services;
    this.#handlers = handlers;
    this.#version = version;
    this.#observer = observer;
  }

  /** Headers of every answer. */
  headers(): HeaderPairs {
    return baseHeaders(this.#services.advertisedApi(), this.#version);
  }

  /** Answers a request; what `guard` throws is the answer to one that it does not let in. */
  async request(req: IncomingMessage, res: ServerResponse, guard: Guard): Promise<void> {
    const connection = this.#connectionOf(req.socket);
    connection.answer = res;
    await this.#answer(req, res, connection, guard);
  }

  /** Resolves when the earlier requests on a client's connection are answered. */
  afterEarlier(socket: Duplex): Promise<void> {
    return afterEarlier(socket, this.#connections.get(socket)?.answer);
  }

  /** Whether a request to upgrade leaves HTTP now. If not it is answered as usual, and Node drops what was sent behind it. */
  acceptUpgrade(req: IncomingMessage): boolean {
    const isAccepted = this.mayHijack(req);
    if (!isAccepted) this.#connectionOf(req.socket).isLast = true;
    return isAccepted;
  }

  /** Whether the answer to this request may be a raw stream. */
  mayHijack(req: IncomingMessage): boolean {
    try {
      return this.#router.match(req.method ?? 'GET', parseTarget(req.url ?? '/').path).route.duration === 'hijack';
    } catch {
      return false;
    }
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

  async #answer(req: IncomingMessage, res: ServerResponse, connection: ClientConnection, guard: Guard): Promise<void> {
    const { logger } = this.#services;
    // Handlers learn from the call's signal that the client left; these only keep such errors from ending the process.
    req.on('error', (error) => logger.trace({ err: error }, 'a request was broken off'));
    res.on('error', (error) => logger.debug({ err: error }, 'an answer could not be written'));
    for (const [name, value] of this.headers()) res.setHeader(name, value);
    if (this.#isDraining || connection.isLast) res.setHeader('Connection', 'close');
    connection.isLast = false;
    let route: Route | undefined;
    let beganMs = 0;
    try {
      guard(req);
      refuseOtherCodings(req.headers);
      const target = parseTarget(req.url ?? '/');
      const match = this.#router.match(req.method ?? 'GET', target.path);
      route = match.route;
      if (this.#observer) {
        this.#observer.began(route);
        beganMs = performance.now();
      }
      const upgrade = req.socket instanceof UpgradedConnection ? req.socket.upgrade : undefined;
      await this.#run(new ApiCall(req, res, target, match, this.#services, connection, upgrade));
    } catch (error) {
      if (error instanceof TransferCodingError) endWithAnswer(req, res);
      sendError(res, error, logger);
    } finally {
      if (this.#observer) tellEnd(this.#observer, route, res, performance.now() - beganMs);
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
      // Who asks in the first moments gets what is there, not what is known so far.
      const { settling, toPrimary } = this.#services;
      if (!ANSWERED_AT_ONCE.has(call.route.path)) await settling?.();
      if (toPrimary && (await answeredByPrimary(call, toPrimary))) return;
      await this.#handlerOf(call.route)(call);
    } catch (error) {
      // A failure after the client left comes from its leaving, and has no reader.
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

function tellEnd(observer: CallObserver, route: Route | undefined, res: ServerResponse, ms: number): void {
  if (!route) return observer.refused(res.statusCode);
  observer.ended(route, res.headersSent ? res.statusCode : route.duration === 'hijack' ? 101 : 0, ms);
}

/** The rest of a body that cannot be read still comes: it is thrown away. */
function endWithAnswer(req: IncomingMessage, res: ServerResponse): void {
  res.setHeader('Connection', 'close');
  req.resume();
}

function unbuilt(route: Route): Handler {
  const error =
    route.semantics === 'not-for-a-cluster' ? new SwarmInactiveError(route.note) : new NotSupportedError(route);
  return () => Promise.reject(error);
}
