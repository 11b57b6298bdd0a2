import type { Meters } from '../meters.ts';
import type { MetricsSources } from '../sources.ts';

/** The swarm mode under cluster networks. */
export function substrateMetrics(meters: Meters, { substrate }: MetricsSources): void {
  meters.gauge(
    { name: 'enxame_substrate_formed', help: '1 while there is a substrate of cluster networks.' },
    (report) => report(Number(substrate().swarmId !== undefined)),
  );
  meters.gauge({ name: 'enxame_substrate_managers', help: 'Engines that are its managers.' }, (report) =>
    report(substrate().managers.length),
  );
  meters.gauge({ name: 'enxame_substrate_nodes', help: 'Nodes that take part in it.' }, (report) =>
    report(substrate().active.size),
  );
  meters.gauge(
    { name: 'enxame_substrate_problems', help: 'Nodes that take no part in it, and notices of all of it.' },
    (report) => report(substrate().problems.size + substrate().notices.length),
  );
}
