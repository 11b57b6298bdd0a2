import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';

/** Work at its turn. */
const AT_ONCE = 8;
/** After so long others have the turn, and the work goes on beside them. */
const TURN_MS = 5_000;
/** Work that outlasts its turn. */
const SLOW_AT_ONCE = 16;
const LONGEST_MS = 120_000;

/** Turns at sending something large to clients, some of which read slowly: they hold up no other, and are bounded in number and time. */
export class Turns {
  readonly #clock: Clock;
  readonly #inTurn = pLimit(AT_ONCE);
  #slow = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs work at its turn; resolves and rejects as the work does. Where it takes too long for what others leave it, `cut` is called, which should
   * end it.
   */
  run(work: () => Promise<void>, cut: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      void this.#inTurn(async () => {
        const ended = work();
        ended.then(resolve, reject);
        await this.#wait(
          ended.catch(() => undefined),
          cut,
        );
      });
    });
  }

  /** Resolves when the next one may begin. */
  async #wait(ended: Promise<void>, cut: () => void): Promise<void> {
    if (await this.#within(ended, TURN_MS)) return;
    if (this.#slow >= SLOW_AT_ONCE) return cut();
    this.#slow += 1;
    void this.#within(ended, LONGEST_MS - TURN_MS).then((isEnded) => {
      this.#slow -= 1;
      if (!isEnded) cut();
    });
  }

  #within(ended: Promise<void>, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#clock.timer(() => resolve(false));
      timer.start(ms);
      void ended.then(() => {
        timer.stop();
        resolve(true);
      });
    });
  }
}
