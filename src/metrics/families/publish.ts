import type { Meters } from '../meters.ts';
import type { MetricsSources } from '../sources.ts';

/** Published ports at the manager's address and at other nodes, and what passes through the manager's relays. */
export function publishMetrics(meters: Meters, { publishing }: MetricsSources): void {
  meters.gauge(
    { name: 'enxame_published_ports', help: 'Published ports at the endpoint, by state.', labels: ['state'] },
    (report) => {
      const { open, waiting } = publishing.counts;
      report(open, 'open');
      report(waiting, 'unavailable');
    },
  );
  meters.gauge(
    { name: 'enxame_published_ports_everywhere', help: 'Ports that agents open at their nodes.' },
    (report) => report(publishing.everywhere.counts.ports),
  );
  meters.gauge(
    { name: 'enxame_relay_connections', help: 'Connections and UDP flows through published ports now.' },
    (report) => report(publishing.connections.size),
  );
  meters.counter(
    {
      name: 'enxame_relay_connections_total',
      help: 'Connections and UDP flows: taken; refused, being too many; failed, no container taking them.',
      labels: ['result'],
    },
    (report) => {
      const { taken, refused, failed } = publishing.connections.tally;
      report(taken, 'taken');
      report(refused, 'refused');
      report(failed, 'failed');
    },
  );
  meters.counter(
    {
      name: 'enxame_relay_bytes_total',
      help: 'Bytes that clients sent and received through TCP ports of the endpoint.',
      labels: ['direction'],
    },
    (report) => {
      const { received, sent } = publishing.connections.bytes;
      report(received, 'from_client');
      report(sent, 'to_client');
    },
  );
}
