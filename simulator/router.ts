import type { EngineState } from './engine-state.ts';
import type { Exchange } from './exchange.ts';
import { containerReadRoutes } from './routes/container-reads.ts';
import { containerWriteRoutes } from './routes/container-writes.ts';
import { eventRoutes } from './routes/events.ts';
import { execRoutes } from './routes/exec.ts';
import { imageRoutes } from './routes/images.ts';
import { networkRoutes } from './routes/networks.ts';
import type { Route } from './routes/route.ts';
import { streamRoutes } from './routes/streams.ts';
import { systemRoutes } from './routes/system.ts';
import { volumeRoutes } from './routes/volumes.ts';

const ROUTES: ReadonlyMap<string, Route> = new Map(
  [
    systemRoutes,
    containerReadRoutes,
    containerWriteRoutes,
    streamRoutes,
    execRoutes,
    eventRoutes,
    imageRoutes,
    networkRoutes,
    volumeRoutes,
  ].flatMap((table) => Object.entries(table)),
);

/** Areas whose second segment is a name unless a route says otherwise. */
const NAMED = /^(containers|exec|images|networks|volumes)\/./;

/** Answers one exchange from the state of one engine; unknown paths get the engine's 404. */
export function route(state: EngineState, exchange: Exchange): void {
  const path = exchange.path.slice(1);
  const plain = ROUTES.get(`${exchange.method} ${path}`);
  if (plain !== undefined) {
    plain({ state, exchange, name: '' });
    return;
  }
  if (NAMED.test(path)) {
    const [pattern, name] = named(exchange.method, path);
    const match = ROUTES.get(pattern);
    if (match !== undefined) {
      match({ state, exchange, name: decodeURIComponent(name) });
      return;
    }
  }
  exchange.error(404, 'page not found');
}

/** Image names may hold slashes, so the action is what follows the last one if a route is called so. */
function named(method: string, path: string): [pattern: string, name: string] {
  const start = path.indexOf('/') + 1;
  const area = path.slice(0, start);
  const last = path.lastIndexOf('/');
  const withAction = `${method} ${area}{}${path.slice(last)}`;
  if (last > start && ROUTES.has(withAction)) return [withAction, path.slice(start, last)];
  return [`${method} ${area}{}`, path.slice(start)];
}
