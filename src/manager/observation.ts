import type { CallObserver } from '../api/call-observer.ts';
import type { Clock } from '../common/clock.ts';
import type { ListenAddress } from '../common/listen-address.ts';
import type { Logger } from '../common/logger.ts';
import type { TlsServerOptions } from '../common/tls-files.ts';
import type { MetricsDetail } from '../metrics/sources.ts';
import type { Sampler } from '../stats/sampler.ts';
import { startWebListener, type WebListener } from '../web/web-listener.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Duties } from './duties.ts';
import type { ClusterModel } from './model.ts';
import type { Services } from './services.ts';
import type { Views } from './views.ts';

export interface ObservationDeps {
  readonly model: ClusterModel;
  readonly state: ClusterState;
  readonly services: Services;
  readonly duties: Duties;
  readonly views: Views;
  /** Undefined when no samples are taken. */
  readonly stats: Sampler | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What operators may look at besides Docker's API, and where. */
export interface ObservationOptions {
  readonly address: ListenAddress;
  /** TLS where others than this machine can reach the address. */
  readonly tls?: TlsServerOptions | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  readonly detail: MetricsDetail;
}

export interface Observation {
  readonly listener: WebListener;
  /** To be told of the calls of clients. */
  readonly calls: CallObserver;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Begins to count and to listen. The model is not started yet. Rejects in one clear line when the address cannot be had. */
export async function openObservation(deps: ObservationDeps, options: ObservationOptions): Promise<Observation> {
  const { model, state, services, duties, views, stats, clock, logger } = deps;
  // Loaded where it is asked for: managers without metrics do without the library.
  const { Metrics } = await import('../metrics/metrics.ts');
  const metrics = new Metrics(
    {
      cluster: model.cluster,
      desired: model.desired,
      stats,
      clock,
      decisions: services.decisions,
      copies: services.images.distribution.copyTally,
      writes: state.store.tally,
      substrate: services.substrateStatus,
      isPrimary: () => duties.role === 'primary',
      waitingRemovals: () => model.tombstones.size,
      publishing: services.publisher,
      eventSubscribers: () => views.events.subscribers,
      problems: () => [...model.problems(), ...services.problems()],
    },
    options,
  );
  const listening = startWebListener({ ...options, flag: '--metrics', serves: [metrics.resource], logger });
  const listener = await listening.catch((error: unknown) => {
    metrics.close();
    throw error;
  });
  return {
    listener,
    calls: metrics.calls,
    close: async () => {
      await listener.close();
      metrics.close();
    },
  };
}
