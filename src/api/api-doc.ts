import type { RouteHandlers } from './call.ts';
import { ROUTE_AREAS, type Route, routeKey, type Semantics } from './operations.ts';

/** The semantics in words, as docs/api.md names them. */
const WORDS: Readonly<Record<Semantics, string>> = {
  'to-container-node': 'to the container’s node',
  'merge-all-nodes': 'merged from all nodes',
  schedule: 'scheduled',
  'every-node': 'on every node',
  'every-holder': 'on every node that has it',
  'one-holder': 'on one node that has it',
  'any-node': 'on any healthy node',
  'from-cache': 'from the manager’s state',
  'sticky-session': 'to the node of its session',
  manager: 'by the manager',
  'not-for-a-cluster': 'not for a cluster (503)',
};

const NOT_BUILT = 'not built yet (501)';

const MEANINGS: readonly (readonly string[])[] = [
  ['to the container’s node', 'The engine that runs the container answers; the manager passes the answer on.'],
  [
    'merged from all nodes',
    'All healthy nodes are asked at once, each with a deadline, and their answers merged into one.',
  ],
  ['scheduled', 'The scheduler chooses the node.'],
  ['on every node, on every node that has it', 'Carried out on each; failures are reported per node.'],
  ['on one node that has it, on any healthy node', 'The manager chooses one and passes its answer on.'],
  ['from the manager’s state', 'Answered without asking an engine.'],
  ['to the node of its session', 'Calls of one session go to one node.'],
  ['by the manager', 'Answered by the manager itself.'],
  ['not for a cluster', 'Refused with 503, as by an engine outside swarm mode.'],
  ['not built yet', 'Refused with 501; call the node’s own engine instead.'],
];

const INTRODUCTION = `# The Docker API of a cluster

A manager serves the [Docker Engine API](https://docs.docker.com/reference/api/engine/) for the whole cluster, with and
without a version in the path (\`/v1.24\` and newer). This page lists every operation and its meaning for a cluster. It is
generated from the tables in \`src/api/operations.ts\` and \`src/api/own-operations.ts\`, and from the handlers that exist: \`npm run docs:api\`.

${table(['answered', 'meaning'], MEANINGS)}

Errors: 404 for an unknown path, 405 for a method the path does not have, 501 for an operation that is not built yet. Every
error has Docker’s form, \`{"message": "…"}\`.
`;

/** The text of docs/api.md. Operations without one of `handlers` are listed as not built, unless they are not for a cluster. */
export function renderApiDoc(handlers: RouteHandlers): string {
  const areas = Object.entries(ROUTE_AREAS).map(
    ([area, routes]) =>
      `## ${area}\n\n${table(
        ['operation', 'answered', 'meaning for a cluster'],
        routes.map((route) => cells(route, handlers)),
      )}\n`,
  );
  return [INTRODUCTION, ...areas].join('\n');
}

function cells(route: Route, handlers: RouteHandlers): readonly string[] {
  const key = routeKey(route);
  const isBuilt = route.semantics === 'not-for-a-cluster' || handlers[key] !== undefined;
  // The note of an operation that is not built says what it will do: not yet for users.
  return [`\`${key}\``, isBuilt ? WORDS[route.semantics] : NOT_BUILT, isBuilt ? route.note : ''];
}

/** Columns padded to their widest cell, as the formatter of the repository writes tables. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
