import { type Clock, systemClock } from '../../common/clock.ts';
import { uptimeMs } from '../../common/uptime.ts';
import type { LeaseStore } from '../lease.ts';
import type { RecordStore } from '../record-store.ts';
import { Journal } from './journal.ts';
import type { Keyspace } from './keyspace.ts';
import { SharedLeases } from './shared-leases.ts';
import { SharedRecords } from './shared-records.ts';
import { WriteQueue } from './write-queue.ts';

/** Records and leases in a store that several managers share: etcd, Consul or ZooKeeper. */
export class SharedStore {
  readonly #keys: Keyspace;
  readonly #journal: Journal;
  readonly #queue: WriteQueue;
  readonly #leases: SharedLeases;
  readonly #kinds = new Map<string, SharedRecords>();

  /** Owns `keys`. Asks the store nothing yet. */
  constructor(keys: Keyspace, clock: Clock = systemClock) {
    this.#keys = keys;
    this.#journal = new Journal(keys, clock);
    this.#queue = new WriteQueue(this.#journal, keys);
    this.#leases = new SharedLeases(this.#journal, keys, { clock, uptimeMs });
  }

  get leases(): LeaseStore {
    return this.#leases;
  }

  /** The records of one kind; the same object for the same kind. */
  records(kind: string): RecordStore {
    const deps = { keys: this.#keys, journal: this.#journal, queue: this.#queue };
    const records = this.#kinds.get(kind) ?? new SharedRecords(kind, deps);
    this.#kinds.set(kind, records);
    return records;
  }

  /**
   * Resolves when all who watch records have taken what was written before the call, whoever wrote it. Rejects with the signal's reason, and when the
   * store does not answer.
   */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const revision = await this.#journal.revision();
    await Promise.all([...this.#kinds.values()].map((records) => records.seen(revision, signal)));
  }

  /** Releases leases, ends every watch, and rejects what waits. Idempotent. */
  async close(): Promise<void> {
    await this.#leases.close();
    await this.#journal.close();
    await this.#keys.close();
  }
}
