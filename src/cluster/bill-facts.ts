import { PROJECT_LABEL } from '../common/compose-labels.ts';
import type { BilledShare, BillFacts } from '../prices/bill-facts.ts';
import type { Cluster } from './cluster.ts';
import type { Node } from './node.ts';

/** Reads from the model what a bill is computed from. What a node holds is added up again only when it changed. */
export class BillFactsReader {
  readonly #cluster: Pick<Cluster, 'nodes'>;
  readonly #known = new WeakMap<Node, { readonly version: number; readonly shares: readonly BilledShare[] }>();

  constructor(cluster: Pick<Cluster, 'nodes'>) {
    this.#cluster = cluster;
  }

  read(): BillFacts {
    const { nodes } = this.#cluster;
    return {
      nodes: nodes.map(({ id, name, state, labels, totalNanoCpus, totalMemoryBytes }) => ({
        ...{ id, name, state, labels: Object.fromEntries(labels) },
        nanoCpus: totalNanoCpus,
        memoryBytes: totalMemoryBytes,
      })),
      shares: nodes.flatMap((node) => this.#sharesOf(node)),
    };
  }

  #sharesOf(node: Node): readonly BilledShare[] {
    const { version } = node.ledger;
    const known = this.#known.get(node);
    if (known?.version === version && known.shares.every(({ nodeId }) => nodeId === node.id)) return known.shares;
    const shares = addedUp(node);
    this.#known.set(node, { version, shares });
    return shares;
  }
}

/** By project; what belongs to the swarm itself reserves nothing and is left out. */
function addedUp(node: Node): readonly BilledShare[] {
  const found = new Map<string, BilledShare>();
  for (const { engineId, labels, isOfSwarm } of node.containers.values()) {
    if (isOfSwarm) continue;
    const project = labels[PROJECT_LABEL] ?? '';
    const { nanoCpus, memoryBytes } = node.ledger.get(engineId) ?? { nanoCpus: 0, memoryBytes: 0 };
    const before = found.get(project);
    found.set(project, {
      nodeId: node.id,
      project,
      containers: (before?.containers ?? 0) + 1,
      reserving: (before?.reserving ?? 0) + (nanoCpus > 0 || memoryBytes > 0 ? 1 : 0),
      nanoCpus: (before?.nanoCpus ?? 0) + nanoCpus,
      memoryBytes: (before?.memoryBytes ?? 0) + memoryBytes,
    });
  }
  return [...found.values()];
}
