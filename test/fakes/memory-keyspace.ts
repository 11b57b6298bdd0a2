import { randomUUID } from 'node:crypto';
import type {
  KeyChange,
  KeyCondition,
  KeyPair,
  KeySession,
  Keyspace,
  KeyspaceLimits,
  KeyVersion,
} from '../../src/kv/shared/keyspace.ts';
import { storeClosed, storeError } from '../../src/kv/shared/store-errors.ts';
import { Wakeups } from '../../src/kv/wakeups.ts';

/** What becomes of one commit. */
type Fate = 'answer lost' | 'request lost' | 'late';

/** A store in memory, with clients. */
export class MemoryKeyServer {
  readonly pairs: Map<string, KeyPair> = new Map<string, KeyPair>();
  readonly changed: Wakeups = new Wakeups();
  /** Of the next commits, in order. */
  readonly fates: Fate[] = [];
  /** What arrives late. */
  readonly late: (() => void)[] = [];
  #version = 0;

  put(key: string, value: string): KeyVersion {
    this.#version += 1;
    this.pairs.set(key, { key, value, version: this.#version });
    this.changed.wake();
    return this.#version;
  }

  remove(key: string): void {
    this.pairs.delete(key);
    this.changed.wake();
  }

  commit(conditions: readonly KeyCondition[], changes: readonly KeyChange[]): KeyVersion | undefined {
    const holds = conditions.every(({ key, version }) => (this.pairs.get(key)?.version ?? 'absent') === version);
    if (!holds) return undefined;
    let first: KeyVersion | undefined;
    for (const { key, value } of changes) {
      if (value === undefined) this.remove(key);
      else {
        const version = this.put(key, value);
        first ??= version;
      }
    }
    return first;
  }
}

/** A client of it, which can be cut off. */
export class MemoryKeyspace implements Keyspace {
  readonly limits: KeyspaceLimits = { valueBytes: 500_000, commitBytes: 700_000, changes: 64 };
  isCut = false;
  readonly #server: MemoryKeyServer;
  readonly #stop = new AbortController();

  constructor(server: MemoryKeyServer) {
    this.#server = server;
  }

  async get(keys: readonly string[]): Promise<readonly (KeyPair | undefined)[]> {
    await this.#pass();
    return keys.map((key) => this.#server.pairs.get(key));
  }

  async *list(folder: string): AsyncGenerator<KeyPair, void, void> {
    const keys = [...this.#server.pairs.keys()].filter((key) => key.startsWith(`${folder}/`)).sort();
    for (const key of keys) {
      await this.#pass();
      const pair = this.#server.pairs.get(key);
      if (pair) yield pair;
    }
  }

  async commit(conditions: readonly KeyCondition[], changes: readonly KeyChange[]): Promise<KeyVersion | undefined> {
    await this.#pass();
    const fate = this.#server.fates.shift();
    const make = (): KeyVersion | undefined => this.#server.commit(conditions, changes);
    if (fate === 'late') this.#server.late.push(make);
    const version = fate === undefined || fate === 'answer lost' ? make() : undefined;
    if (fate !== undefined) throw storeError('OUTCOME_UNKNOWN', `the ${fate}`);
    await this.#pass();
    return version;
  }

  async waitForChange(key: string, version: KeyVersion | 'absent', signal: AbortSignal): Promise<void> {
    await this.#pass();
    const ended = AbortSignal.any([signal, this.#stop.signal, AbortSignal.timeout(1_000)]);
    while (!ended.aborted && (this.#server.pairs.get(key)?.version ?? 'absent') === version)
      await this.#server.changed.next(ended);
  }

  async openSession(ttlMs: number): Promise<KeySession> {
    await this.#pass();
    const key = `sessions/${randomUUID()}`;
    const version = this.#server.put(key, '');
    const end = (): void => this.#server.remove(key);
    let timer = setTimeout(end, ttlMs);
    return {
      ...{ key, version, ttlMs },
      keepAlive: async () => {
        await this.#pass();
        if (!this.#server.pairs.has(key)) return false;
        clearTimeout(timer);
        timer = setTimeout(end, ttlMs);
        return true;
      },
      end: async () => {
        if (this.isCut) return;
        clearTimeout(timer);
        end();
      },
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
  }

  async #pass(): Promise<void> {
    await new Promise(setImmediate);
    if (this.#stop.signal.aborted) throw storeClosed();
    if (this.isCut) throw storeError('STORE_UNAVAILABLE', 'the store does not answer');
  }
}
