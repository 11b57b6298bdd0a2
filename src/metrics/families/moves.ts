import type { Meters } from '../meters.ts';
import { MoveFollower } from '../move-follower.ts';
import type { MetricsSources } from '../sources.ts';

/** A grace period and the time to make a container: from seconds to a quarter of an hour. */
const GAPS = [5, 10, 20, 30, 45, 60, 90, 120, 300, 900];

/** Moves of containers, failover included. Returns what counts them, to be closed. */
export function moveMetrics(meters: Meters, sources: MetricsSources): MoveFollower {
  const onGap = meters.histogram(
    {
      name: 'enxame_failover_gap_seconds',
      help: 'From the loss of a node until a container of it was made anew elsewhere.',
    },
    GAPS,
  );
  const follower = new MoveFollower({ ...sources, onGap });
  meters.gauge({ name: 'enxame_moves_running', help: 'Moves of containers under way.' }, (report) =>
    report(follower.running),
  );
  meters.counter(
    {
      name: 'enxame_moves_total',
      help: 'Moves of containers that ended; those of lost nodes are called replace.',
      labels: ['how', 'result'],
    },
    (report) => {
      for (const [how, result, count] of follower.ended()) report(count, how, result);
    },
  );
  return follower;
}
