import type { Cluster } from '../../cluster/cluster.ts';
import type { Sampler } from '../../stats/sampler.ts';
import { MEASURES, NO_USAGE, type Usage } from '../../stats/usage.ts';
import type { Meters } from '../meters.ts';
import type { MetricsDetail } from '../sources.ts';
import { nodeLabel } from './nodes.ts';

const NAMES: Readonly<Record<keyof Usage, readonly [name: string, what: string]>> = {
  cpus: ['used_cpus', 'CPUs in use'],
  memory: ['used_memory_bytes', 'Memory in use, without cache that can be given back'],
  received: ['received_bytes_per_second', 'Bytes a second that arrive over networks'],
  sent: ['sent_bytes_per_second', 'Bytes a second that leave over networks'],
  read: ['read_bytes_per_second', 'Bytes a second read from disks'],
  written: ['written_bytes_per_second', 'Bytes a second written to disks'],
};

/** What the samples say, down to what is asked for. Containers, where they are told apart, are gone through at a scrape. */
export function usageMetrics(meters: Meters, cluster: Cluster, stats: Sampler, detail: MetricsDetail): void {
  meters.counter(
    { name: 'enxame_stats_samples_total', help: 'Samples of what containers use.', labels: ['result'] },
    (report) => {
      report(stats.tally.taken, 'taken');
      report(stats.tally.failed, 'failed');
    },
  );
  meters.gauge(
    { name: 'enxame_stats_interval_seconds', help: 'Time between two samples of one container.' },
    (report) => report(stats.intervalSeconds),
  );
  for (const measure of MEASURES) {
    const [name, what] = NAMES[measure];
    if (detail === 'cluster') continue;
    meters.gauge({ name: `enxame_node_${name}`, help: `${what} by its containers.`, labels: ['node'] }, (report) => {
      for (const node of cluster.nodes)
        report((stats.node(node)?.usage ?? NO_USAGE)[measure], nodeLabel(cluster, node));
    });
    if (detail !== 'containers') continue;
    meters.gauge(
      { name: `enxame_container_${name}`, help: `${what} by the container.`, labels: ['container', 'node'] },
      (report) => {
        for (const { container, usage } of stats.running)
          if (usage) report(usage[measure], container.name, nodeLabel(cluster, container.node));
      },
    );
  }
}
