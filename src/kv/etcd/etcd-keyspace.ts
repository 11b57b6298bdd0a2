import { randomUUID } from 'node:crypto';
import type {
  KeyChange,
  KeyCondition,
  KeyPair,
  KeySession,
  Keyspace,
  KeyspaceLimits,
  KeyVersion,
} from '../shared/keyspace.ts';
import { codeOf } from '../shared/store-errors.ts';
import type { StoreAddress } from '../store-address.ts';
import { EtcdClient, type EtcdPair, endOfPrefix } from './etcd-client.ts';

/** Its defaults are 1.5 MiB for a request and 128 operations for a transaction. */
const LIMITS: KeyspaceLimits = { valueBytes: 1_300_000, commitBytes: 1_400_000, changes: 120 };
const GETS_AT_ONCE = 100;
const PAGE = 500;
/** Longest wait for a change: the server asked may be one that hears of none. */
const WAIT_MS = 5_000;

/** The keys below one path of an etcd. A version is the revision of etcd that wrote the key last. */
export class EtcdKeyspace implements Keyspace {
  readonly limits: KeyspaceLimits = LIMITS;
  readonly #client: EtcdClient;
  readonly #root: string;

  constructor(address: StoreAddress) {
    this.#client = new EtcdClient(address);
    this.#root = address.prefix === '' ? '/' : `/${address.prefix}/`;
  }

  async get(keys: readonly string[]): Promise<readonly (KeyPair | undefined)[]> {
    const found: (KeyPair | undefined)[] = [];
    for (let at = 0; at < keys.length; at += GETS_AT_ONCE) {
      const gets = keys.slice(at, at + GETS_AT_ONCE).map((key) => ({ get: this.#root + key }));
      const { pairs } = await this.#client.txn([], gets, { isRepeatable: true });
      found.push(...gets.map((_, i) => pairs[i] && this.#toPair(pairs[i])));
    }
    return found;
  }

  async *list(folder: string): AsyncGenerator<KeyPair, void, void> {
    const prefix = `${this.#root}${folder}/`;
    const end = endOfPrefix(prefix);
    let key = prefix;
    for (let limit = PAGE; ; ) {
      const page = await this.#client.range({ key, end, limit }).catch((error: unknown) => {
        if (codeOf(error) !== 'RECORD_TOO_LARGE' || limit === 1) throw error;
      });
      if (page === undefined) {
        limit = Math.ceil(limit / 8);
        continue;
      }
      for (const pair of page.pairs) yield this.#toPair(pair);
      const last = page.pairs.at(-1);
      if (!page.more || last === undefined) return;
      key = `${last.key}\0`;
    }
  }

  async commit(conditions: readonly KeyCondition[], changes: readonly KeyChange[]): Promise<KeyVersion | undefined> {
    const compares = conditions.map(({ key, version }) => ({
      key: this.#root + key,
      revision: version === 'absent' ? 0 : version,
    }));
    const operations = changes.map(({ key, value }) =>
      value === undefined ? { remove: this.#root + key } : { put: this.#root + key, value },
    );
    const { succeeded, revision } = await this.#client.txn(compares, operations, { isRepeatable: false });
    return succeeded ? revision : undefined;
  }

  async waitForChange(key: string, version: KeyVersion | 'absent', signal: AbortSignal): Promise<void> {
    const path = this.#root + key;
    const { pairs, revision } = await this.#client.range({ key: path });
    if ((pairs[0]?.revision ?? 'absent') !== version) return;
    const within = AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)]);
    await this.#client.changed({ key: path, after: revision }, within);
  }

  async openSession(ttlMs: number): Promise<KeySession> {
    const { id, ttlSeconds } = await this.#client.grant(Math.ceil(ttlMs / 1000));
    const key = `sessions/${randomUUID()}`;
    const put = { put: this.#root + key, value: '', lease: id };
    // Made twice it is the same key, which nobody else knows yet.
    const { revision } = await this.#client.txn([], [put], { isRepeatable: true });
    return {
      ...{ key, version: revision, ttlMs: ttlSeconds * 1000 },
      keepAlive: () => this.#client.keepAlive(id),
      end: async () => {
        await this.#client.revoke(id).catch(() => undefined);
      },
    };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #toPair({ key, value, revision }: EtcdPair): KeyPair {
    return { key: key.slice(this.#root.length), value, version: revision };
  }
}
