import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { nodeName, textOf } from '../node-name.ts';
import type {
  KeyChange,
  KeyCondition,
  KeyPair,
  KeySession,
  Keyspace,
  KeyspaceLimits,
  KeyVersion,
} from '../shared/keyspace.ts';
import { storeError } from '../shared/store-errors.ts';
import type { StoreAddress } from '../store-address.ts';
import { ConsulClient, type ConsulOperation } from './consul-client.ts';

/** A transaction is a body of 512 KiB, its values in base64, and 64 operations (`txn_max_req_len`). */
const LIMITS: KeyspaceLimits = { valueBytes: 270_000, commitBytes: 375_000, changes: 60 };
const CALLS_AT_ONCE = 16;
const WAIT_MS = 5_000;

/** The keys below one path of a Consul. A version is the index that wrote the key last. */
export class ConsulKeyspace implements Keyspace {
  readonly limits: KeyspaceLimits = LIMITS;
  readonly #client: ConsulClient;
  readonly #root: string;
  readonly #calls = pLimit(CALLS_AT_ONCE);

  constructor(address: StoreAddress) {
    this.#client = new ConsulClient(address);
    this.#root = address.prefix === '' ? '' : `${address.prefix}/`;
  }

  async get(keys: readonly string[]): Promise<readonly (KeyPair | undefined)[]> {
    return await Promise.all(keys.map((key) => this.#calls(() => this.#getOne(key))));
  }

  async *list(folder: string): AsyncGenerator<KeyPair, void, void> {
    const prefix = `${this.#root}${folder}/`;
    const names = (await this.#client.keys(prefix)).flatMap((path) => textOf(path.slice(prefix.length)) ?? []);
    const keys = names.map((name) => `${folder}/${name}`).sort();
    for (let at = 0; at < keys.length; at += CALLS_AT_ONCE)
      for (const pair of await this.get(keys.slice(at, at + CALLS_AT_ONCE))) if (pair) yield pair;
  }

  async commit(conditions: readonly KeyCondition[], changes: readonly KeyChange[]): Promise<KeyVersion | undefined> {
    const expected = new Map(conditions.map(({ key, version }) => [key, version]));
    const written = new Set(changes.map(({ key }) => key));
    const results = await this.#client.txn(
      [
        ...changes.map((change) => this.#operationOf(change, expected.get(change.key))),
        ...conditions.filter(({ key }) => !written.has(key)).map((condition) => this.#checkOf(condition)),
      ],
      false,
    );
    return results?.[0]?.index;
  }

  async waitForChange(key: string, version: KeyVersion | 'absent', signal: AbortSignal): Promise<void> {
    const path = this.#pathOf(key);
    const { pairs, index } = await this.#client.get(path);
    if ((pairs[0]?.index ?? 'absent') !== version || signal.aborted) return;
    await this.#client.wait(path, { index, waitMs: WAIT_MS, isFolder: false }, signal);
  }

  async openSession(ttlMs: number): Promise<KeySession> {
    const session = await this.#client.createSession(ttlMs);
    const key = `sessions/${randomUUID()}`;
    // Made twice it is the same key, which nobody else knows yet.
    const results = await this.#client.txn(
      [{ Verb: 'lock', Key: this.#pathOf(key), Value: '', Session: session.id }],
      true,
    );
    const version = results?.[0]?.index;
    if (version === undefined) throw storeError('STORE_UNAVAILABLE', 'Consul did not give a session its key');
    return {
      ...{ key, version, ttlMs: session.ttlMs },
      keepAlive: () => this.#client.renewSession(session.id),
      end: async () => {
        await this.#client.destroySession(session.id).catch(() => undefined);
      },
    };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #getOne(key: string): Promise<KeyPair | undefined> {
    const [pair] = (await this.#client.get(this.#pathOf(key))).pairs;
    return pair && { key, value: pair.value, version: pair.index };
  }

  #operationOf({ key, value }: KeyChange, version: KeyVersion | 'absent' | undefined): ConsulOperation {
    const Key = this.#pathOf(key);
    // An index of 0 stands for a key that is not there.
    const index = version === undefined ? {} : { Index: version === 'absent' ? 0 : version };
    if (value === undefined) return { Verb: version === undefined ? 'delete' : 'delete-cas', Key, ...index };
    return { Verb: version === undefined ? 'set' : 'cas', Key, Value: value, ...index };
  }

  #checkOf({ key, version }: KeyCondition): ConsulOperation {
    const Key = this.#pathOf(key);
    return version === 'absent' ? { Verb: 'check-not-exists', Key } : { Verb: 'check-index', Key, Index: version };
  }

  #pathOf(key: string): string {
    const slash = key.indexOf('/');
    return `${this.#root}${key.slice(0, slash)}/${nodeName(key.slice(slash + 1))}`;
  }
}
