import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { RecordStore } from '../kv/record-store.ts';

export interface RosterDeps {
  /** By `host:port`; any manager writes its own. */
  readonly records: RecordStore;
  /** `host:port` of this manager. */
  readonly self: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Before what could not be written is tried again, in milliseconds. */
const RETRY_MS = 5_000;
/** How long a store may take to be told of a manager's end, in milliseconds. */
const LEAVE_MS = 2_000;
/** Managers that are told of; more were forgotten by nobody than a cluster has. */
const MOST = 16;

/** The managers of a cluster: each enters when it starts and leaves when it is stopped. One that was killed stays in it. */
export class Roster {
  readonly #deps: RosterDeps;
  readonly #stop = new AbortController();
  #entering: Promise<void> = Promise.resolve();

  constructor(deps: RosterDeps) {
    this.#deps = deps;
  }

  /** In the background, until it is written. To be called once. */
  enter(): void {
    this.#entering = this.#enter();
  }

  /** The other managers, the latest to enter first. Rejects when the store does not tell. */
  async others(): Promise<readonly string[]> {
    const entered: { readonly manager: string; readonly sinceMs: number }[] = [];
    await this.#deps.records.snapshot(({ key, value }) => {
      if (key !== this.#deps.self) entered.push({ manager: key, sinceMs: Number(value) || 0 });
    });
    const latest = entered.sort((a, b) => b.sinceMs - a.sinceMs);
    return latest.slice(0, MOST).map(({ manager }) => manager);
  }

  /** Tells the store once that this manager is none any more. Never rejects. Idempotent. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new Error('the manager stops'));
    const { records, self, clock } = this.#deps;
    const leaving = this.#entering.then(() => records.write([{ key: self }]));
    await Promise.race([leaving.catch(() => undefined), clock.sleep(LEAVE_MS)]);
  }

  async #enter(): Promise<void> {
    const { records, self, clock, logger } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await records.write([{ key: self, value: String(clock.now()) }]);
        return;
      } catch (error) {
        logger.debug({ reason: reasonOf(error) }, 'this manager is not among those that the store tells of yet');
        await clock.sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }
}
