import type { DurableTexts } from './records.ts';

/** Remembered at most; the oldest go first. */
const MAX_STOPS = 10_000;

/**
 * Containers that clients stopped while they did not run. Engines know of none of these, so that one which an engine gave up
 * on and a client wants to stay down is told from one that waits to be started.
 */
export class Stops {
  readonly #texts: DurableTexts;

  constructor(texts: DurableTexts) {
    this.#texts = texts;
  }

  has(engineId: string): boolean {
    return this.#texts.list().has(engineId);
  }

  async add(engineId: string): Promise<void> {
    if (this.has(engineId)) return;
    const [oldest] = this.#texts.list().keys();
    if (oldest !== undefined && this.#texts.list().size >= MAX_STOPS) await this.#texts.delete(oldest);
    await this.#texts.put(engineId, '');
  }

  /** It was started or removed. */
  async forget(engineId: string): Promise<void> {
    if (this.has(engineId)) await this.#texts.delete(engineId);
  }
}
