import { DiscoveryError } from '../../common/errors.ts';
import type { DiscoveryBackend, WatchEvent } from '../backend.ts';
import { type Entry, parseEntries, uniqueEntries } from '../entry.ts';

/** `nodes://a:1,b:1` or just `a:1,b:1`: a fixed list, ranges allowed. */
export async function openNodesDiscovery(rest: string): Promise<DiscoveryBackend> {
  const texts = rest
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (texts.length === 0)
    throw new DiscoveryError('the list of nodes is empty. Write it like nodes://10.0.0.1:2376,10.0.0.2:2376');
  return new NodesDiscovery(uniqueEntries(texts.flatMap(parseEntries)));
}

class NodesDiscovery implements DiscoveryBackend {
  readonly name = 'nodes';
  readonly #entries: readonly Entry[];
  readonly #closed = new AbortController();

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  async entries(signal: AbortSignal): Promise<readonly Entry[]> {
    signal.throwIfAborted();
    return this.#entries;
  }

  async *watch(signal: AbortSignal): AsyncGenerator<WatchEvent, void, void> {
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    if (ended.aborted) return;
    yield { entries: this.#entries };
    if (ended.aborted) return;
    await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }
}
