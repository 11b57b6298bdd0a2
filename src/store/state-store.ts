import { type EmbeddedStore, openEmbeddedStore } from '../kv/embedded.ts';

/**
 * Durable texts of one kind, by key. What `put` and `delete` resolved survives a kill of the process and a loss of power; a change
 * is listed once it is durable, and one that was rejected never.
 */
export interface RecordStore {
  list(): ReadonlyMap<string, string>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

/** What a manager keeps between its lives, in one folder that it owns alone. */
export interface StateStore {
  /** The records of one kind; the same object for the same kind. */
  records(kind: string): RecordStore;
  /** Gives the folder free. Idempotent. */
  close(): Promise<void>;
}

/** Opens the store; without a folder nothing is kept. Throws one clear line when another manager has the folder. */
export async function openStateStore(folder: string | undefined): Promise<StateStore> {
  if (folder === undefined) return new Records(undefined, new Map());
  const store = await openEmbeddedStore(folder);
  const kinds = new Map<string, Map<string, string>>();
  for await (const [key, value] of store.pairs()) {
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

  async close(): Promise<void> {
    await this.#store?.close();
  }
}

function kindOf(kinds: Map<string, Map<string, string>>, kind: string): Map<string, string> {
  const records = kinds.get(kind) ?? new Map<string, string>();
  kinds.set(kind, records);
  return records;
}
