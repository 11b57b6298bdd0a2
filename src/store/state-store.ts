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

/** Writes of a store so far; the numbers only grow. */
export interface WriteTally {
  written: number;
  failed: number;
  /** Time that writes took until they were durable, added up. */
  seconds: number;
}

/** What a manager keeps between its lives, in one folder that it owns alone. */
export interface StateStore {
  /** The records of one kind; the same object for the same kind. */
  records(kind: string): RecordStore;
  /** Undefined when nothing is kept. */
  readonly notes: NoteStore | undefined;
  readonly tally: WriteTally;
  /** See {@link EmbeddedStore.damage}. */
  readonly damage?: string | undefined;
  /** Gives the folder free. Idempotent. */
  close(): Promise<void>;
}

/** Before the keys of notes; after every kind's name. */
const NOTES = '~';

/** Opens the store; without a folder nothing is kept. Throws one clear line when another manager has the folder. */
export async function openStateStore(folder: string | undefined): Promise<StateStore> {
  return folder === undefined
    ? new EmbeddedStateStore(counted(new MemoryStore()), undefined)
    : keptIn(counted(await openEmbeddedStore(folder)));
}

interface CountedStore {
  readonly store: EmbeddedStore;
  readonly tally: WriteTally;
}

function counted(store: EmbeddedStore): CountedStore {
  const tally: WriteTally = { written: 0, failed: 0, seconds: 0 };
  const write: EmbeddedStore['write'] = async (changes, survives) => {
    const startedMs = performance.now();
    try {
      await store.write(changes, survives);
      tally.written += 1;
    } catch (error) {
      tally.failed += 1;
      throw error;
    } finally {
      tally.seconds += (performance.now() - startedMs) / 1_000;
    }
  };
  const { damage, get, pairs, close } = store;
  const bound = { get: get.bind(store), pairs: pairs.bind(store), close: close.bind(store) };
  return { store: { damage, write, ...bound }, tally };
}

function keptIn(counting: CountedStore): StateStore {
  const { store } = counting;
  return new EmbeddedStateStore(counting, {
    async *pairs(prefix) {
      for await (const [key, value] of store.pairs(NOTES + prefix)) yield [key.slice(NOTES.length), value];
    },
    write: (changes) => store.write(changes.map((change) => ({ ...change, key: NOTES + change.key }))),
  });
}

class EmbeddedStateStore implements StateStore {
  readonly notes: NoteStore | undefined;
  readonly tally: WriteTally;
  readonly damage: string | undefined;
  readonly #store: EmbeddedStore;
  readonly #kinds = new Map<string, EmbeddedRecords>();

  constructor({ store, tally }: CountedStore, notes: NoteStore | undefined) {
    this.#store = store;
    this.tally = tally;
    this.damage = store.damage;
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
