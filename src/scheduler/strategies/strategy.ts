import type { LoadTable } from '../load-table.ts';
import type { PlacementRequest } from '../types.ts';

/** Which of the nodes that may take a container takes it. */
export interface Strategy {
  readonly name: string;
  /** Whether replicas of one service avoid each other's nodes before the order counts. Their failure domains they avoid in any case. */
  readonly spreadsOverNodes: boolean;
  /** Makes the order for one request. `random` gives numbers in [0, 1). */
  rank(request: PlacementRequest, random: () => number): Rank;
}

/** The order of nodes for one request: lowest weight first, then lowest tie-break, then the cluster's order. */
export interface Rank {
  /** Called once per node and request, for the node's row. Plain arithmetic: it runs for every node of the cluster. */
  weight(loads: LoadTable, row: number): number;
  tieBreak(loads: LoadTable, row: number): number;
}

/**
 * How full a node would be with the request on it: used shares of CPU and memory added, each 0 to 1, counting only
 * what the request asks for. A request that asks for nothing finds all nodes equally full.
 */
export function fullness({ memoryBytes, nanoCpus }: PlacementRequest): Rank['weight'] {
  if (memoryBytes === 0 && nanoCpus === 0) return () => 0;
  return (loads, row) =>
    (memoryBytes === 0 ? 0 : loads.memoryShare(row, memoryBytes)) +
    (nanoCpus === 0 ? 0 : loads.cpuShare(row, nanoCpus));
}
