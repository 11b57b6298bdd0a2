import { RecordView, type RecordViewDeps, TEXT_RECORDS } from '../kv/record-view.ts';

/** Remembered at most; the oldest go first. */
const MAX_STOPS = 10_000;

/**
 * Containers that clients stopped while they did not run. Engines know of none of these, so that one which an engine gave up
 * on and a client wants to stay down is told from one that waits to be started.
 */
export class Stops {
  /** By the engine's ID; what counts is that the record exists. */
  readonly #records: RecordView<string>;

  private constructor(records: RecordView<string>) {
    this.#records = records;
  }

  static async open(deps: RecordViewDeps): Promise<Stops> {
    return new Stops(await RecordView.open(deps, TEXT_RECORDS));
  }

  has(engineId: string): boolean {
    return this.#records.has(engineId);
  }

  /** Resolves when it is durable. */
  async add(engineId: string): Promise<void> {
    if (this.has(engineId)) return;
    const [oldest] = this.#records.keys();
    if (oldest !== undefined && this.#records.size >= MAX_STOPS) await this.#records.delete(oldest);
    await this.#records.put(engineId, '');
  }

  /** It was started or removed. */
  async forget(engineId: string): Promise<void> {
    if (this.has(engineId)) await this.#records.delete(engineId);
  }
}
