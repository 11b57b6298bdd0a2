import type { Clock } from '../common/clock.ts';
import type { Timer } from '../common/timer.ts';
import type { MonitorTimes } from './times.ts';

/** Containers are listed in every round; images, networks and volumes, which change seldom and tell it by events, in every sixth. */
const FULL_REFRESH_ROUNDS = 6;

/** What is listed again and again. */
export interface Refreshed {
  refreshAll(): Promise<unknown>;
  refreshAllContainers(): Promise<unknown>;
}

/** Lists what one engine holds again and again, for changes that no event told. Close it. */
export class RegularRefresh {
  readonly #sync: Refreshed;
  readonly #times: MonitorTimes;
  readonly #onError: (error: unknown) => void;
  readonly #pause: Timer;
  #round = 0;
  #isClosed = false;

  constructor(sync: Refreshed, clock: Clock, times: MonitorTimes, onError: (error: unknown) => void) {
    this.#sync = sync;
    this.#times = times;
    this.#onError = onError;
    this.#pause = clock.coarseTimer(() => this.#refresh());
  }

  /** Begins with a pause: everything was just listed. */
  start(): void {
    const { refreshMinMs, refreshMaxMs } = this.#times;
    if (!this.#isClosed) this.#pause.start(refreshMinMs + Math.random() * (refreshMaxMs - refreshMinMs));
  }

  close(): void {
    this.#isClosed = true;
    this.#pause.stop();
  }

  #refresh(): void {
    this.#round += 1;
    const isFull = this.#round % FULL_REFRESH_ROUNDS === 0;
    const refreshed = isFull ? this.#sync.refreshAll() : this.#sync.refreshAllContainers();
    void refreshed.catch(this.#onError).then(() => this.start());
  }
}
