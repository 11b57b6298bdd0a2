import { type Clock, systemClock } from '../../src/common/clock.ts';

/** A clock that runs `times` as fast as the real one: a driver's minutes of patience pass in a test's milliseconds. */
export function fastClock(times: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * times,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  };
}
