import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiVersion } from '../engine/api-version.ts';
import type { Call, Services, UpgradeRequest } from './call.ts';
import type { ClientConnection } from './client-connection.ts';
import type { CallEndedError } from './errors.ts';
import type { Route } from './operations.ts';
import type { Match, Target } from './router.ts';

/** A {@link Call}; what most handlers do not use (query, signal) is made on first use. */
export class ApiCall implements Call {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly search: string;
  readonly path: string;
  readonly api: ApiVersion;
  readonly services: Services;
  readonly upgrade: UpgradeRequest | undefined;
  #query: URLSearchParams | undefined;
  readonly #connection: ClientConnection;
  #ended: CallEndedError | undefined;

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    target: Target,
    match: Match,
    services: Services,
    connection: ClientConnection,
    upgrade: UpgradeRequest | undefined,
  ) {
    this.req = req;
    this.res = res;
    this.route = match.route;
    this.params = match.params;
    this.search = target.search;
    this.path = target.path;
    this.api = target.api ?? services.advertisedApi();
    this.services = services;
    this.#connection = connection;
    this.upgrade = upgrade;
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.search);
    return this.#query;
  }

  get signal(): AbortSignal {
    return this.#ended ? AbortSignal.abort(this.#ended) : this.#connection.signal;
  }

  /** Why the call was ended before its answer was complete, if it was. */
  get ended(): CallEndedError | undefined {
    return this.#ended;
  }

  /** Aborts what the call is doing. */
  end(reason: CallEndedError): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.#connection.abort(reason);
  }
}
