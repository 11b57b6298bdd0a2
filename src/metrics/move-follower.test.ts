import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { RecordChanged } from '../desired/desired-state.ts';
import type { ContainerRecord, OpenMove } from '../desired/record.ts';
import { MoveFollower } from './move-follower.ts';

/** A follower, and what tells it. */
function followed(records: readonly ContainerRecord[] = []) {
  const clock = new FakeClock();
  const gaps: number[] = [];
  let change = (_: RecordChanged): void => undefined;
  let event = (_: ClusterEvent): void => undefined;
  const follower = new MoveFollower({
    clock,
    desired: {
      all: () => records.values(),
      subscribe: (listener) => {
        change = listener;
        return () => undefined;
      },
    },
    cluster: {
      subscribe: (listener: (event: ClusterEvent) => void) => {
        event = listener;
        return () => undefined;
      },
    } as Cluster,
    onGap: (seconds) => gaps.push(seconds),
  });
  const tell = (before?: ContainerRecord, after?: ContainerRecord): void => change({ before, after } as RecordChanged);
  const node = (id: string, from: string, isHealthy: boolean): void =>
    event({ kind: 'node-state', from, node: { id, isHealthy } } as unknown as ClusterEvent);
  const ended = (): readonly string[] =>
    [...follower.ended()].filter(([, , count]) => count > 0).map((each) => each.join(' '));
  return { follower, clock, gaps, tell, node, ended };
}

function record(nodeId: string, move?: OpenMove['how']): ContainerRecord {
  const at = (id: string): ContainerRecord['current'] =>
    ({ nodeId: id, attempt: `at ${id}` }) as ContainerRecord['current'];
  const open = move && { move: { how: move, to: at('two'), why: '', sinceMs: 0 } };
  return { key: 'k', name: 'web', current: at(nodeId), ...open } as ContainerRecord;
}

test('a move is under way until it ended, well or not', () => {
  const { follower, tell, ended } = followed([record('one', 'stop-first')]);
  expect(follower.running).toBe(1);
  tell(record('one', 'stop-first'), record('two'));
  tell(record('one'), record('one', 'start-first'));
  expect([follower.running, ...ended()]).toEqual([1, 'stop-first moved 1']);
  tell(record('one', 'start-first'), record('one', 'start-first'));
  tell(record('one', 'start-first'), record('one'));
  tell(record('one', 'replace'), undefined);
  expect(ended()).toEqual(['start-first undone 1', 'stop-first moved 1', 'replace undone 1']);
});

test('a failover takes as long as the node was gone, and other moves take no gap', () => {
  const { clock, gaps, tell, node } = followed();
  node('one', 'Healthy', false);
  clock.advance(42_000);
  tell(record('one', 'replace'), record('two'));
  tell(record('one', 'start-first'), record('two'));
  node('one', 'Unhealthy', true);
  tell(record('one', 'replace'), record('two'));
  expect(gaps).toEqual([42]);
});
