import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { groupOf } from '../scheduler/groups.ts';
import type { BalanceMember, BalanceNode } from './spread-table.ts';

/** All nodes as they are now. @param among those that are meant; undefined means all */
export function balanceNodes({ nodes, domains }: Cluster, among?: readonly Node[]): readonly BalanceNode[] {
  return nodes.map((node) => ({
    id: node.id,
    name: node.name,
    domains: domains.labels.map((label) => node.labels.get(label) ?? ''),
    takes: node.isHealthy && node.availability === 'active' && (!among || among.includes(node)),
    totalMemoryBytes: node.totalMemoryBytes,
    totalNanoCpus: node.totalNanoCpus,
    reservedMemoryBytes: node.reservedMemoryBytes,
    reservedNanoCpus: node.reservedNanoCpus,
    containerCount: node.containerCount,
  }));
}

/** Every replica of every service, whether it may move or not. */
export function balanceMembers({ containerList }: Cluster): readonly BalanceMember[] {
  return [...containerList].flatMap(({ labels, nodeId }) => {
    const group = groupOf(labels);
    return group === undefined ? [] : [{ group, nodeId }];
  });
}
