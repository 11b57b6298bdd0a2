import { describe, expect, test } from 'vitest';
import { LossWatch } from './loss-watch.ts';

const down = (...ids: readonly string[]): { id: string; state: string }[] =>
  ids.map((id) => ({ id, state: 'Unhealthy' }));

describe('a node', () => {
  test('is lost after the grace, and for as long as it is unhealthy', () => {
    const watch = new LossWatch(1_000);
    for (const nowMs of [0, 250, 500, 750]) watch.beat(nowMs, down('a'));
    expect(watch.isLost('a')).toBe(false);
    watch.beat(1_000, down('a'));
    expect(watch.isLost('a')).toBe(true);
    watch.beat(1_500, down('a'));
    expect(watch.lostMs('a')).toBe(500);
    watch.beat(1_750, [{ id: 'a', state: 'Healthy' }]);
    expect(watch.isLost('a')).toBe(false);
  });

  test('that was never reached is not lost', () => {
    const watch = new LossWatch(0);
    watch.beat(0, [{ id: 'a', state: 'Pending' }]);
    expect(watch.isLost('a')).toBe(false);
  });

  test.each([
    ['was suspended', 60_000],
    ['has its clock set back', -60_000],
  ])('is given its grace again when the manager %s', (_case, jumpMs) => {
    const watch = new LossWatch(1_000);
    for (let nowMs = 0; nowMs <= 2_000; nowMs += 250) watch.beat(nowMs, down('a'));
    expect(watch.isLost('a')).toBe(true);
    watch.beat(2_000 + jumpMs, down('a'));
    expect(watch.isLost('a')).toBe(false);
    for (let ms = 250; ms <= 1_000; ms += 250) watch.beat(2_000 + jumpMs + ms, down('a'));
    expect(watch.isLost('a')).toBe(true);
  });
});

test('nodes that go together are waited for, but not for ever', () => {
  const watch = new LossWatch(1_000);
  watch.beat(0, down('a'));
  watch.beat(500, down('a', 'b'));
  watch.beat(1_000, down('a', 'b'));
  expect([watch.isLost('a'), watch.isUndecided]).toEqual([true, true]);
  watch.beat(1_500, down('a', 'b'));
  expect(watch.isUndecided).toBe(false);
  watch.beat(1_750, down('a', 'b', 'c'));
  watch.beat(2_250, down('a', 'b', 'c'));
  expect(watch.isUndecided).toBe(false);
});
