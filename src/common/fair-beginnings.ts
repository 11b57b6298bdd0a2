import { networkOf } from './client-network.ts';

const WINDOW_MS = 1_000;

/**
 * At most so many beginnings a second, of which a port takes no more than it leaves to others, and a client no more than it leaves to others of the
 * port: whatever floods, some are left.
 */
export class FairBeginnings {
  readonly #perSecond: number;
  readonly #nowMs: () => number;
  readonly #counts = new Map<string, number>();
  #used = 0;
  #sinceMs: number;

  /** @param nowMs the time in milliseconds, from any beginning */
  constructor(perSecond: number, nowMs: () => number) {
    this.#perSecond = perSecond;
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  /** Whether one more may be now. */
  admits(port: string, address: string): boolean {
    const nowMs = this.#nowMs();
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#sinceMs = nowMs;
      this.#used = 0;
      this.#counts.clear();
    }
    const ofClient = `${port} ${networkOf(address)}`;
    const left = this.#perSecond - this.#used;
    const inPort = this.#counts.get(port) ?? 0;
    if (inPort >= left || (this.#counts.get(ofClient) ?? 0) >= left - inPort) return false;
    this.#used += 1;
    for (const key of [port, ofClient]) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return true;
  }
}
