import { type EmbeddedChange, type EmbeddedStore, openEmbeddedStore } from '../kv/embedded.ts';

/**
 * Durable texts of one kind, by key. What `put` and `delete` resolved survives a kill of the process and a loss of power; a change
 * is listed once it is durable, and one that was rejected never.
 */
export interface RecordStore {
  list(): ReadonlyMap<string, string>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Durable texts that are many: written through, and read from the disk when they are needed. */
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
  if (folder === undefined) return new Records(undefined, new Map());
  const store = await openEmbeddedStore(folder);
  const kinds = new Map<string, Map<string, string>>();
  for await (const [key, value] of store.pairs()) {
    // They come last, and may be many.
    if (key.startsWith(NOTES)) break;
    const slash = key.indexOf('/');
    kindOf(kinds, key.slice(0, slash)).set(key.slice(slash + 1), value);
  }
  return new Records(store, kinds);
}

class Records implements StateStore {
  readonly #store: EmbeddedStore | undefined;
  readonly #kinds: Map<string, Map<string, string>>;

  constructor(store: EmbeddedStore | undefined, kinds: Map<string, Map<string, string>>) {
    this.#store = store;
    this.#kinds = kinds;
  }

  records(kind: string): RecordStore {
    const records = kindOf(this.#kinds, kind);
    return {
      list: () => records,
      put: async (key, value) => {
        await this.#store?.write([{ key: `${kind}/${key}`, value }], true);
        records.set(key, value);
      },
      delete: async (key) => {
        await this.#store?.write([{ key: `${kind}/${key}` }], true);
        records.delete(key);
      },
    };
  }

  get notes(): NoteStore | undefined {
    const store = this.#store;
    if (!store) return undefined;
    return {
      async *pairs(prefix) {
        for await (const [key, value] of store.pairs(NOTES + prefix)) yield [key.slice(NOTES.length), value];
      },
      write: (changes) =>
        store.write(
          changes.map((change) => ({ ...change, key: NOTES + change.key })),
          true,
        ),
    };
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }
}

function kindOf(kinds: Map<string, Map<string, string>>, kind: string): Map<string, string> {
  const records = kinds.get(kind) ?? new Map<string, string>();
  kinds.set(kind, records);
  return records;
}
