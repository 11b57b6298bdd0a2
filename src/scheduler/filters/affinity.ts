import type { Expression } from '../expression.ts';
import { matchesPattern } from '../pattern.ts';
import type { ClusterView, NodeIds, NodeView, PlacementRequest } from '../types.ts';
import { ambiguity } from './dependency.ts';
import type { Check, Condition, Filter } from './filter.ts';
import { checkOf } from './filter.ts';

/** Near (`==`) or away from (`!=`) containers, images, or containers with a label. Stopped containers count. */
export const affinityFilter: Filter = {
  name: 'affinity',
  prepare(request: PlacementRequest, cluster: ClusterView): Check | undefined {
    const { replaces = NONE } = request;
    const conditions = request.affinities.map((expression) => toCondition(expression, cluster, replaces));
    return checkOf('affinity', conditions);
  },
};

/** The nodes an expression's pattern is found on, and what to tell when that is not enough. */
interface Finding {
  readonly nodes: NodeIds;
  readonly hint: string;
}

const NOWHERE: NodeIds = new Set();
const NONE: ReadonlySet<string> = new Set();

/** To be near what the container replaces is possible, to be away from it is no use: it goes. */
function toCondition(expression: Expression, cluster: ClusterView, replaces: ReadonlySet<string>): Condition {
  const isWanted = expression.operator === '==';
  const { nodes, hint } = find(expression, cluster, isWanted ? NONE : replaces);
  return {
    expression,
    accepts: (node: NodeView) => nodes.has(node.id) === isWanted,
    hint: () => (isWanted ? hint : ''),
  };
}

function find(expression: Expression, cluster: ClusterView, without: ReadonlySet<string>): Finding {
  if (expression.key === 'container') return findContainers(expression, cluster, without);
  if (expression.key === 'image') return findImages(expression, cluster);
  return findLabel(expression, cluster, without);
}

function findContainers(
  { pattern, operator }: Expression,
  cluster: ClusterView,
  without: ReadonlySet<string>,
): Finding {
  if (pattern.kind === 'exact') {
    const named = cluster.findContainers(pattern.value.replace(/^\//, ''));
    const found = without.size === 0 ? named : named.filter(({ id }) => !without.has(id));
    const isAmbiguous = found.length > 1 && operator === '==';
    if (isAmbiguous) return { nodes: NOWHERE, hint: `the name is ambiguous, ${ambiguity(found, cluster)}` };
    return finding(new Set(found.map((container) => container.nodeId)), 'no such container');
  }
  const nodes = new Set<string>();
  for (const { id, name, nodeId } of cluster.containers()) {
    if (!nodes.has(nodeId) && !without.has(id) && (pattern.test(name) || pattern.test(id))) nodes.add(nodeId);
  }
  return finding(nodes, 'no container matches');
}

function findImages({ pattern }: Expression, cluster: ClusterView): Finding {
  const none = 'no node has the image';
  if (pattern.kind === 'exact') return finding(cluster.nodesWithImage(pattern.value) ?? NOWHERE, none);
  const nodes = new Set<string>();
  for (const [reference, holders] of cluster.imageReferences()) {
    if (pattern.test(reference) || pattern.test(repositoryOf(reference))) addAll(nodes, holders);
  }
  return finding(nodes, none);
}

function findLabel({ key, pattern }: Expression, cluster: ClusterView, without: ReadonlySet<string>): Finding {
  const values = cluster.containerLabel(key, without);
  if (values === undefined) return finding(NOWHERE, `no container has the label ${key}`);
  const none = `no container has this value of the label ${key}`;
  if (pattern.kind === 'exact') return finding(values.get(pattern.value) ?? NOWHERE, none);
  const nodes = new Set<string>();
  for (const [value, holders] of values) if (matchesPattern(pattern, value)) addAll(nodes, holders);
  return finding(nodes, none);
}

function finding(nodes: NodeIds, hintWhenNone: string): Finding {
  return { nodes, hint: nodes.size === 0 ? hintWhenNone : '' };
}

function addAll(target: Set<string>, nodes: NodeIds): void {
  for (const id of nodes.keys()) target.add(id);
}

/** `host:5000/redis:7` → `host:5000/redis`: an expression may name an image with or without its tag. */
function repositoryOf(reference: string): string {
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/') ? reference.slice(0, colon) : reference;
}
