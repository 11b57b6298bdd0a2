import { type Clock, systemClock } from '../../src/common/clock.ts';
import type { Timer } from '../../src/common/timer.ts';

/** A clock that runs `times` as fast as the real one: a driver's minutes of patience pass in a test's milliseconds. */
export function fastClock(times: number): Clock {
  const start = Date.now();
  const fast = (timer: Timer): Timer => ({ start: (ms) => timer.start(ms / times), stop: () => timer.stop() });
  return {
    now: () => start + (Date.now() - start) * times,
    elapsed: () => performance.now() * times,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
    timer: (action) => fast(systemClock.timer(action)),
    coarseTimer: (action) => fast(systemClock.coarseTimer(action)),
  };
}
