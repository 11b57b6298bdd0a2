import type { Cluster } from '../cluster/cluster.ts';
import type { Clock } from '../common/clock.ts';
import type { FencingTimes } from './times.ts';
import type { Standing } from './verdict.ts';

export interface StandingsDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Whether silence is the nodes' own: not while the manager may be the one that is cut off. Default: always. */
  readonly mayJudge?: (() => boolean) | undefined;
}

/** How long nodes have not been reached. */
export class Standings {
  readonly #deps: StandingsDeps;
  readonly #lostMs: number;
  readonly #downSince = new Map<string, number>();
  readonly #startedMs: number;
  readonly #unsubscribe: () => void;

  constructor(deps: StandingsDeps, { lostMs }: Pick<FencingTimes, 'lostMs'>) {
    this.#deps = deps;
    this.#lostMs = lostMs;
    this.#startedMs = deps.clock.elapsed();
    this.#unsubscribe = deps.cluster.subscribe((event) => {
      if (event.kind !== 'node-state') return;
      const { id } = event.node;
      if (event.to === 'Healthy') this.#downSince.delete(id);
      else if (event.from === 'Healthy') this.#downSince.set(id, deps.clock.elapsed());
    });
  }

  of(nodeId: string): Standing {
    const { cluster, clock, mayJudge } = this.#deps;
    if (cluster.node(nodeId)?.isHealthy) return 'healthy';
    const sinceMs = this.#downSince.get(nodeId) ?? this.#startedMs;
    return clock.elapsed() - sinceMs >= this.#lostMs && (mayJudge?.() ?? true) ? 'lost' : 'doubtful';
  }

  close(): void {
    this.#unsubscribe();
  }
}
