import { DomainTable } from '../scheduler/domain-table.ts';
import { LoadTable } from '../scheduler/load-table.ts';
import type { ClusterView, ContainerView, NodeIds, NodeView } from '../scheduler/types.ts';
import type { Snapshot } from './snapshot.ts';

/** The cluster of a snapshot as the scheduler's filters see it; what depends on other containers is asked elsewhere. */
export function snapshotView({ nodes, addresses, images }: Snapshot): ClusterView {
  const views = nodes.map(
    (node): NodeView => ({
      ...node,
      price: undefined,
      address: '',
      labels: new Map(node.labels),
      reservedMemoryBytes: 0,
      reservedNanoCpus: 0,
      containerCount: 0,
      usesPort: () => false,
    }),
  );
  const byAddress = new Map(addresses.map(([ip, ids]) => [ip, new Set(ids)]));
  const byImage = new Map(images.map(([reference, ids]) => [reference, new Set(ids)]));
  return {
    nodes: views,
    loads: LoadTable.of(views),
    domains: new DomainTable([]),
    findContainers: (): readonly ContainerView[] => [],
    containers: (): Iterable<ContainerView> => [],
    containerLabel: () => undefined,
    groupMembers: () => [],
    nodesWithAddress: (ip): NodeIds => byAddress.get(ip) ?? new Set(),
    nodesWithImage: (reference) => byImage.get(reference),
    imageReferences: () => byImage.entries(),
  };
}
