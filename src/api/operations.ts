import { OWN_OPERATIONS } from './own-operations.ts';

/** What an operation means for a cluster. */
export type Semantics =
  | 'to-container-node'
  | 'merge-all-nodes'
  | 'schedule'
  | 'every-node'
  | 'every-holder'
  | 'one-holder'
  | 'any-node'
  | 'from-cache'
  | 'sticky-session'
  | 'manager'
  | 'not-for-a-cluster';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/**
 * How long an answer lives. `short` ones may finish while the manager shuts down; `transfer` moves a body that ends by
 * itself; `endless` ends when the container or the client does; `hijack` becomes a raw stream in both directions.
 */
type Duration = 'short' | 'transfer' | 'endless' | 'hijack';

/** One operation of the Engine API. In `path`, `{…}` is a parameter. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly semantics: Semantics;
  /** The semantics in words; for `not-for-a-cluster` the reason the client is given. */
  readonly note: string;
  readonly duration: Duration;
}

type Row = readonly [Method, `/${string}`, Semantics, string, Duration?];

const SYSTEM = [
  ['GET', '/_ping', 'manager', 'the manager is up'],
  ['HEAD', '/_ping', 'manager', 'the manager is up'],
  ['GET', '/version', 'manager', 'Enxame’s version, the API range of the cluster, the versions of the engines'],
  ['GET', '/info', 'from-cache', 'sums over all nodes, the tree of nodes, warnings about unhealthy ones'],
  [
    'GET',
    '/events',
    'merge-all-nodes',
    'one ordered stream of the events of all engines and of the cluster itself',
    'endless',
  ],
  ['GET', '/system/df', 'merge-all-nodes', 'added up over the healthy nodes, with a deadline per node'],
  ['POST', '/auth', 'any-node', 'a healthy node asks the registry'],
] as const;

const CONTAINERS = [
  ['GET', '/containers/json', 'from-cache', 'all containers of all nodes, with every filter and `node`'],
  ['POST', '/containers/create', 'schedule', 'the scheduler chooses a node; the body goes there nearly untouched'],
  [
    'GET',
    '/containers/{id}/json',
    'to-container-node',
    'the engine’s answer with `Node` and the ports’ real addresses',
  ],
  ['GET', '/containers/{id}/top', 'to-container-node', 'passed through'],
  ['GET', '/containers/{id}/logs', 'to-container-node', 'a stream of bytes', 'endless'],
  ['GET', '/containers/{id}/changes', 'to-container-node', 'passed through'],
  ['GET', '/containers/{id}/export', 'to-container-node', 'a stream of bytes', 'transfer'],
  ['GET', '/containers/{id}/stats', 'to-container-node', 'a stream of JSON with the container’s cluster ID', 'endless'],
  ['POST', '/containers/{id}/resize', 'to-container-node', 'passed through'],
  ['POST', '/containers/{id}/start', 'to-container-node', 'passed through; listed in its new state before the answer'],
  ['POST', '/containers/{id}/stop', 'to-container-node', 'passed through; listed in its new state before the answer'],
  [
    'POST',
    '/containers/{id}/restart',
    'to-container-node',
    'passed through; listed in its new state before the answer',
  ],
  ['POST', '/containers/{id}/kill', 'to-container-node', 'passed through'],
  ['POST', '/containers/{id}/update', 'to-container-node', 'the node’s reservations follow'],
  ['POST', '/containers/{id}/rename', 'to-container-node', 'the name must be free in the whole cluster'],
  ['POST', '/containers/{id}/pause', 'to-container-node', 'passed through'],
  ['POST', '/containers/{id}/unpause', 'to-container-node', 'passed through'],
  ['POST', '/containers/{id}/attach', 'to-container-node', 'a raw stream with half-close', 'hijack'],
  ['GET', '/containers/{id}/attach/ws', 'to-container-node', 'a WebSocket, passed through', 'hijack'],
  ['POST', '/containers/{id}/wait', 'to-container-node', 'headers at once, the exit code when it comes', 'endless'],
  ['DELETE', '/containers/{id}', 'to-container-node', 'removes the container and the records about it'],
  ['HEAD', '/containers/{id}/archive', 'to-container-node', 'passed through'],
  ['GET', '/containers/{id}/archive', 'to-container-node', 'a stream of bytes', 'transfer'],
  ['PUT', '/containers/{id}/archive', 'to-container-node', 'the body is streamed to the engine', 'transfer'],
  ['POST', '/containers/prune', 'every-node', 'on each healthy node; containers of the cluster’s own agents stay'],
] as const;

const EXEC = [
  ['POST', '/containers/{id}/exec', 'to-container-node', 'the manager remembers the node of the exec’s ID'],
  ['POST', '/exec/{id}/start', 'to-container-node', 'a raw stream with half-close, unless detached', 'hijack'],
  ['POST', '/exec/{id}/resize', 'to-container-node', 'passed through'],
  ['GET', '/exec/{id}/json', 'to-container-node', 'the engine’s answer with the container’s cluster ID'],
] as const;

const IMAGES = [
  ['GET', '/images/json', 'from-cache', 'images of all nodes, each ID once'],
  [
    'POST',
    '/images/create',
    'every-node',
    'pull on the nodes with progress for each; an import goes to one node',
    'transfer',
  ],
  ['GET', '/images/{name}/json', 'one-holder', 'one consistent answer for one reference'],
  ['GET', '/images/{name}/history', 'one-holder', 'passed through'],
  ['POST', '/images/{name}/push', 'one-holder', 'a healthy node that has it pushes', 'transfer'],
  ['POST', '/images/{name}/tag', 'every-holder', 'tagged wherever it is; no other image keeps the tag'],
  ['DELETE', '/images/{name}', 'every-holder', 'removed wherever it is, or nowhere when a node refuses'],
  ['GET', '/images/search', 'any-node', 'a healthy node asks the registry'],
  ['POST', '/images/prune', 'every-node', 'on each healthy node; answers are added up'],
  ['GET', '/images/{name}/get', 'one-holder', 'a stream of bytes', 'transfer'],
  [
    'GET',
    '/images/get',
    'one-holder',
    'from a node that has all of them; missing ones are copied there first',
    'transfer',
  ],
  ['POST', '/images/load', 'schedule', 'the body is streamed to one node; others copy from it on demand', 'transfer'],
  ['POST', '/commit', 'to-container-node', 'the new image is known to the cluster at once'],
  ['GET', '/distribution/{name}/json', 'any-node', 'a healthy node asks the registry'],
] as const;

const BUILD = [
  ['POST', '/build', 'schedule', 'one node builds; others copy from it on demand', 'transfer'],
  ['POST', '/build/prune', 'every-node', 'on each healthy node; answers are added up'],
  ['POST', '/session', 'sticky-session', 'goes to the node that builds', 'hijack'],
] as const;

const VOLUMES = [
  ['GET', '/volumes', 'from-cache', 'volumes of all nodes, each name once'],
  ['POST', '/volumes/create', 'schedule', 'a local volume has one home'],
  ['GET', '/volumes/{id}', 'one-holder', 'asked at its home'],
  ['PUT', '/volumes/{id}', 'not-for-a-cluster', 'cluster volumes need swarm mode'],
  ['DELETE', '/volumes/{id}', 'every-holder', 'removed at its home'],
  ['POST', '/volumes/prune', 'every-node', 'on each healthy node; answers are added up'],
] as const;

const NETWORKS = [
  ['GET', '/networks', 'from-cache', 'a cluster network once, with one ID'],
  ['GET', '/networks/{id}', 'merge-all-nodes', 'one answer with the endpoints of all nodes'],
  ['DELETE', '/networks/{id}', 'every-holder', 'removed everywhere'],
  ['POST', '/networks/create', 'schedule', 'spans the cluster unless it asks for a local driver'],
  ['POST', '/networks/{id}/connect', 'to-container-node', 'at the node of the container'],
  ['POST', '/networks/{id}/disconnect', 'to-container-node', 'at the node of the container'],
  ['POST', '/networks/prune', 'every-node', 'on each healthy node; a network in use anywhere stays'],
] as const;

const PLUGINS = [
  ['GET', '/plugins', 'merge-all-nodes', 'the plugins that every node has'],
  ['GET', '/plugins/privileges', 'any-node', 'a healthy node asks the registry'],
  ['POST', '/plugins/pull', 'every-node', 'installed on each node', 'transfer'],
  ['GET', '/plugins/{name}/json', 'one-holder', 'passed through'],
  ['DELETE', '/plugins/{name}', 'every-holder', 'removed wherever it is'],
  ['POST', '/plugins/{name}/enable', 'every-holder', 'wherever it is'],
  ['POST', '/plugins/{name}/disable', 'every-holder', 'wherever it is'],
  ['POST', '/plugins/{name}/upgrade', 'every-holder', 'wherever it is', 'transfer'],
  ['POST', '/plugins/create', 'every-node', 'the body is streamed to the nodes', 'transfer'],
  ['POST', '/plugins/{name}/push', 'one-holder', 'a node that has it pushes', 'transfer'],
  ['POST', '/plugins/{name}/set', 'every-holder', 'wherever it is'],
] as const;

const SWARM_MODE = [
  ['GET', '/nodes', 'from-cache', 'the cluster’s nodes, and those that left with something on them'],
  ['GET', '/nodes/{id}', 'from-cache', 'by ID, name, address or prefix of the ID'],
  ['DELETE', '/nodes/{id}', 'manager', 'forgets a node that left, the homes of its volumes and its labels'],
  ['POST', '/nodes/{id}/update', 'manager', 'labels and `active`, `pause` or `drain`; no roles'],
  ['GET', '/swarm', 'not-for-a-cluster', 'to clients the endpoint is an engine outside swarm mode'],
  ['POST', '/swarm/init', 'not-for-a-cluster', 'the endpoint is a cluster already'],
  ['POST', '/swarm/join', 'not-for-a-cluster', 'the endpoint is a cluster already'],
  ['POST', '/swarm/leave', 'not-for-a-cluster', 'to clients the endpoint is an engine outside swarm mode'],
  ['POST', '/swarm/update', 'not-for-a-cluster', 'to clients the endpoint is an engine outside swarm mode'],
  ['GET', '/swarm/unlockkey', 'not-for-a-cluster', 'to clients the endpoint is an engine outside swarm mode'],
  ['POST', '/swarm/unlock', 'not-for-a-cluster', 'to clients the endpoint is an engine outside swarm mode'],
  ['GET', '/services', 'not-for-a-cluster', 'swarm-mode services; use compose'],
  ['POST', '/services/create', 'not-for-a-cluster', 'swarm-mode services; use compose'],
  ['GET', '/services/{id}', 'not-for-a-cluster', 'swarm-mode services; use compose'],
  ['DELETE', '/services/{id}', 'not-for-a-cluster', 'swarm-mode services; use compose'],
  ['POST', '/services/{id}/update', 'not-for-a-cluster', 'swarm-mode services; use compose'],
  ['GET', '/services/{id}/logs', 'not-for-a-cluster', 'swarm-mode services; use compose'],
  ['GET', '/tasks', 'from-cache', 'a node’s containers, for `docker node ps`; there are no services'],
  ['GET', '/tasks/{id}', 'not-for-a-cluster', 'swarm-mode tasks; use compose'],
  ['GET', '/tasks/{id}/logs', 'not-for-a-cluster', 'swarm-mode tasks; use compose'],
  ['GET', '/secrets', 'not-for-a-cluster', 'swarm-mode secrets; compose mounts files instead'],
  ['POST', '/secrets/create', 'not-for-a-cluster', 'swarm-mode secrets; compose mounts files instead'],
  ['GET', '/secrets/{id}', 'not-for-a-cluster', 'swarm-mode secrets; compose mounts files instead'],
  ['DELETE', '/secrets/{id}', 'not-for-a-cluster', 'swarm-mode secrets; compose mounts files instead'],
  ['POST', '/secrets/{id}/update', 'not-for-a-cluster', 'swarm-mode secrets; compose mounts files instead'],
  ['GET', '/configs', 'not-for-a-cluster', 'swarm-mode configs; compose mounts files instead'],
  ['POST', '/configs/create', 'not-for-a-cluster', 'swarm-mode configs; compose mounts files instead'],
  ['GET', '/configs/{id}', 'not-for-a-cluster', 'swarm-mode configs; compose mounts files instead'],
  ['DELETE', '/configs/{id}', 'not-for-a-cluster', 'swarm-mode configs; compose mounts files instead'],
  ['POST', '/configs/{id}/update', 'not-for-a-cluster', 'swarm-mode configs; compose mounts files instead'],
] as const;

/** Operations that engines serve and the published API description does not list. */
const UNLISTED = [
  ['POST', '/grpc', 'sticky-session', 'BuildKit; goes to the node that builds', 'hijack'],
  ['POST', '/build/cancel', 'sticky-session', 'goes to the node that builds'],
] as const;

type TableRow =
  | (typeof SYSTEM)[number]
  | (typeof CONTAINERS)[number]
  | (typeof EXEC)[number]
  | (typeof IMAGES)[number]
  | (typeof BUILD)[number]
  | (typeof VOLUMES)[number]
  | (typeof NETWORKS)[number]
  | (typeof PLUGINS)[number]
  | (typeof SWARM_MODE)[number]
  | (typeof UNLISTED)[number]
  | (typeof OWN_OPERATIONS)[number];

/** `METHOD /path` of an operation in the table, e.g. `GET /containers/{id}/json`. */
export type RouteKey = TableRow extends infer R
  ? R extends readonly [infer M extends string, infer P extends string, ...unknown[]]
    ? `${M} ${P}`
    : never
  : never;

/** Operations by area, in the order of docs/api.md. */
export const ROUTE_AREAS: Readonly<Record<string, readonly Route[]>> = {
  System: toRoutes(SYSTEM),
  Containers: toRoutes(CONTAINERS),
  Exec: toRoutes(EXEC),
  Images: toRoutes(IMAGES),
  Build: toRoutes(BUILD),
  Networks: toRoutes(NETWORKS),
  Volumes: toRoutes(VOLUMES),
  Plugins: toRoutes(PLUGINS),
  'Swarm mode': toRoutes(SWARM_MODE),
  'Not in the API description': toRoutes(UNLISTED),
  'Beside Docker’s API': toRoutes(OWN_OPERATIONS),
};

/** Every operation of the Engine API and what it means for a cluster. */
export const ROUTES: readonly Route[] = Object.values(ROUTE_AREAS).flat();

/** The key of a route, under which its handler is registered. */
export function routeKey(route: Pick<Route, 'method' | 'path'>): RouteKey {
  return `${route.method} ${route.path}` as RouteKey;
}

function toRoutes(rows: readonly Row[]): readonly Route[] {
  return rows.map(([method, path, semantics, note, duration = 'short']) => ({
    method,
    path,
    semantics,
    note,
    duration,
  }));
}
