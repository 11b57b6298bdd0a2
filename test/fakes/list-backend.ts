import type { DiscoveryError } from '../../src/common/errors.ts';
import type { DiscoveryBackend, WatchEvent } from '../../src/discovery/backend.ts';
import { type Entry, parseEntry } from '../../src/discovery/entry.ts';

/** A discovery backend whose entries a test sets. */
export class ListBackend implements DiscoveryBackend {
  readonly name = 'list';
  readonly #closed = new AbortController();
  #queue: WatchEvent[];
  #wake = (): void => undefined;

  constructor(addresses: readonly string[]) {
    this.#queue = [{ entries: addresses.map(parseEntry) }];
  }

  /** What the watch reports next. */
  set(addresses: readonly string[]): void {
    this.#push({ entries: addresses.map(parseEntry) });
  }

  fail(error: DiscoveryError): void {
    this.#push({ error });
  }

  async entries(): Promise<readonly Entry[]> {
    return this.#queue.at(-1)?.entries ?? [];
  }

  async *watch(signal: AbortSignal): AsyncGenerator<WatchEvent, void, void> {
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    ended.addEventListener('abort', () => this.#wake(), { once: true });
    while (!ended.aborted) {
      const queue = this.#queue;
      this.#queue = [];
      yield* queue;
      if (this.#queue.length > 0 || ended.aborted) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  #push(event: WatchEvent): void {
    this.#queue.push(event);
    this.#wake();
  }
}
