import type { Meters } from '../meters.ts';
import type { ModelFollower } from '../model-follower.ts';
import type { MetricsSources } from '../sources.ts';

/** What the manager did and does: decisions, copies, writes, events. New counters of what it does by itself belong here. */
export function workMetrics(meters: Meters, sources: MetricsSources, follower: ModelFollower): void {
  const { decisions, copies, writes } = sources;
  meters.counter(
    { name: 'enxame_scheduler_placements_total', help: 'Decisions of the scheduler that found a node.' },
    (report) => report(decisions.placed),
  );
  meters.counter(
    {
      name: 'enxame_scheduler_refusals_total',
      help: 'Decisions that found none, by the filter that refused most of the nodes.',
      labels: ['filter'],
    },
    (report) => {
      for (const [filter, count] of decisions.refused) report(count, filter);
    },
  );
  meters.gauge({ name: 'enxame_image_copies_running', help: 'Images on their way between engines.' }, (report) =>
    report(copies.running),
  );
  meters.counter(
    { name: 'enxame_image_copies_total', help: 'Copies of images between engines.', labels: ['result'] },
    (report) => {
      report(copies.copied, 'copied');
      report(copies.failed, 'failed');
    },
  );
  meters.counter({ name: 'enxame_image_copy_bytes_total', help: 'Bytes of images copied.' }, (report) =>
    report(copies.bytes),
  );
  meters.counter(
    { name: 'enxame_store_writes_total', help: 'Writes of the state, made durable or failed.', labels: ['result'] },
    (report) => {
      report(writes.written, 'written');
      report(writes.failed, 'failed');
    },
  );
  meters.counter(
    { name: 'enxame_store_write_seconds_total', help: 'Time that writes of the state took, added up.' },
    (report) => report(writes.seconds),
  );
  meters.gauge({ name: 'enxame_removals_waiting', help: 'Removals that wait for their node.' }, (report) =>
    report(sources.waitingRemovals()),
  );
  meters.counter(
    { name: 'enxame_engine_events_total', help: 'Messages of engines by type.', labels: ['type'] },
    (report) => {
      for (const [type, count] of follower.events) report(count, type);
    },
  );
  meters.gauge({ name: 'enxame_event_subscribers', help: 'Clients that follow events.' }, (report) =>
    report(sources.eventSubscribers()),
  );
}
