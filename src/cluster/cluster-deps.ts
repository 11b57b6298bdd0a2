import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { NodeSettings } from './node-settings.ts';
import type { ReservationReader } from './reservation-reader.ts';

/** Containers that clients removed and engines still have. */
export interface Removed {
  readonly size: number;
  has(engineId: string): boolean;
}

export interface ClusterDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Without one, only what listings tell of reservations is known. */
  readonly accounting?: ReservationReader;
  /** What operators said of nodes; followed from now on. */
  readonly settings?: NodeSettings;
}

export interface ClusterOptions {
  /** Labels of nodes that name failure domains, the widest first; empty = replicas are not spread. Default: provider, region, zone. */
  readonly spreadBy?: readonly string[] | undefined;
}
