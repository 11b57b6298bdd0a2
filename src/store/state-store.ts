import { type EmbeddedChange, type EmbeddedStore, openEmbeddedStore } from '../kv/embedded.ts';
import { EmbeddedRecords } from '../kv/embedded-records.ts';
import { MemoryStore } from '../kv/memory.ts';
import type { RecordStore } from '../kv/record-store.ts';

/** Durable texts that are many and this manager's alone: what it saw, which no other one needs to know. */
export interface NoteStore {
  /** Pairs whose keys begin with `prefix`, in key order. */
  pairs(prefix: string): AsyncIterable<readonly [key: string, value: string]>;
  /** All or none, durable when it resolves; a change without value removes the key. */
  write(changes: readonly EmbeddedChange[]): Promise<void>;
}

/** What a manager keeps between its lives, in one folder that it owns alone. */
export interface StateStore {
  /** The records of one kind; the same object for the same kind. */
  records(kind: string): RecordStore;
  /** Undefined when nothing is kept. */
  readonly notes: NoteStore | undefined;
  /** Gives the folder free. Idempotent. */
  close(): Promise<void>;
}

/** Before the keys of notes; after every kind's name. */
const NOTES = '~';

/** Opens the store; without a folder nothing is kept. Throws one clear line when another manager has the folder. */
export async function openStateStore(folder: string | undefined): Promise<StateStore> {
  return folder === undefined
    ? new EmbeddedStateStore(new MemoryStore(), undefined)
    : keptIn(await openEmbeddedStore(folder));
}

function keptIn(store: EmbeddedStore): StateStore {
  return new EmbeddedStateStore(store, {
    async *pairs(prefix) {
      for await (const [key, value] of store.pairs(NOTES + prefix)) yield [key.slice(NOTES.length), value];
    },
    write: (changes) =>
      store.write(
        changes.map((change) => ({ ...change, key: NOTES + change.key })),
        true,
      ),
  });
}

class EmbeddedStateStore implements StateStore {
  readonly notes: NoteStore | undefined;
  readonly #store: EmbeddedStore;
  readonly #kinds = new Map<string, EmbeddedRecords>();

  constructor(store: EmbeddedStore, notes: NoteStore | undefined) {
    this.#store = store;
    this.notes = notes;
  }

  records(kind: string): RecordStore {
    const records = this.#kinds.get(kind) ?? new EmbeddedRecords(this.#store, `${kind}/`);
    this.#kinds.set(kind, records);
    return records;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#kinds.values()].map((records) => records.close()));
    await this.#store.close();
  }
}
