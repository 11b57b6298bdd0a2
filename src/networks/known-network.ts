import type { NetworkSummary } from '../engine/types.ts';

/** A network as clients see it: one, whichever nodes hold it. */
export interface KnownNetwork<N> {
  readonly id: string;
  readonly name: string;
  /** Spans the cluster, exists on every node, or lives on one node. */
  readonly kind: 'cluster' | 'predefined' | 'local';
  /** As clients see it, with fields we do not name. */
  readonly summary: NetworkSummary;
  /** As the engines list it. */
  readonly raw: NetworkSummary;
  /** Nodes that list it; for a cluster network those that use it, as far as known. */
  readonly holders: readonly N[];
}
