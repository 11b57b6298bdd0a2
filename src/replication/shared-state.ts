import { ClusterError } from '../common/errors.ts';
import type { Lease } from '../kv/lease.ts';
import type {
  CommittedWrite,
  RecordStore,
  RecordWrite,
  Revision,
  StoredRecord,
  WriteOptions,
} from '../kv/record-store.ts';
import type { SharedStore } from '../kv/shared/shared-store.ts';
import { OWN_KINDS } from '../store/state-kinds.ts';
import type { NoteStore, StateStore, WriteTally } from '../store/state-store.ts';

/** Written by any manager: as conditional writes before there is a primary, and each its own name among the managers. */
const OPEN_KINDS: ReadonlySet<string> = new Set(['state', 'cluster', 'managers']);

/**
 * The state of a cluster with several managers: records are in the store that they share and are written by the primary alone, under its
 * lease; what each manager saw is kept beside it.
 */
export class SharedState implements StateStore {
  readonly tally: WriteTally = { written: 0, failed: 0, seconds: 0 };
  readonly #shared: SharedStore;
  readonly #own: StateStore;
  readonly #kinds = new Map<string, RecordStore>();
  #lease: Lease | undefined;

  /** Owns both. */
  constructor(shared: SharedStore, own: StateStore) {
    this.#shared = shared;
    this.#own = own;
  }

  get notes(): NoteStore | undefined {
    return this.#own.notes;
  }

  /** Sets what writes are made under; undefined refuses them. */
  lead(lease: Lease | undefined): void {
    this.#lease = lease;
  }

  records(kind: string): RecordStore {
    if (OWN_KINDS.has(kind)) return this.#own.records(kind);
    const records = this.#kinds.get(kind) ?? this.#fenced(kind);
    this.#kinds.set(kind, records);
    return records;
  }

  async close(): Promise<void> {
    await this.#shared.close();
    await this.#own.close();
  }

  #fenced(kind: string): RecordStore {
    const isOpen = OPEN_KINDS.has(kind);
    const leaseOf = (): Lease | undefined => {
      if (this.#lease === undefined && !isOpen) throw notPrimary();
      return this.#lease;
    };
    return new FencedRecords(this.#shared.records(kind), leaseOf, this.tally);
  }
}

class FencedRecords implements RecordStore {
  readonly #records: RecordStore;
  readonly #leaseOf: () => Lease | undefined;
  readonly #tally: WriteTally;

  constructor(records: RecordStore, leaseOf: () => Lease | undefined, tally: WriteTally) {
    this.#records = records;
    this.#leaseOf = leaseOf;
    this.#tally = tally;
  }

  get(key: string): Promise<StoredRecord | undefined> {
    return this.#records.get(key);
  }

  snapshot(visit: (record: StoredRecord) => void): Promise<Revision> {
    return this.#records.snapshot(visit);
  }

  watch(after: Revision, signal: AbortSignal): AsyncIterable<CommittedWrite> {
    return this.#records.watch(after, signal);
  }

  async write(writes: readonly RecordWrite[], options: WriteOptions = {}): Promise<Revision> {
    const startedMs = performance.now();
    const tally = this.#tally;
    try {
      const lease = options.lease ?? this.#leaseOf();
      const revision = await this.#records.write(writes, lease ? { lease } : {});
      tally.written += 1;
      return revision;
    } catch (error) {
      tally.failed += 1;
      throw error;
    } finally {
      tally.seconds += (performance.now() - startedMs) / 1_000;
    }
  }
}

function notPrimary(): ClusterError {
  return new ClusterError(
    'this manager is not the primary, which alone changes the records of the cluster; ask again',
    {
      code: 'NOT_PRIMARY',
      status: 503,
    },
  );
}
