import { ConflictError } from '../../common/errors.ts';
import type { RecordWrite, Revision } from '../record-store.ts';
import type { Journal, JournalWrite } from './journal.ts';
import { recordKey } from './journal.ts';
import { readRecordText } from './journal-text.ts';
import type { Keyspace, KeyspaceLimits } from './keyspace.ts';
import type { SharedLease } from './shared-lease.ts';
import { codeOf, storeClosed, storeError } from './store-errors.ts';

/** Writes that may wait, and their bytes; more than that is not to be waited for. */
const MOST_WAITING = 10_000;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
/** What a commit has beside the writes: the head, an entry of the journal and the removal of an old one. */
const OWN_CHANGES = 3;
const OWN_BYTES = 100 * 1024;
/** Before each value: its revision. */
const REVISION_BYTES = 17;

interface WaitingWrite {
  readonly kind: string;
  readonly writes: readonly RecordWrite[];
  readonly lease: SharedLease | undefined;
  readonly bytes: number;
  readonly resolve: (revision: Revision) => void;
  readonly reject: (error: unknown) => void;
}

/** The writes of one client of a store, in the order asked. Those that wait while one is under way are made together, as far as they fit. */
export class WriteQueue {
  readonly #journal: Journal;
  readonly #keys: Keyspace;
  readonly #waiting: WaitingWrite[] = [];
  #waitingBytes = 0;
  #isRunning = false;

  constructor(journal: Journal, keys: Keyspace) {
    this.#journal = journal;
    this.#keys = keys;
  }

  add(kind: string, writes: readonly RecordWrite[], lease: SharedLease | undefined): Promise<Revision> {
    const bytes = writes.reduce((sum, write) => sum + bytesOf(kind, write), 0);
    return new Promise((resolve, reject) => {
      assertFits(kind, writes, bytes, this.#keys.limits);
      if (this.#journal.closed.aborted) throw storeClosed();
      if (this.#waiting.length >= MOST_WAITING || this.#waitingBytes + bytes > MOST_WAITING_BYTES)
        throw storeError('STORE_BUSY', 'too many writes wait for the store');
      this.#waiting.push({ kind, writes, lease, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Never rejects: each write is told what became of it. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    // Those that are asked for in this turn of the event loop go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      try {
        await this.#make(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
        if (codeOf(error) === 'STORE_UNAVAILABLE' || this.#journal.closed.aborted) this.#rejectAll(error);
      }
    }
    this.#isRunning = false;
  }

  /** The longest row of waiting writes that can be made at once. */
  #nextBatch(): WaitingWrite[] {
    const { limits } = this.#keys;
    const batch: WaitingWrite[] = [];
    const taken = new Set<string>();
    let bytes = 0;
    for (const each of this.#waiting) {
      const keys = each.writes.map(({ key }) => recordKey(each.kind, key));
      const fits =
        taken.size + keys.length <= limits.changes - OWN_CHANGES &&
        bytes + each.bytes <= limits.commitBytes - OWN_BYTES;
      if (batch.length > 0 && (!fits || each.lease !== batch[0]?.lease || keys.some((key) => taken.has(key)))) break;
      for (const key of keys) taken.add(key);
      bytes += each.bytes;
      batch.push(each);
    }
    this.#waiting.splice(0, batch.length);
    this.#waitingBytes -= bytes;
    return batch;
  }

  async #make(batch: readonly WaitingWrite[]): Promise<void> {
    let accepted = batch;
    const revision = await this.#journal.write(async () => {
      const lease = batch[0]?.lease;
      lease?.lost.throwIfAborted();
      accepted = await this.#withoutConflicts(accepted);
      if (accepted.length === 0) return undefined;
      return toJournalWrite(accepted, lease);
    });
    if (revision === undefined) return;
    for (const { resolve } of accepted) resolve(revision);
  }

  /** Those whose records are as expected; the others are told. */
  async #withoutConflicts(writes: readonly WaitingWrite[]): Promise<readonly WaitingWrite[]> {
    const expecting = writes.flatMap(({ kind, writes }) =>
      writes.flatMap(({ key, expected }) => (expected === undefined ? [] : [recordKey(kind, key)])),
    );
    if (expecting.length === 0) return writes;
    const keys = [...new Set(expecting)];
    const pairs = await this.#keys.get(keys);
    const found = new Map(keys.map((key, i) => [key, readRecordText(pairs[i]?.value ?? '')?.revision]));
    return writes.filter((each) => {
      const conflict = conflictOf(each, found);
      if (conflict) each.reject(conflict);
      return conflict === undefined;
    });
  }

  #rejectAll(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#waitingBytes = 0;
  }
}

function toJournalWrite(writes: readonly WaitingWrite[], lease: SharedLease | undefined): JournalWrite {
  // A key that one write names twice is as the last of them says.
  const changes = new Map(
    writes.flatMap(({ kind, writes }) =>
      writes.map(({ key, value }) => [recordKey(kind, key), { kind, key, ...(value === undefined ? {} : { value }) }]),
    ),
  );
  const fence = lease && { lease, condition: lease.fence };
  return { changes: [...changes.values()], ...(fence ? { fence } : {}) };
}

function conflictOf(
  { kind, writes }: WaitingWrite,
  found: ReadonlyMap<string, Revision | undefined>,
): ConflictError | undefined {
  for (const { key, expected } of writes) {
    if (expected === undefined) continue;
    const revision = found.get(recordKey(kind, key));
    if ((revision ?? 'absent') === expected) continue;
    const what = revision === undefined ? 'does not exist' : expected === 'absent' ? 'exists' : 'was changed meanwhile';
    return new ConflictError(`record ${key} ${what}`, 'RECORD_CHANGED');
  }
  return undefined;
}

function assertFits(kind: string, writes: readonly RecordWrite[], bytes: number, limits: KeyspaceLimits): void {
  const largest = writes.find(({ value }) => Buffer.byteLength(value ?? '') + REVISION_BYTES > limits.valueBytes);
  if (largest)
    throw storeError(
      'RECORD_TOO_LARGE',
      `${kind} ${largest.key} is too large for the store: ${Buffer.byteLength(largest.value ?? '')} bytes, of which it takes ${limits.valueBytes - REVISION_BYTES}`,
    );
  const most = limits.commitBytes - OWN_BYTES;
  if (bytes > most)
    throw storeError(
      'RECORD_TOO_LARGE',
      `the write is too large for the store: ${bytes} bytes, of which it takes ${most}`,
    );
  if (writes.length > limits.changes - OWN_CHANGES)
    throw storeError(
      'RECORD_TOO_LARGE',
      `the write is too large for the store: ${writes.length} records, of which it takes ${limits.changes - OWN_CHANGES} at once`,
    );
}

function bytesOf(kind: string, { key, value = '' }: RecordWrite): number {
  return 2 * (kind.length + Buffer.byteLength(key)) + Buffer.byteLength(value) + REVISION_BYTES;
}
