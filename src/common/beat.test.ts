import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Beat } from './beat.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A wait that notes when its action ran. */
function noted(beat: Beat): {
  readonly start: (ms: number) => void;
  readonly stop: () => void;
  readonly ran: number[];
} {
  const ran: number[] = [];
  const wait = beat.wait(() => ran.push(performance.now()));
  return { ...wait, ran };
}

describe('Beat', () => {
  it('ends a wait on the first beat that is not before its time, once', () => {
    const wait = noted(new Beat());
    const startedMs = performance.now();
    wait.start(250);
    vi.advanceTimersByTime(299);
    expect(wait.ran).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(wait.ran).toEqual([startedMs + 300]);
  });

  it('ends waits of any length within a beat, whatever others do', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 500_000 }), { maxLength: 20 }), (lengths) => {
        const beat = new Beat();
        const startedMs = performance.now();
        const waits = lengths.map(() => noted(beat));
        for (const [i, wait] of waits.entries()) wait.start(lengths[i] ?? 0);
        vi.advanceTimersByTime(500_200);
        for (const [i, { ran }] of waits.entries()) {
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
    const beat = new Beat();
    const [moved, stopped] = [noted(beat), noted(beat)];
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

  it('may be started by its own action, and stop others of the same beat', () => {
    const beat = new Beat();
    const other = noted(beat);
    let left = 3;
    const again = beat.wait(() => {
      other.stop();
      left -= 1;
      if (left > 0) again.start(0);
    });
    again.start(100);
    other.start(100);
    vi.advanceTimersByTime(1_000);
    expect([left, other.ran]).toEqual([0, []]);
  });

  it('lets several beats pass at once when the process was held up', () => {
    const beat = new Beat();
    const waits = [100, 900, 200_000].map((ms) => {
      const wait = noted(beat);
      wait.start(ms);
      return wait;
    });
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 300_000);
    vi.advanceTimersByTime(100);
    expect(waits.map(({ ran }) => ran.length)).toEqual([1, 1, 1]);
    vi.restoreAllMocks();
  });

  it('has a timer only while somebody waits', () => {
    const wait = noted(new Beat());
    expect(vi.getTimerCount()).toBe(0);
    wait.start(1_000);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1_100);
    expect(vi.getTimerCount()).toBe(0);
    wait.start(100);
    vi.advanceTimersByTime(200);
    expect(wait.ran).toHaveLength(2);
  });
});
