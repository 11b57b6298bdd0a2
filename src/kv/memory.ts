import type { EmbeddedChange, EmbeddedStore } from './embedded.ts';

/** A store that ends with the process, for a manager that keeps no state. */
export class MemoryStore implements EmbeddedStore {
  readonly #values = new Map<string, string>();

  async get(key: string): Promise<string | undefined> {
    return this.#values.get(key);
  }

  async *pairs(prefix: string = ''): AsyncGenerator<readonly [key: string, value: string], void, void> {
    const found = [...this.#values].filter(([key]) => key.startsWith(prefix));
    yield* found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  async write(changes: readonly EmbeddedChange[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value);
    }
  }

  async close(): Promise<void> {}
}
