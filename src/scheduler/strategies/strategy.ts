import type { NodeView, PlacementRequest } from '../types.ts';

/** Which of the nodes that may take a container takes it. */
export interface Strategy {
  readonly name: string;
  /** Makes the order for one request. `random` gives numbers in [0, 1). */
  rank(request: PlacementRequest, random: () => number): Rank;
}

/** The order of nodes for one request: lowest weight first, then lowest tie-break, then the cluster's order. */
export interface Rank {
  /** Called once per node and request. Plain arithmetic: it runs for every node of the cluster. */
  weight(node: NodeView): number;
  tieBreak(node: NodeView): number;
}

/**
 * How full a node would be with the request on it: used shares of CPU and memory added, each 0 to 1, counting only
 * what the request asks for. A request that asks for nothing finds all nodes equally full.
 */
export function fullness({ memoryBytes, nanoCpus }: PlacementRequest): (node: NodeView) => number {
  if (memoryBytes === 0 && nanoCpus === 0) return () => 0;
  return (node) =>
    (memoryBytes === 0 ? 0 : (node.reservedMemoryBytes + memoryBytes) / node.totalMemoryBytes) +
    (nanoCpus === 0 ? 0 : (node.reservedNanoCpus + nanoCpus) / node.totalNanoCpus);
}
