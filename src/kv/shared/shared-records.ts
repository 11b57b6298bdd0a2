import { leaseLost } from '../lease.ts';
import type {
  CommittedWrite,
  RecordChange,
  RecordStore,
  RecordWrite,
  Revision,
  StoredRecord,
  WriteOptions,
} from '../record-store.ts';
import { Wakeups } from '../wakeups.ts';
import { revisionGone } from '../write-history.ts';
import { type Journal, recordFolder, recordKey } from './journal.ts';
import { type JournalEntry, readRecordText } from './journal-text.ts';
import type { Keyspace } from './keyspace.ts';
import { SharedLease } from './shared-lease.ts';
import { codeOf, storeClosed } from './store-errors.ts';
import type { WriteQueue } from './write-queue.ts';

/** Attempts at a snapshot while others write faster than it can be read. */
const MOST_ATTEMPTS = 5;

/** One who watches: every write up to this one was taken. */
interface Reader {
  seen: Revision;
}

/** The records of one kind in a shared store. */
export class SharedRecords implements RecordStore {
  readonly #kind: string;
  readonly #keys: Keyspace;
  readonly #journal: Journal;
  readonly #queue: WriteQueue;
  readonly #readers = new Set<Reader>();
  readonly #progress = new Wakeups();
  #isFollowed = false;

  constructor(kind: string, { keys, journal, queue }: { keys: Keyspace; journal: Journal; queue: WriteQueue }) {
    this.#kind = kind;
    this.#keys = keys;
    this.#journal = journal;
    this.#queue = queue;
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    const [pair] = await this.#keys.get([recordKey(this.#kind, key)]);
    const record = pair && readRecordText(pair.value);
    return record && { key, ...record };
  }

  /** All records are in memory meanwhile: what the store shows while others write is put right from the journal before it is visited. */
  async snapshot(visit: (record: StoredRecord) => void): Promise<Revision> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { revision, records } = await this.#read();
        for (const record of records) visit(record);
        return revision;
      } catch (error) {
        if (codeOf(error) !== 'REVISION_GONE' || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  async *watch(after: Revision, signal: AbortSignal): AsyncGenerator<CommittedWrite, void, void> {
    const reader: Reader = { seen: after };
    this.#readers.add(reader);
    this.#isFollowed = true;
    this.#progress.wake();
    try {
      for await (const { revision, entry } of this.#journal.entries(after, signal)) {
        const changes = await this.#changesOf(revision, entry);
        if (changes.length > 0) yield { revision, changes };
        if (signal.aborted) return;
        reader.seen = revision;
        this.#progress.wake();
      }
    } catch (error) {
      // Reading what is told next ended with the watch.
      if (!signal.aborted && !this.#journal.closed.aborted) throw error;
    } finally {
      this.#readers.delete(reader);
    }
  }

  /**
   * Resolves when those who watch these records have taken everything up to a revision; at once when nobody ever did. One whose watch
   * broke off is waited for. Rejects with the signal's reason.
   */
  async seen(revision: Revision, signal: AbortSignal): Promise<void> {
    const isBehind = (): boolean =>
      this.#isFollowed && (this.#readers.size === 0 || [...this.#readers].some(({ seen }) => seen < revision));
    while (isBehind()) {
      signal.throwIfAborted();
      await this.#progress.next(signal);
    }
  }

  write(writes: readonly RecordWrite[], { lease }: WriteOptions = {}): Promise<Revision> {
    if (lease !== undefined && !(lease instanceof SharedLease))
      return Promise.reject(leaseLost(lease.name, 'it is of another store'));
    if (this.#journal.closed.aborted) return Promise.reject(storeClosed());
    return this.#queue.add(this.#kind, writes, lease);
  }

  async #read(): Promise<{ readonly revision: Revision; readonly records: readonly StoredRecord[] }> {
    const before = await this.#journal.revision();
    const folder = recordFolder(this.#kind);
    const found = new Map<string, StoredRecord>();
    for await (const pair of this.#keys.list(folder)) {
      const key = pair.key.slice(folder.length + 1);
      const record = readRecordText(pair.value);
      if (record) found.set(key, { key, ...record });
    }
    const revision = await this.#journal.revision();
    for (let seen = before + 1; seen <= revision; seen++) {
      const entry = await this.#journal.entry(seen);
      if (entry === undefined) throw revisionGone(seen);
      for (const { key, value } of await this.#changesOf(seen, entry)) {
        if (value === undefined) found.delete(key);
        else found.set(key, { key, value, revision: seen });
      }
    }
    const records = [...found.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
    return { revision, records };
  }

  /** What a write changed among these records. Throws with code `REVISION_GONE` where a value was written over since. */
  async #changesOf(revision: Revision, { changes }: JournalEntry): Promise<RecordChange[]> {
    const own = changes.filter(({ kind }) => kind === this.#kind);
    const elsewhere = own.filter(({ isElsewhere }) => isElsewhere === true);
    const pairs = await this.#keys.get(elsewhere.map(({ key }) => recordKey(this.#kind, key)));
    const values = new Map(elsewhere.map(({ key }, i) => [key, readRecordText(pairs[i]?.value ?? '')]));
    return own.map(({ key, value, isElsewhere }) => {
      if (isElsewhere !== true) return value === undefined ? { key } : { key, value };
      const record = values.get(key);
      if (record?.revision !== revision) throw revisionGone(revision - 1);
      return { key, value: record.value };
    });
  }
}
