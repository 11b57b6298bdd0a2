import type { Cluster } from '../cluster/cluster.ts';
import type { Clock } from '../common/clock.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { CopyTally } from '../images/image-copies.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { DecisionTally } from '../scheduler/placer.ts';
import type { Sampler } from '../stats/sampler.ts';
import type { WriteTally } from '../store/state-store.ts';
import type { SubstrateStatus } from '../substrate/status-board.ts';

/** What metrics are read from. The rooms count by themselves, in plain numbers; nothing here is called on a request's path. */
export interface MetricsSources {
  readonly cluster: Cluster;
  readonly desired: Pick<DesiredState, 'all' | 'subscribe'>;
  readonly clock: Clock;
  /** Undefined when no samples are taken: then there are no metrics of use. */
  readonly stats: Sampler | undefined;
  readonly decisions: DecisionTally;
  readonly copies: CopyTally;
  readonly writes: WriteTally;
  readonly substrate: () => SubstrateStatus;
  /** Whether this manager has the primary's duties. */
  readonly isPrimary: () => boolean;
  /** Removals that wait for their node. */
  readonly waitingRemovals: () => number;
  /** Clients that follow events. */
  readonly eventSubscribers: () => number;
  /** Published ports at the endpoint and at other nodes. */
  readonly publishing: Pick<Publisher, 'counts' | 'connections' | 'everywhere'>;
  /** What `docker info` warns of. */
  readonly problems: () => readonly string[];
}

/** What metrics tell apart, the most last: the number of series grows with it. */
export const METRICS_DETAILS = ['cluster', 'nodes', 'containers'] as const;

export type MetricsDetail = (typeof METRICS_DETAILS)[number];
