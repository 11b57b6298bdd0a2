/**
 * Counts the writes of a store. A record's revision is that of its last write, or an earlier one's when it was not written since
 * the store was opened. Revisions of one store are comparable until it is closed, and mean nothing to another.
 */
export type Revision = number;

export interface StoredRecord {
  readonly key: string;
  readonly value: string;
  readonly revision: Revision;
}

/** One change of a write; without `value` the record is removed. */
export interface RecordChange {
  readonly key: string;
  readonly value?: string;
}

/** A change that is made only if the record is as `expected`: last written at that revision, or `absent`. */
export interface RecordWrite extends RecordChange {
  readonly expected?: Revision | 'absent';
}

/** What one write changed. */
export interface CommittedWrite {
  readonly revision: Revision;
  readonly changes: readonly RecordChange[];
}

/**
 * Durable texts by key, read when they are needed. A write is visible to `get`, `snapshot` and `watch` once it is durable, and
 * never when it was rejected. Every store passes `test/conformance/store.ts`.
 */
export interface RecordStore {
  /** A record as it is now; undefined when there is none. */
  get(key: string): Promise<StoredRecord | undefined>;
  /**
   * Calls `visit` for every record as of one revision, in key order, and resolves with that revision. Only `visit` decides what
   * stays in memory.
   */
  snapshot(visit: (record: StoredRecord) => void): Promise<Revision>;
  /**
   * The writes after a revision, each once and in order. Ends when `signal` is aborted or the store is closed. Throws with code
   * `REVISION_GONE` when these writes are not known any more, also to a reader that is too slow: it takes a new snapshot.
   */
  watch(after: Revision, signal: AbortSignal): AsyncIterable<CommittedWrite>;
  /**
   * Makes all changes or none, after those of earlier calls, and resolves with their revision when they are durable: they survive
   * a kill of the process and a loss of power. Rejects with a `ConflictError` (code `RECORD_CHANGED`) when a record is not as
   * expected, and with a `ClusterError` when it cannot be written. Removing what does not exist is no failure.
   */
  write(writes: readonly RecordWrite[]): Promise<Revision>;
}
