import type { Logger } from './logger.ts';

const WINDOW_MS = 60_000;
const LINES = 20;

/** One line for a client that is refused: at most one a minute for each address and reason, and twenty in all. */
export class RefusalLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #said = new Set<string>();
  #since = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(logger: Logger, now: () => number = Date.now) {
    this.#logger = logger;
    this.#now = now;
  }

  refused(address: string | undefined, reason: string): void {
    this.#renew();
    const client = address ?? 'unknown';
    const key = `${client} ${reason}`;
    if (this.#said.has(key) || this.#said.size >= LINES) {
      this.#unsaid += 1;
      return;
    }
    this.#said.add(key);
    this.#logger.warn({ client, reason }, 'a client was refused');
  }

  #renew(): void {
    const now = this.#now();
    if (now - this.#since < WINDOW_MS) return;
    if (this.#unsaid > 0) this.#logger.warn({ times: this.#unsaid }, 'clients were refused again');
    this.#since = now;
    this.#unsaid = 0;
    this.#said.clear();
  }
}
