import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { IdleSweep } from './idle-sweep.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A connection that takes itself away when it is closed. */
function connectionOf(sweep: IdleSweep): { idleSince: number | undefined; closed: number; closeIdle(): void } {
  const connection = {
    idleSince: undefined as number | undefined,
    closed: 0,
    closeIdle() {
      connection.closed += 1;
      sweep.remove(connection);
    },
  };
  sweep.add(connection);
  return connection;
}

test('closes what was idle for a minute, and nothing that is in use', () => {
  const sweep = new IdleSweep();
  const [idle, used] = [connectionOf(sweep), connectionOf(sweep)];
  idle.idleSince = sweep.now;
  vi.advanceTimersByTime(60_000);
  expect(idle.closed).toBe(0);
  vi.advanceTimersByTime(10_000);
  vi.advanceTimersByTime(600_000);
  expect([idle.closed, used.closed]).toEqual([1, 0]);
});

test('has a timer only while there are connections', () => {
  const sweep = new IdleSweep();
  const connection = connectionOf(sweep);
  expect(vi.getTimerCount()).toBe(1);
  sweep.remove(connection);
  expect(vi.getTimerCount()).toBe(0);
});
