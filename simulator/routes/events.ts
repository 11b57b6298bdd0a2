import { matchesEvent, parseFilters } from '../filters.ts';
import type { RouteContext, RouteTable } from './route.ts';

/** `GET /events`: what was since, then what comes, until `until` or until the client leaves. */
export const eventRoutes: RouteTable = { 'GET events': events };

function events({ state, exchange }: RouteContext): void {
  const { query } = exchange;
  const filters = parseFilters(query.get('filters'));
  if (filters === undefined) {
    exchange.error(400, 'invalid filter');
    return;
  }
  const since = seconds(query.get('since'), state.now());
  const until = seconds(query.get('until'), state.now());
  const unfiltered = Object.keys(filters).length === 0;
  const reply = exchange.stream('application/json');
  for (const event of since === undefined ? [] : state.events.history) {
    const at = event.timeNano / 1e9;
    if (at >= (since ?? 0) && at <= (until ?? Infinity) && matchesEvent(event, filters))
      reply.write(`${JSON.stringify(event)}\n`);
  }
  const remainingMs = until === undefined ? Infinity : until * 1000 - state.now();
  if (remainingMs <= 0) {
    reply.end();
    return;
  }
  exchange.onClose(
    state.events.subscribe((event, line) => {
      if (unfiltered || matchesEvent(event, filters)) reply.write(line);
    }),
  );
  if (remainingMs === Infinity) return;
  const timer = setTimeout(() => reply.end(), remainingMs).unref();
  exchange.onClose(() => clearTimeout(timer));
}

/** Unix seconds with an optional fraction, an RFC 3339 time, or a duration back from now such as `10s`, `5m`, `2h`. */
function seconds(text: string | null, nowMs: number): number | undefined {
  if (text === null || text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const ago = /^(\d+)(s|m|h)$/.exec(text);
  if (ago === null) return Date.parse(text) / 1000;
  return nowMs / 1000 - Number(ago[1]) * (ago[2] === 'h' ? 3600 : ago[2] === 'm' ? 60 : 1);
}
