import type { IncomingMessage, ServerResponse } from 'node:http';
import findMyWay from 'find-my-way';
import type { Clock } from '../common/clock.ts';
import { BadRequestError, ClusterError, NotFoundError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { RefusalLog } from '../common/refusal-log.ts';
import {
  type PageCall,
  type PageHandler,
  type PageRoutes,
  readObject,
  sendFailure,
  sendNothing,
  sendValue,
} from './calls.ts';
import { assertOwnOrigin, type Gate, ReadOnlyError, tokenOf } from './gate.ts';
import type { LoginAnswer } from './protocol.ts';
import { API_ROOT } from './protocol-version.ts';
import type { Sessions } from './sessions.ts';

export interface PageApiDeps {
  readonly gate: Gate;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A page that only looks may ask to be forgotten all the same. */
const LOGOUT = 'POST logout';
/** `EventSource` has no headers: the stream's token is in its query. */
const STREAM = 'GET stream';

/** What scripts of the page ask: nothing is answered without a session but its login. */
export class PageApi {
  readonly #deps: PageApiDeps;
  readonly #refusals: RefusalLog;
  readonly #router = findMyWay({ maxParamLength: 1_024, caseSensitive: true });

  constructor(deps: PageApiDeps, routes: PageRoutes) {
    this.#deps = deps;
    this.#refusals = new RefusalLog(deps.logger, () => deps.clock.now());
    for (const [key, handler] of Object.entries({ ...routes, [LOGOUT]: (call: PageCall) => this.#logout(call) })) {
      const [method = '', path = ''] = key.split(' ');
      this.#router.on(method as 'GET', API_ROOT + path, () => undefined, { key, handler });
    }
  }

  /** Never rejects. */
  async answer(req: IncomingMessage, res: ServerResponse, path: string, query: URLSearchParams): Promise<void> {
    const left = new AbortController();
    res.once('close', () => {
      if (!res.writableFinished) left.abort(new ClusterError('the page left', { code: 'CLIENT_LEFT', status: 499 }));
    });
    try {
      if (path === `${API_ROOT}login`) return await this.#login(req, res);
      const { gate } = this.#deps;
      const found = this.#router.find(req.method as 'GET', path);
      const { key, handler } = (found?.store ?? {}) as { readonly key?: string; readonly handler?: PageHandler };
      // Who is not logged in does not learn what there is.
      const session = gate.session(req, key === STREAM ? (query.get('token') ?? undefined) : tokenOf(req));
      if (req.method !== 'GET') assertOwnOrigin(req);
      if (req.method !== 'GET' && key !== LOGOUT && !session.actions) throw new ReadOnlyError();
      if (!found || !handler) throw new NotFoundError('there is no such call', 'NO_SUCH_CALL');
      await handler({ req, res, query, session, params: found.params, signal: left.signal });
    } catch (error) {
      if (left.signal.aborted) res.destroy();
      else sendFailure(res, error, this.#deps.logger);
    } finally {
      req.resume();
    }
  }

  async #login(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { sessions, gate, logger } = this.#deps;
    if (req.method !== 'POST') throw new ClusterError('only POST', { code: 'METHOD_NOT_ALLOWED', status: 405 });
    assertOwnOrigin(req);
    const { link } = await readObject(req);
    if (typeof link !== 'string' || link.length > 200) throw new BadRequestError('link should be a text', 'BAD_LINK');
    const credentials = sessions.login(link);
    if (!credentials) {
      this.#refusals.refused(req.socket.remoteAddress, 'the link of its login to the page was used, too old or wrong');
      const message = 'this link was used already, or is too old: run "enxame page" again';
      throw new ClusterError(message, { code: 'BAD_LINK', status: 401 });
    }
    logger.info(
      { from: req.socket.remoteAddress, actions: credentials.session.actions },
      'somebody logged in to the page',
    );
    const answer: LoginAnswer = { token: credentials.token };
    res.setHeader('Set-Cookie', gate.setCookie(req, credentials));
    sendValue(res, answer);
  }

  async #logout({ req, res, session }: PageCall): Promise<void> {
    this.#deps.sessions.end(session);
    res.setHeader('Set-Cookie', this.#deps.gate.clearCookie(req));
    sendNothing(res);
  }
}
