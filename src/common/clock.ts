import { SystemTimer, type Timer } from './timer.ts';
import { TimerWheel } from './timer-wheel.ts';

/** Time as a dependency, so that tests advance it by hand. Nothing here keeps the process alive. */
export interface Clock {
  /** Milliseconds since the epoch; people and time servers set it forward and back. */
  now(): number;
  /** Milliseconds since some moment, which nobody sets: for how long things take, and how long is waited for them. */
  elapsed(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A timer for `action`, not started yet. */
  timer(action: () => void): Timer;
  /** A timer that may be 100 ms late, of which thousands cost no more than one: for each engine, connection or client. */
  coarseTimer(action: () => void): Timer;
}

const wheel = new TimerWheel();

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        timer.stop();
        reject(signal?.reason);
      };
      const timer = new SystemTimer(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      timer.start(ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  timer: (action) => new SystemTimer(action),
  coarseTimer: (action) => wheel.timer(action),
};
