import type { RouteHandlers, Services } from '../api/call.ts';
import { Dispatcher } from '../api/dispatcher.ts';
import { HANDLERS } from '../api/handlers.ts';
import type { RouteKey } from '../api/operations.ts';
import { ClusterError } from '../common/errors.ts';
import { VERSION } from '../common/version.ts';
import type { PageCall, PageHandler, PageRoutes } from './calls.ts';
import { numberOf, pathParam } from './params.ts';
import { TOKEN_HEADER } from './protocol-version.ts';
import type { Session } from './sessions.ts';

/** What of the manager's own API pages may use; nothing else can be reached through a page. */
const PASSED: readonly RouteKey[] = [
  'GET /containers/{id}/logs',
  'POST /containers/{id}/start',
  'POST /containers/{id}/stop',
  'POST /containers/{id}/restart',
  'POST /containers/{id}/kill',
  'POST /containers/{id}/pause',
  'POST /containers/{id}/unpause',
  'DELETE /containers/{id}',
  'GET /enxame/v1/explain/containers/{id}',
  'GET /enxame/v1/stats',
  'GET /enxame/v1/stats/containers/{id}',
  'GET /enxame/v1/stats/nodes/{id}',
  'GET /enxame/v1/page/plans/{kind}',
  'POST /enxame/v1/page/plans/{kind}/apply',
  'POST /enxame/v1/page/nodes/{id}/availability',
];

/** Logs that one session follows at a time, and all of them; each is a connection to an engine. */
const LOGS_OF_SESSION = 8;
const LOGS_IN_ALL = 64;
const MOST_LINES = 10_000;

/** Too much at a time (429). */
export class TooManyError extends ClusterError {
  constructor(message: string) {
    super(message, { code: 'TOO_MANY', status: 429 });
  }
}

/** What a browser says of itself and its session: it is for this listener, and another manager would take it for a page of others. */
const OF_BROWSER = new Set(['cookie', 'origin', 'referer', TOKEN_HEADER]);

/** Calls of a page that become calls of the manager's own API. */
export interface PassedCalls {
  readonly routes: PageRoutes;
  /** Answers a page's call as `target` is answered. */
  ask(call: PageCall, target: string): Promise<void>;
  close(): void;
}

/** Calls that are answered as clients of Docker's API are answered: each becomes one of that, and nothing is decided here. */
export function passedCalls(services: Services): PassedCalls {
  const handlers: RouteHandlers = Object.fromEntries(PASSED.map((key) => [key, HANDLERS[key]]));
  const dispatcher = new Dispatcher(services, handlers, VERSION);
  const ask = async ({ req, res }: PageCall, target: string): Promise<void> => {
    req.url = target;
    for (const name of Object.keys(req.headers))
      if (OF_BROWSER.has(name) || name.startsWith('sec-')) delete req.headers[name];
    res.setHeader('Cache-Control', 'no-store');
    await dispatcher.request(req, res, () => undefined);
  };
  const of = (call: PageCall): string => encodeURIComponent(pathParam(call, 'id'));
  const action =
    (name: string): PageHandler =>
    (call) =>
      ask(call, `/containers/${of(call)}/${name}`);
  const span = ({ query }: PageCall): string => (query.get('span') === 'day' ? '?span=day' : '?span=hour');
  const followed = new Map<Session, number>();
  let following = 0;
  const logs: PageHandler = async (call) => {
    const own = followed.get(call.session) ?? 0;
    if (own >= LOGS_OF_SESSION || following >= LOGS_IN_ALL)
      throw new TooManyError(`${own} logs are followed by this session and ${following} in all: close some`);
    followed.set(call.session, own + 1);
    following += 1;
    try {
      await ask(call, `/containers/${of(call)}/logs?${logQuery(call.query)}`);
    } finally {
      following -= 1;
      const rest = (followed.get(call.session) ?? 1) - 1;
      if (rest === 0) followed.delete(call.session);
      else followed.set(call.session, rest);
    }
  };
  return {
    routes: {
      'GET containers/:id/logs': logs,
      'GET containers/:id/explain': (call) => ask(call, `/enxame/v1/explain/containers/${of(call)}`),
      'GET containers/:id/stats': (call) => ask(call, `/enxame/v1/stats/containers/${of(call)}${span(call)}`),
      'GET nodes/:id/stats': (call) => ask(call, `/enxame/v1/stats/nodes/${of(call)}${span(call)}`),
      'GET usage': (call) => ask(call, `/enxame/v1/stats?${only(call.query, ['sort', 'limit', 'search'])}`),
      'POST containers/:id/start': action('start'),
      'POST containers/:id/stop': action('stop'),
      'POST containers/:id/restart': action('restart'),
      'POST containers/:id/kill': action('kill'),
      'POST containers/:id/pause': action('pause'),
      'POST containers/:id/unpause': action('unpause'),
      'DELETE containers/:id': (call) => ask(call, `/containers/${of(call)}?${removalQuery(call.query)}`),
    },
    ask,
    close: () => dispatcher.endAll(),
  };
}

function logQuery(query: URLSearchParams): URLSearchParams {
  const tail = numberOf(query, 'tail', { least: 0, most: MOST_LINES, otherwise: 500 });
  const asked = only(query, ['since', 'until', 'follow', 'timestamps']);
  asked.set('tail', String(tail));
  asked.set('stdout', '1');
  asked.set('stderr', '1');
  return asked;
}

function removalQuery(query: URLSearchParams): URLSearchParams {
  return new URLSearchParams({
    force: query.get('force') === '1' ? '1' : '0',
    v: query.get('volumes') === '1' ? '1' : '0',
  });
}

function only(query: URLSearchParams, names: readonly string[]): URLSearchParams {
  return new URLSearchParams([...query].filter(([name]) => names.includes(name)));
}
