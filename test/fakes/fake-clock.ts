import type { Clock } from '../../src/common/clock.ts';
import type { Timer } from '../../src/common/timer.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock that stands still until told to advance. */
export class FakeClock implements Clock {
  #now: number;
  /** By how much it was set. */
  #setMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(now: number = 1_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now + this.#setMs;
  }

  elapsed(): number {
    return this.#now;
  }

  /** Somebody sets it, forward or back: no time passes. */
  set(byMs: number): void {
    this.#setMs += byMs;
  }

  /** Sleeps and timers under way. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper: Sleeper = { at: this.#now + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  timer(action: () => void): Timer {
    let sleeper: Sleeper | undefined;
    const stop = (): void => {
      if (sleeper) this.#sleepers.delete(sleeper);
      sleeper = undefined;
    };
    const start = (ms: number): void => {
      stop();
      sleeper = { at: this.#now + ms, wake: action };
      this.#sleepers.add(sleeper);
    };
    return { start, stop };
  }

  coarseTimer(action: () => void): Timer {
    return this.timer(action);
  }

  /** Moves time on and wakes everyone whose time has come, earliest first. */
  advance(ms: number): void {
    this.#now += ms;
    const due = [...this.#sleepers].filter((sleeper) => sleeper.at <= this.#now).sort((a, b) => a.at - b.at);
    for (const sleeper of due) {
      // An earlier one may have stopped it.
      if (this.#sleepers.delete(sleeper)) sleeper.wake();
    }
  }
}
