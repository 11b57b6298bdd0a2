import { ROUTE_AREAS, type Route, routeKey, type Semantics } from './operations.ts';

/** How docs/api.md says each of the semantics. */
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

const MEANINGS: readonly (readonly string[])[] = [
  ['to the container’s node', 'The engine that runs the container answers; the manager passes the answer on.'],
  ['merged from all nodes', 'Every healthy node is asked at once, each with a deadline; one answer is made of theirs.'],
  ['scheduled', 'The scheduler chooses the node.'],
  ['on every node, on every node that has it', 'Carried out on each; failures are told per node.'],
  ['on one node that has it, on any healthy node', 'The manager chooses one and passes its answer on.'],
  ['from the manager’s state', 'Answered without asking an engine.'],
  ['to the node of its session', 'What belongs together goes to one node.'],
  ['by the manager', 'Answered by the manager itself.'],
  ['not for a cluster', 'Refused with 503, as an engine outside swarm mode refuses it.'],
];

const INTRODUCTION = `# The Docker API of a cluster

A manager serves the [Docker Engine API](https://docs.docker.com/reference/api/engine/) for the whole cluster, with and
without a version in the path (\`/v1.24\` and newer). This page lists every operation and what it means for a cluster. It is
made from the table in \`src/api/operations.ts\`; \`npm run docs:api\` writes it anew.

${table(['answered', 'meaning'], MEANINGS)}

A path that the API does not have is answered with 404, a method that a path does not have with 405, an operation that is
not built yet with 501. Every error has Docker’s form, \`{"message": "…"}\`.
`;

/** The text of docs/api.md. */
export function renderApiDoc(): string {
  const areas = Object.entries(ROUTE_AREAS).map(
    ([area, routes]) => `## ${area}\n\n${table(['operation', 'answered', 'what it means'], routes.map(cells))}\n`,
  );
  return [INTRODUCTION, ...areas].join('\n');
}

function cells(route: Route): readonly string[] {
  return [`\`${routeKey(route)}\``, WORDS[route.semantics], route.note];
}

/** Columns padded to their widest cell, as the formatter of the repository writes tables. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
