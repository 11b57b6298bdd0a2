import { canonicalIp, isAnyHost } from '../port-table.ts';
import type { ClusterView, NodeIds, NodeView, PlacementRequest } from '../types.ts';
import type { Check, Filter } from './filter.ts';

/**
 * A port published on one address of a host (`-p 10.0.0.3:80:80`) goes to the node that has it. When no node is known to have it and
 * the container is bound to one node anyway, the engine is left to judge: hosts may have addresses we do not know.
 */
export const hostAddressFilter: Filter = {
  name: 'hostaddress',
  prepare({ ports, constraints }: PlacementRequest, cluster: ClusterView): Check | undefined {
    const addresses = [...new Set(ports.map(({ ip }) => canonicalIp(ip)).filter((ip) => !isAnyHost(ip)))];
    if (addresses.length === 0) return undefined;
    const isPinned = constraints.some(
      ({ key, operator, isSoft, pattern }) =>
        key.toLowerCase() === 'node' && operator === '==' && !isSoft && pattern.kind === 'exact',
    );
    const holders = addresses.map((ip) => ({ ip, nodes: cluster.nodesWithAddress(ip) }));
    const judged = isPinned ? holders.filter(({ nodes }) => nodes.size > 0) : holders;
    if (judged.length === 0) return undefined;
    return {
      accepts: (node) => judged.every(({ nodes }) => nodes.has(node.id)),
      explain: (refused) => explain(judged, refused),
    };
  },
};

function explain(
  holders: readonly { readonly ip: string; readonly nodes: NodeIds }[],
  refused: readonly NodeView[],
): string {
  const missing = holders.filter(({ nodes }) => refused.some((node) => !nodes.has(node.id)));
  const unknown = missing.filter(({ nodes }) => nodes.size === 0).map(({ ip }) => ip);
  if (unknown.length === 0) return `does not have the host address ${missing.map(({ ip }) => ip).join(', ')}`;
  return `no known node has the host address ${unknown.join(', ')}: publish on an address of a node, or name the node that has it (constraint:node==NAME, or the engine label io.enxame.addresses)`;
}
