import type { ClusterView, ContainerView, Dependency, PlacementRequest } from '../types.ts';
import type { Check, Filter } from './filter.ts';
import { nodeName } from './words.ts';

/** A container shares the node of those it needs: volumes-from, link, and the network, pid or ipc of another container. */
export const dependencyFilter: Filter = {
  name: 'dependency',
  prepare(request: PlacementRequest, cluster: ClusterView): Check | undefined {
    if (request.dependencies.length === 0) return undefined;
    const found = request.dependencies.map((dependency) => ({
      dependency,
      containers: cluster.findContainers(dependency.container),
    }));
    const common = commonNode(found.map(({ containers }) => containers));
    return {
      accepts: (node) => node.id === common,
      explain: () => explainAll(found, cluster),
    };
  },
};

/** The one node all of them are on; undefined when one is unknown or ambiguous, or they are on several. */
function commonNode(found: readonly (readonly ContainerView[])[]): string | undefined {
  const nodeIds = new Set(found.map((containers) => (containers.length === 1 ? containers[0]?.nodeId : undefined)));
  const [nodeId] = nodeIds;
  return nodeIds.size === 1 ? nodeId : undefined;
}

/** So many are explained: with more of them, the first ones tell enough. */
const MAX_EXPLAINED = 5;

interface Found {
  readonly dependency: Dependency;
  readonly containers: readonly ContainerView[];
}

function explainAll(found: readonly Found[], cluster: ClusterView): string {
  const shown = found.slice(0, MAX_EXPLAINED);
  const more = found.length > shown.length ? ` and ${found.length - shown.length} more` : '';
  return shown.map(({ dependency, containers }) => explain(dependency, containers, cluster)).join(', ') + more;
}

function explain({ option, container }: Dependency, found: readonly ContainerView[], cluster: ClusterView): string {
  const [only] = found;
  if (only === undefined) return `${option} ${container}: no such container`;
  if (found.length > 1) return `${option} ${container} is ambiguous: ${ambiguity(found, cluster)}`;
  return `${option} ${container} is on ${nodeName(cluster, only.nodeId)}`;
}

/** The containers one reference could mean, written so that each can be used instead. */
export function ambiguity(found: readonly ContainerView[], cluster: ClusterView): string {
  const shown = found.slice(0, 3).map((container) => `${nodeName(cluster, container.nodeId)}/${container.name}`);
  const more = found.length > shown.length ? ` and ${found.length - shown.length} more` : '';
  return `it can be ${shown.join(', ')}${more}`;
}
