import { expect, test } from 'vitest';
import { FakeSwarms } from '../../test/fakes/fake-swarms.ts';
import { seesLeader } from './leader-sight.ts';
import { MARK_LABEL } from './types.ts';

const MARKS = new Set(['c1']);
const signal = new AbortController().signal;

/** Engine a manages a swarm of ours with a leader; b is in none. */
function world(mark = 'c1'): FakeSwarms {
  const swarms = new FakeSwarms(['a', 'b']);
  swarms.found('a', { [MARK_LABEL]: mark });
  return swarms;
}

function known(...managers: readonly string[]) {
  return { swarmId: 's', nodes: managers.map((memberId) => ({ nodeId: memberId, memberId, isManager: true })) };
}

test('a manager with a leader is seen, remembered or not', async () => {
  const swarms = world();
  expect(await seesLeader(swarms.nodes, undefined, MARKS, signal)).toBe(true);
  expect(await seesLeader(swarms.nodes, known('a'), MARKS, signal)).toBe(true);
});

test('only those that are remembered are asked', async () => {
  const swarms = world();
  expect(await seesLeader(swarms.nodes, known('b'), MARKS, signal)).toBe(false);
  expect(swarms.calls.filter((call) => call.startsWith('a '))).toEqual([]);
});

test('not what does not answer, has no leader or is another cluster’s', async () => {
  const down = world();
  down.setHealth('a', false);
  expect(await seesLeader(down.nodes, undefined, MARKS, signal)).toBe(false);
  const leaderless = world();
  leaderless.engine('a').canManage = false;
  expect(await seesLeader(leaderless.nodes, known('a'), MARKS, signal)).toBe(false);
  expect(await seesLeader(world('c2').nodes, undefined, MARKS, signal)).toBe(false);
});
