import type { NodeState } from '../../cluster/node.ts';
import type { Meters } from '../meters.ts';
import type { ModelFollower } from '../model-follower.ts';
import type { MetricsSources } from '../sources.ts';

const NODE_STATES: readonly NodeState[] = ['Pending', 'Healthy', 'Unhealthy'];
const CONTAINER_STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead', 'unreachable'];

/** Nodes and containers of the whole cluster, and what the model hears. */
export function clusterMetrics(meters: Meters, { cluster, problems }: MetricsSources, follower: ModelFollower): void {
  meters.gauge({ name: 'enxame_nodes', help: 'Nodes by state.', labels: ['state'] }, (report) => {
    for (const state of NODE_STATES)
      report(cluster.nodes.filter((node) => node.state === state).length, state.toLowerCase());
  });
  meters.gauge({ name: 'enxame_nodes_paused', help: 'Nodes that take no new containers.' }, (report) =>
    report(cluster.nodes.filter(({ availability }) => availability !== 'active').length),
  );
  meters.counter({ name: 'enxame_node_losses_total', help: 'Times that a healthy node was lost.' }, (report) =>
    report(follower.losses),
  );
  const help = 'Containers by state; unreachable are those of nodes that are not healthy.';
  meters.gauge({ name: 'enxame_containers', help, labels: ['state'] }, (report) => {
    const counts = follower.containers();
    for (const state of new Set([...CONTAINER_STATES, ...counts.keys()])) report(counts.get(state) ?? 0, state);
  });
  meters.gauge(
    { name: 'enxame_containers_unhealthy', help: 'Running containers whose health check fails.' },
    (report) => report(follower.unhealthyContainers),
  );
  meters.counter(
    {
      name: 'enxame_engine_requests_total',
      help: 'Calls to engines: answered, refused (500 or more), failed (no answer), abandoned by the caller.',
      labels: ['result'],
    },
    (report) => {
      for (const [result, count] of Object.entries(follower.calls())) report(count, result);
    },
  );
  meters.gauge({ name: 'enxame_engine_streams', help: 'Streams open to engines.' }, (report) =>
    report(cluster.nodes.reduce((sum, { client }) => sum + client.openStreams, 0)),
  );
  meters.gauge({ name: 'enxame_problems', help: 'Warnings of docker info.' }, (report) => report(problems().length));
}
