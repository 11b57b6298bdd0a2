import { onAbort } from './abort.ts';
import type { Clock } from './clock.ts';

/** A round too many does no harm. */
const FOR_EVER_MS = 24 * 60 * 60 * 1_000;
/** Made once: an error for each `abort` would cost 75 µs. */
const WOKEN = new Error('the next round begins');

/**
 * The pause between two rounds of one loop, which others may cut short: what they tell of while a round is under way lets the next begin at
 * once.
 */
export class Rest {
  readonly #clock: Clock;
  #isWoken = false;
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether {@link wake} was called since the round began. */
  get isWoken(): boolean {
    return this.#isWoken;
  }

  /** Lets the next round begin at once. */
  wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    this.#end?.();
  }

  /** A round begins: it sees all that was told of until now. */
  begin(): void {
    this.#isWoken = false;
  }

  /** Resolves `delayMs` later (undefined: never by itself), or when woken, or when aborted. Never rejects. */
  async over(delayMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (this.#isWoken || delayMs === 0 || signal.aborted) return;
    const rest = new AbortController();
    this.#end = () => rest.abort(WOKEN);
    const forget = onAbort([signal], this.#end);
    await this.#clock.sleep(delayMs ?? FOR_EVER_MS, rest.signal).catch(() => undefined);
    forget();
    this.#end = undefined;
  }
}
