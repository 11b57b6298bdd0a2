import { ConflictError } from '../common/errors.ts';
import type { EmbeddedStore } from './embedded.ts';
import type { CommittedWrite, RecordStore, RecordWrite, Revision, StoredRecord, WriteOptions } from './record-store.ts';
import { WriteHistory } from './write-history.ts';

/** What an embedded store has at its opening. */
const OPENED: Revision = 1;

interface WaitingWrite {
  readonly writes: readonly RecordWrite[];
  readonly options: WriteOptions;
  readonly resolve: (revision: Revision) => void;
  readonly reject: (error: unknown) => void;
}

/** Revisions of records as a write finds them; undefined for a record that does not exist. */
type Revisions = Map<string, Revision | undefined>;

/**
 * The records below one prefix of an embedded store, whose keys have no other writer. Only revisions of records that were written since
 * the opening are in memory, never values. Writes that arrive while one is under way are made durable together.
 */
export class EmbeddedRecords implements RecordStore {
  readonly #store: EmbeddedStore;
  readonly #prefix: string;
  /** Of records that exist and were written since the opening; the others have {@link OPENED}. */
  readonly #revisions = new Map<string, Revision>();
  readonly #history = new WriteHistory(OPENED);
  #waiting: WaitingWrite[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: EmbeddedStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    // Before the value: a value newer than its revision fails a later compare, an older one would pass it.
    const revision = this.#revisions.get(key) ?? OPENED;
    const value = await this.#store.get(this.#prefix + key);
    return value === undefined ? undefined : { key, value, revision };
  }

  async snapshot(visit: (record: StoredRecord) => void): Promise<Revision> {
    const { revision, pairs } = await this.#inTurn(() => {
      const all = this.#store.pairs(this.#prefix)[Symbol.asyncIterator]();
      // Asking for the first one fixes what the rest shows.
      return { revision: this.#history.revision, pairs: resumed(all.next(), all) };
    });
    for await (const [path, value] of pairs) {
      const key = path.slice(this.#prefix.length);
      const written = this.#revisions.get(key) ?? OPENED;
      // One that was written meanwhile has a revision that no compare finds.
      visit({ key, value, revision: Math.min(written, revision) });
    }
    return revision;
  }

  watch(after: Revision, signal: AbortSignal): AsyncIterable<CommittedWrite> {
    return this.#history.watch(after, signal);
  }

  follow(after: Revision, listener: (write: CommittedWrite) => void, signal: AbortSignal): Promise<void> {
    return this.#history.follow(after, listener, signal);
  }

  write(writes: readonly RecordWrite[], options: WriteOptions = {}): Promise<Revision> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, options, resolve, reject });
      if (this.#waiting.length === 1) void this.#inTurn(() => this.#flush());
    });
  }

  /** Resolves when the writes that were asked for are made; every watch ends after the last one. Idempotent. */
  async close(): Promise<void> {
    await this.#last;
    this.#history.close();
  }

  /** Runs one step at a time, in the order asked. */
  #inTurn<T>(step: () => T | Promise<T>): Promise<T> {
    const running = this.#last.then(step);
    this.#last = running.catch(() => undefined);
    return running;
  }

  /** Never rejects: each write is told what became of it. */
  async #flush(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    try {
      const revisions = await this.#expectedRevisions(waiting);
      const conflicts = new Map<WaitingWrite, unknown>();
      const accepted = new Map<WaitingWrite, CommittedWrite>();
      for (const each of waiting) {
        const lost = each.options.lease?.lost;
        const conflict = lost?.aborted ? lost.reason : conflictOf(each.writes, revisions);
        if (conflict) conflicts.set(each, conflict);
        else accepted.set(each, this.#accept(each, accepted.size, revisions));
      }
      const changes = [...accepted.values()].flatMap((committed) => committed.changes);
      await this.#store.write(
        changes.map((change) => ({ ...change, key: this.#prefix + change.key })),
        waiting.every(({ options }) => options.survives === 'nothing') ? 'nothing' : 'power loss',
      );
      for (const committed of accepted.values()) this.#commit(committed);
      for (const [{ resolve }, { revision }] of accepted) resolve(revision);
      // Not before: what they conflict with may be a write of this turn.
      for (const [{ reject }, conflict] of conflicts) reject(conflict);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }

  /** The revisions of the records that something is expected of; only of records not written since the opening the disk is asked. */
  async #expectedRevisions(waiting: readonly WaitingWrite[]): Promise<Revisions> {
    const revisions: Revisions = new Map();
    const expected = waiting.flatMap(({ writes }) => writes.filter((write) => write.expected !== undefined));
    for (const { key } of expected) {
      if (revisions.has(key)) continue;
      const written = this.#revisions.get(key);
      const isThere = written !== undefined || (await this.#store.get(this.#prefix + key)) !== undefined;
      revisions.set(key, isThere ? (written ?? OPENED) : undefined);
    }
    return revisions;
  }

  #accept({ writes }: WaitingWrite, earlier: number, revisions: Revisions): CommittedWrite {
    const revision = this.#history.revision + earlier + 1;
    const changes = writes.map(({ key, value }) => (value === undefined ? { key } : { key, value }));
    for (const { key, value } of changes) revisions.set(key, value === undefined ? undefined : revision);
    return { revision, changes };
  }

  #commit(committed: CommittedWrite): void {
    for (const { key, value } of committed.changes) {
      if (value === undefined) this.#revisions.delete(key);
      else this.#revisions.set(key, committed.revision);
    }
    this.#history.add(committed);
  }
}

function conflictOf(writes: readonly RecordWrite[], revisions: Revisions): ConflictError | undefined {
  for (const { key, expected } of writes) {
    const found = revisions.get(key);
    if (expected === undefined || (found ?? 'absent') === expected) continue;
    const what = found === undefined ? 'does not exist' : expected === 'absent' ? 'exists' : 'was changed meanwhile';
    return new ConflictError(`record ${key} ${what}`, 'RECORD_CHANGED');
  }
  return undefined;
}

/** An iteration whose first step was taken already. */
async function* resumed<T>(first: Promise<IteratorResult<T>>, rest: AsyncIterator<T>): AsyncGenerator<T, void, void> {
  try {
    for (let result = await first; !result.done; result = await rest.next()) yield result.value;
  } finally {
    await rest.return?.();
  }
}
