import type { CallObserver } from '../../api/call-observer.ts';
import { type Route, type RouteKey, routeKey } from '../../api/operations.ts';
import type { Meters } from '../meters.ts';

const DURATIONS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

interface Operation {
  readonly name: RouteKey;
  readonly codes: Map<number, number>;
  running: number;
}

/** Calls of clients. One addition and, for short calls, one observation each; names of operations come from the table, never from clients. */
export function apiMetrics(meters: Meters): CallObserver {
  const operations = new Map<Route, Operation>();
  const refused = new Map<number, number>();
  const observe = meters.histogram(
    {
      name: 'enxame_api_request_duration_seconds',
      help: 'Time until a call was answered, by operation; without streams and transfers.',
      labels: ['operation'],
    },
    DURATIONS,
  );
  meters.counter(
    {
      name: 'enxame_api_requests_total',
      help: 'Calls of clients; code 101 for raw streams, 0 when the client left before the answer.',
      labels: ['operation', 'code'],
    },
    (report) => {
      for (const { name, codes } of operations.values())
        for (const [code, count] of codes) report(count, name, String(code));
      for (const [code, count] of refused) report(count, 'none', String(code));
    },
  );
  meters.gauge(
    {
      name: 'enxame_api_running',
      help: 'Calls under way at present by operation, streams included.',
      labels: ['operation'],
    },
    (report) => {
      for (const { name, running } of operations.values()) report(running, name);
    },
  );
  const operationOf = (route: Route): Operation => {
    const known = operations.get(route);
    if (known) return known;
    const operation = { name: routeKey(route), codes: new Map<number, number>(), running: 0 };
    operations.set(route, operation);
    return operation;
  };
  return {
    began: (route) => {
      operationOf(route).running += 1;
    },
    ended: (route, status, ms) => {
      const operation = operationOf(route);
      operation.running -= 1;
      operation.codes.set(status, (operation.codes.get(status) ?? 0) + 1);
      if (route.duration === 'short') observe(ms / 1_000, operation.name);
    },
    refused: (status) => {
      refused.set(status, (refused.get(status) ?? 0) + 1);
    },
  };
}
