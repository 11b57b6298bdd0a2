import type { Survival } from './embedded.ts';
import type { Lease } from './lease.ts';

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

export interface WriteOptions {
  /** The write is made only while this lease is the holder's; else it rejects with code `LEASE_LOST`. */
  readonly lease?: Lease | undefined;
  /**
   * What the write is to survive at least; default a loss of power. What may be lost with this process costs no access to a disk of its own: it is
   * visible at once, and survives as much as the next write that is to survive more. Shared stores make no difference.
   */
  readonly survives?: Exclude<Survival, 'kill'> | undefined;
}

/** What one write changed, or several that were made at once. */
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
   * Like {@link watch}, at a fraction of its cost, for stores whose writes are all made here: calls `listener` with each write as it becomes visible,
   * before the call that asked for it resolves. Resolves where a watch would end, and rejects where it would throw, or `listener` does.
   */
  follow?(after: Revision, listener: (write: CommittedWrite) => void, signal: AbortSignal): Promise<void>;
  /**
   * Makes all changes or none, after those of earlier calls, and resolves with their revision when they are durable: they survive,
   * unless the options say less, a kill of the process and a loss of power. Rejects with a `ConflictError` (code `RECORD_CHANGED`) when a record is not as
   * expected, and with a `ClusterError` when it cannot be written: with code `RECORD_TOO_LARGE` (413) what this store has no room for, with
   * `WRITE_UNKNOWN` when a shared store did not answer for so long that the write may or may not have been made; after any other
   * rejection it was not and never will be. Removing what does not exist is no failure. Writes that were asked for at the same time may
   * have one revision.
   */
  write(writes: readonly RecordWrite[], options?: WriteOptions): Promise<Revision>;
}
