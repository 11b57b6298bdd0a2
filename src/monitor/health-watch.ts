import type { Clock } from '../common/clock.ts';
import type { Timer } from '../common/timer.ts';
import type { Probe } from '../engine/probe.ts';
import type { MonitorTimes } from './times.ts';

/** Probes one engine time and again until it is lost: until probes failed too often in a row. Close it. */
export class HealthWatch {
  /** Rejects with the last failure when the engine is lost; else it stays open. */
  readonly lost: Promise<never>;
  readonly #probe: Probe;
  readonly #times: MonitorTimes;
  readonly #pause: Timer;
  #giveUp: (error: Error) => void = () => undefined;
  #failures = 0;
  #startedMs = 0;
  #isClosed = false;

  constructor(probe: Probe, clock: Clock, times: MonitorTimes) {
    this.#probe = probe;
    this.#times = times;
    this.#pause = clock.coarseTimer(() => this.#ask());
    this.lost = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
  }

  /** To be called once, when the engine has just answered: the first probe may be late, but not all may be at once. */
  start(): void {
    this.#pause.start((this.#times.probeIntervalMs / 2) * (1 + Math.random()));
  }

  close(): void {
    this.#isClosed = true;
    this.#pause.stop();
    this.#probe.close();
  }

  #ask(): void {
    this.#startedMs = performance.now();
    this.#probe.ping(this.#times.probeTimeoutMs).then(this.#onAnswer, this.#onFailure);
  }

  readonly #onAnswer = (): void => {
    this.#failures = 0;
    if (!this.#isClosed) this.#pause.start(this.#times.probeIntervalMs);
  };

  readonly #onFailure = (error: Error): void => {
    if (this.#isClosed) return;
    this.#failures += 1;
    if (this.#failures >= this.#times.failureRetry) return this.#giveUp(error);
    // A refusal comes at once: it is met with the patience that a silent engine gets.
    const restMs = this.#times.probeTimeoutMs - (performance.now() - this.#startedMs);
    if (restMs > 0) this.#pause.start(restMs);
    else this.#ask();
  };
}
