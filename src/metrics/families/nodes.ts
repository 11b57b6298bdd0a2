import type { Cluster } from '../../cluster/cluster.ts';
import type { Node } from '../../cluster/node.ts';
import type { Meters } from '../meters.ts';
import type { MetricsSources } from '../sources.ts';

interface NodeGauge {
  readonly name: string;
  readonly help: string;
  readonly value: (node: Node) => number;
}

const GAUGES: readonly NodeGauge[] = [
  { name: 'enxame_node_healthy', help: '1 for a healthy node, else 0.', value: ({ isHealthy }) => Number(isHealthy) },
  {
    name: 'enxame_node_paused',
    help: '1 for a node that takes no new containers.',
    value: (n) => Number(n.availability !== 'active'),
  },
  { name: 'enxame_node_cpus', help: 'CPUs of the node.', value: ({ totalNanoCpus }) => totalNanoCpus / 1e9 },
  { name: 'enxame_node_memory_bytes', help: 'Memory of the node.', value: ({ totalMemoryBytes }) => totalMemoryBytes },
  {
    name: 'enxame_node_reserved_cpus',
    help: 'CPUs that containers reserve.',
    value: ({ reservedNanoCpus }) => reservedNanoCpus / 1e9,
  },
  {
    name: 'enxame_node_reserved_memory_bytes',
    help: 'Memory that containers reserve.',
    value: ({ reservedMemoryBytes }) => reservedMemoryBytes,
  },
  {
    name: 'enxame_node_listed_timestamp_seconds',
    help: 'When the node was last listed in full; 0 for never.',
    value: ({ updatedAtMs }) => updatedAtMs / 1_000,
  },
  {
    name: 'enxame_node_clock_offset_seconds',
    help: 'The clock of the node minus the manager’s.',
    value: ({ clockOffsetMs }) => clockOffsetMs / 1_000,
  },
  {
    name: 'enxame_node_streams',
    help: 'Streams open to the engine of the node.',
    value: ({ client }) => client.openStreams,
  },
];

/** One series a node. */
export function nodeMetrics(meters: Meters, { cluster }: MetricsSources): void {
  for (const { name, help, value } of GAUGES) {
    meters.gauge({ name, help, labels: ['node'] }, (report) => {
      for (const node of cluster.nodes) report(value(node), nodeLabel(cluster, node));
    });
  }
  meters.gauge(
    { name: 'enxame_node_containers', help: 'Containers of the node by state.', labels: ['node', 'state'] },
    (report) => {
      for (const node of cluster.nodes) {
        const label = nodeLabel(cluster, node);
        for (const [state, count] of Object.entries(node.counts)) report(count, label, state);
      }
    },
  );
  meters.counter(
    {
      name: 'enxame_node_requests_total',
      help: 'Calls to the engine of the node, as enxame_engine_requests_total.',
      labels: ['node', 'result'],
    },
    (report) => {
      for (const node of cluster.nodes) {
        const label = nodeLabel(cluster, node);
        for (const [result, count] of Object.entries(node.client.tally)) report(count, label, result);
      }
    },
  );
}

/** The node's name; with its entry where several have the name, for no two series may have the same labels. */
export function nodeLabel(cluster: Cluster, node: Node): string {
  return cluster.nodesNamed(node.name).length > 1 ? `${node.name} (${node.entry})` : node.name;
}
