import type { Container } from '../container.ts';
import { toInspect, toListEntry } from '../container-shapes.ts';
import type { EngineState } from '../engine-state.ts';
import { matchesContainer, parseFilters } from '../filters.ts';
import type { RouteContext, RouteTable } from './route.ts';

/** Listing and inspecting containers, and the small reads about one. */
export const containerReadRoutes: RouteTable = {
  'GET containers/json': list,
  'GET containers/{}/json': withContainer((context, container) => {
    context.exchange.json(200, toInspect(container, networkIds(context.state)));
  }),
  'GET containers/{}/top': withContainer(({ exchange }) => {
    exchange.json(200, '{"Titles":["PID","CMD"],"Processes":[["1","redis-server"]]}');
  }),
  'GET containers/{}/changes': withContainer(({ exchange }) => exchange.json(200, '[{"Path":"/data","Kind":0}]')),
};

/** Wraps a handler that needs the container of the path; answers 404 as engines do. */
export function withContainer(
  handler: (context: RouteContext, container: Container) => void,
): (context: RouteContext) => void {
  return (context) => {
    const container = context.state.find(context.name);
    if (container === undefined) context.exchange.error(404, `No such container: ${context.name}`);
    else handler(context, container);
  };
}

function list({ state, exchange }: RouteContext): void {
  const { query } = exchange;
  const filters = parseFilters(query.get('filters'));
  if (filters === undefined) {
    exchange.error(400, 'invalid filter');
    return;
  }
  const limit = Number(query.get('limit') ?? 0);
  const all = isTrue(query.get('all')) || limit > 0 || filters.status !== undefined;
  let chosen = [...state.containers.values()].filter((container) => all || isUp(container));
  if (Object.keys(filters).length > 0) chosen = chosen.filter((container) => matchesContainer(container, filters));
  chosen.sort((a, b) => b.createdAt - a.createdAt);
  if (limit > 0) chosen = chosen.slice(0, limit);
  const ids = networkIds(state);
  const now = state.now();
  exchange.json(200, `[${chosen.map((container) => toListEntry(container, ids, now)).join(',')}]\n`);
}

function networkIds(state: EngineState): (name: string) => string {
  return (name) => state.findNetwork(name)?.id ?? '';
}

function isUp(container: Container): boolean {
  return container.state === 'running' || container.state === 'paused';
}

/** Booleans in queries as engines read them. */
export function isTrue(value: string | null): boolean {
  return value !== null && !['', '0', 'no', 'false', 'none'].includes(value.toLowerCase());
}
