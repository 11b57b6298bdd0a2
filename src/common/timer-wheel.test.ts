import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimerWheel } from './timer-wheel.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A timer that notes when its action ran. */
function noted(wheel: TimerWheel): {
  readonly start: (ms: number) => void;
  readonly stop: () => void;
  readonly ran: number[];
} {
  const ran: number[] = [];
  const timer = wheel.timer(() => ran.push(performance.now()));
  return { ...timer, ran };
}

describe('TimerWheel', () => {
  it('runs the action on the first tick that is not before its time, once', () => {
    const timer = noted(new TimerWheel());
    const startedMs = performance.now();
    timer.start(250);
    vi.advanceTimersByTime(299);
    expect(timer.ran).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(timer.ran).toEqual([startedMs + 300]);
  });

  it('keeps times of any length to a tick or two, whatever others do', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 500_000 }), { maxLength: 20 }), (lengths) => {
        const wheel = new TimerWheel();
        const startedMs = performance.now();
        const timers = lengths.map(() => noted(wheel));
        for (const [i, timer] of timers.entries()) timer.start(lengths[i] ?? 0);
        vi.advanceTimersByTime(500_200);
        for (const [i, { ran }] of timers.entries()) {
          expect(ran).toHaveLength(1);
          const lateMs = (ran[0] ?? 0) - startedMs - (lengths[i] ?? 0);
          expect(lateMs).toBeGreaterThanOrEqual(0);
          expect(lateMs).toBeLessThanOrEqual(200);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('counts from the last start, and not at all after a stop', () => {
    const wheel = new TimerWheel();
    const [moved, stopped] = [noted(wheel), noted(wheel)];
    const startedMs = performance.now();
    moved.start(200);
    stopped.start(200);
    moved.start(1_000);
    moved.start(500);
    stopped.stop();
    stopped.stop();
    vi.advanceTimersByTime(5_000);
    expect(moved.ran).toEqual([startedMs + 500]);
    expect(stopped.ran).toEqual([]);
  });

  it('may be started by its own action, and stop others of the same tick', () => {
    const wheel = new TimerWheel();
    const other = noted(wheel);
    let left = 3;
    const again = wheel.timer(() => {
      other.stop();
      left -= 1;
      if (left > 0) again.start(0);
    });
    again.start(100);
    other.start(100);
    vi.advanceTimersByTime(1_000);
    expect([left, other.ran]).toEqual([0, []]);
  });

  it('lets several ticks pass at once when the process was held up', () => {
    const wheel = new TimerWheel();
    const timers = [100, 900, 200_000].map((ms) => {
      const timer = noted(wheel);
      timer.start(ms);
      return timer;
    });
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 300_000);
    vi.advanceTimersByTime(100);
    expect(timers.map(({ ran }) => ran.length)).toEqual([1, 1, 1]);
    vi.restoreAllMocks();
  });

  it('needs the system only while a timer runs', () => {
    const timer = noted(new TimerWheel());
    expect(vi.getTimerCount()).toBe(0);
    timer.start(1_000);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1_100);
    expect(vi.getTimerCount()).toBe(0);
    timer.start(100);
    vi.advanceTimersByTime(200);
    expect(timer.ran).toHaveLength(2);
  });
});
