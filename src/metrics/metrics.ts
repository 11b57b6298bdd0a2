import type { ServerResponse } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { CallObserver } from '../api/call-observer.ts';
import { VERSION } from '../common/version.ts';
import type { WebResource } from '../web/web-listener.ts';
import { apiMetrics } from './families/api.ts';
import { clusterMetrics } from './families/cluster.ts';
import { moveMetrics } from './families/moves.ts';
import { nodeMetrics } from './families/nodes.ts';
import { publishMetrics } from './families/publish.ts';
import { substrateMetrics } from './families/substrate.ts';
import { usageMetrics } from './families/usage.ts';
import { workMetrics } from './families/work.ts';
import { Meters } from './meters.ts';
import { ModelFollower } from './model-follower.ts';
import type { MoveFollower } from './move-follower.ts';
import type { MetricsDetail, MetricsSources } from './sources.ts';

export interface MetricsOptions {
  readonly detail: MetricsDetail;
}

const LAGS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** The metrics of one manager, in Prometheus' text format. */
export class Metrics {
  /** To be told of the calls of clients. */
  readonly calls: CallObserver;
  readonly #registry = new Registry();
  readonly #meters = new Meters(this.#registry);
  readonly #follower: ModelFollower;
  readonly #moves: MoveFollower;
  #rendering: Promise<string> | undefined;

  /** The model is to have no containers yet, or all of them: what comes is counted from now on. */
  constructor(sources: MetricsSources, { detail }: MetricsOptions) {
    const meters = this.#meters;
    meters.gauge({ name: 'enxame_build_info', help: '1; its label says the version.', labels: ['version'] }, (report) =>
      report(1, VERSION),
    );
    meters.gauge({ name: 'enxame_manager_primary', help: '1 for the manager that has the duties.' }, (report) =>
      report(Number(sources.isPrimary())),
    );
    const onLag = meters.histogram(
      { name: 'enxame_event_lag_seconds', help: 'Age of messages of engines when they arrive.' },
      LAGS,
    );
    this.#follower = new ModelFollower({ ...sources, onLag });
    clusterMetrics(meters, sources, this.#follower);
    if (detail !== 'cluster') nodeMetrics(meters, sources);
    if (sources.stats) usageMetrics(meters, sources.cluster, sources.stats, detail);
    workMetrics(meters, sources, this.#follower);
    publishMetrics(meters, sources);
    this.#moves = moveMetrics(meters, sources);
    substrateMetrics(meters, sources);
    this.calls = apiMetrics(meters);
    collectDefaultMetrics({ register: this.#registry });
  }

  /** All metrics as text; those who ask at the same time get the same. */
  render(): Promise<string> {
    this.#rendering ??= this.#registry.metrics().finally(() => {
      this.#rendering = undefined;
    });
    return this.#rendering;
  }

  /** Name, kind, labels and help of every metric, in the order of their names. */
  async described(): Promise<readonly MetricDescription[]> {
    const all = await this.#registry.getMetricsAsJSON();
    return all
      .map(({ name, help, type }) => ({ name, help, type: String(type), labels: this.#meters.labels.get(name) ?? [] }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What answers at `/metrics`. */
  get resource(): WebResource {
    return { path: '/metrics', answer: (_req, res) => this.#answer(res) };
  }

  /** Idempotent. */
  close(): void {
    this.#follower.close();
    this.#moves.close();
    this.#registry.clear();
  }

  async #answer(res: ServerResponse): Promise<void> {
    const text = await this.render();
    res.writeHead(200, { 'Content-Type': this.#registry.contentType, 'Cache-Control': 'no-store' });
    res.end(text);
  }
}

export interface MetricDescription {
  readonly name: string;
  readonly labels: readonly string[];
  readonly type: string;
  readonly help: string;
}
