import { DiscoveryError, reasonOf } from '../common/errors.ts';
import { isLoopback } from '../common/listen-address.ts';
import { pathOf, readStoreAddress, type StoreAddress, type StoreKind } from '../kv/store-address.ts';
import type { DiscoveryBackend, DiscoverySettings, WatchEvent } from './backend.ts';
import type { Entry } from './entry.ts';
import { pollEntries } from './poll.ts';
import { SharedEntries } from './shared-entries.ts';

/** Where the original swarm registers engines, below the path of the address (`pkg/discovery/kv` of Docker Engine 1.12). */
const DEFAULT_PATH = 'docker/swarm/nodes';
/** Between two looks: many changes at once are one. */
const BREATH_MS = 500;
/** Longest wait for a change: the server asked may be one that hears of none. */
const WAIT_MS = 10_000;
const MOST_ENTRIES = 65_536;

/** The keys below one path of a store, one for each engine, with its entry as the value. Calls reject with the errors of `store-errors.ts`. */
export interface NodeFolder {
  /** The values, by key, at most `most` and one; and what {@link changed} knows this state by. */
  list(most: number, signal: AbortSignal): Promise<{ readonly values: readonly string[]; readonly tag: number }>;
  /** Resolves when there is another state than that of `tag`, and may do so sooner; when the signal is aborted too. */
  changed(tag: number, signal: AbortSignal): Promise<void>;
  /** Sets a key that ends after `ttlMs` unless it is set again. */
  put(name: string, value: string, ttlMs: number, signal: AbortSignal): Promise<void>;
  remove(name: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Makes the backend of a store from what follows `scheme://`. Asks the store nothing yet. */
export async function openStoreDiscovery(
  kind: StoreKind,
  openFolder: (address: StoreAddress, path: string, settings: DiscoverySettings) => NodeFolder,
  rest: string,
  settings: DiscoverySettings,
): Promise<DiscoveryBackend> {
  const address = await readStoreAddress(kind, rest, settings.options, settings.env);
  const below = pathOf(kind, settings.options.get('kv.path') ?? DEFAULT_PATH) || DEFAULT_PATH;
  const path = address.prefix === '' ? below : `${address.prefix}/${below}`;
  return new StoreDiscovery(kind.scheme, openFolder(address, path, settings), address, settings);
}

class StoreDiscovery implements DiscoveryBackend {
  readonly name: string;
  readonly #folder: NodeFolder;
  readonly #settings: DiscoverySettings;
  readonly #shared: SharedEntries;
  readonly #closed = new AbortController();

  constructor(name: string, folder: NodeFolder, { servers }: StoreAddress, settings: DiscoverySettings) {
    this.name = name;
    this.#folder = folder;
    this.#settings = settings;
    this.#shared = new SharedEntries({ loopback: servers.every(({ host }) => isLoopback(host)) }, settings.onLeftOut);
  }

  async entries(signal: AbortSignal): Promise<readonly Entry[]> {
    return (await this.#list(signal)).entries;
  }

  /** A change is seen when it comes; the entries are read again after some seconds in any case. */
  watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
    const { heartbeatMs, clock } = this.#settings;
    let tag: number | undefined;
    const read = async (ended: AbortSignal): Promise<readonly Entry[]> => {
      const known = tag;
      // After a failure it is asked at once.
      tag = undefined;
      if (known !== undefined) {
        const within = AbortSignal.any([ended, AbortSignal.timeout(Math.ceil(Math.min(heartbeatMs, WAIT_MS)))]);
        await this.#ask(ended, () => this.#folder.changed(known, within));
      }
      const listed = await this.#list(ended);
      tag = listed.tag;
      return listed.entries;
    };
    const polling = { intervalMs: Math.min(heartbeatMs, BREATH_MS), retryMaxMs: heartbeatMs, clock };
    return pollEntries(read, polling, AbortSignal.any([signal, this.#closed.signal]));
  }

  async register(entry: Entry, ttlMs: number, signal: AbortSignal): Promise<void> {
    this.#shared.assertReachable(entry);
    const { canonical } = entry;
    await this.#ask(signal, () => this.#folder.put(canonical, canonical, ttlMs, signal));
  }

  async deregister({ canonical }: Entry, signal: AbortSignal): Promise<void> {
    await this.#ask(signal, () => this.#folder.remove(canonical, signal));
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#folder.close();
  }

  async #list(signal: AbortSignal): Promise<{ readonly entries: readonly Entry[]; readonly tag: number }> {
    const { values, tag } = await this.#ask(signal, () => this.#folder.list(MOST_ENTRIES, signal));
    if (values.length > MOST_ENTRIES)
      throw new DiscoveryError(`${this.name}:// has more than ${MOST_ENTRIES} entries there`, 'BAD_ANSWER');
    return { entries: this.#shared.usable(values), tag };
  }

  async #ask<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new DiscoveryError(messageOf(error), CODES.get(String((error as { code?: unknown }).code)), error);
    }
  }
}

/** What callers of discovery know the errors of stores by. */
const CODES: ReadonlyMap<string, string> = new Map([
  ['STORE_AUTH', 'SERVICE_REFUSED'],
  ['STORE_REFUSED', 'SERVICE_REFUSED'],
  ['STORE_TLS', 'SERVICE_TLS'],
  ['STORE_UNAVAILABLE', 'SERVICE_UNREACHABLE'],
]);

function messageOf(error: unknown): string {
  return reasonOf(error instanceof Error ? new Error(error.message) : error);
}
