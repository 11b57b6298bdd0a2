import { randomUUID } from 'node:crypto';
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
import type { StoreAddress } from '../store-address.ts';
import { refusalOf, ZkClient } from './zk-client.ts';
import { ANY_VERSION, ZK_CODE, ZkError, type ZkOperation } from './zk-messages.ts';

/** Servers take messages of 1,048,575 bytes (`jute.maxbuffer`). */
const LIMITS: KeyspaceLimits = { valueBytes: 880_000, commitBytes: 1_000_000, changes: 500 };
const GETS_AT_ONCE = 200;
/** Of the connection that reads and writes; nothing depends on it. */
const SESSION_MS = 15_000;
const WAIT_MS = 5_000;

/** What a commit meets when nodes are otherwise than it was told or has just seen. */
const CHANGED: ReadonlySet<number> = new Set([ZK_CODE.noNode, ZK_CODE.badVersion, ZK_CODE.nodeExists]);

/** The nodes below one path of a ZooKeeper. A version is a node's own. */
export class ZkKeyspace implements Keyspace {
  readonly limits: KeyspaceLimits = LIMITS;
  readonly #address: StoreAddress;
  readonly #client: ZkClient;
  readonly #root: string;
  readonly #folders = new Map<string, Promise<void>>();
  readonly #sessions = new Set<ZkClient>();

  constructor(address: StoreAddress) {
    this.#address = address;
    this.#client = new ZkClient(address, SESSION_MS);
    this.#root = address.prefix === '' ? '' : `/${address.prefix}`;
  }

  async get(keys: readonly string[]): Promise<readonly (KeyPair | undefined)[]> {
    if (keys.length === 0) return [];
    const [, pairs] = await Promise.all([this.#synced(), this.#getAll(keys)]);
    return pairs;
  }

  async *list(folder: string): AsyncGenerator<KeyPair, void, void> {
    await this.#synced();
    const path = `${this.#root}/${folder}`;
    const { names } = (await this.#client.children(path)) ?? { names: [] };
    const keys = names.flatMap((name) => textOf(name) ?? []).map((name) => `${folder}/${name}`);
    keys.sort();
    for (let at = 0; at < keys.length; at += GETS_AT_ONCE)
      for (const pair of await this.#getAll(keys.slice(at, at + GETS_AT_ONCE))) if (pair) yield pair;
  }

  async commit(conditions: readonly KeyCondition[], changes: readonly KeyChange[]): Promise<KeyVersion | undefined> {
    await this.#makeFolders(changes);
    const expected = new Map(conditions.map(({ key, version }) => [key, version]));
    const unknown = changes.filter(({ key }) => !expected.has(key)).map(({ key }) => key);
    const synced = this.#synced();
    const [stats] = await Promise.all([
      Promise.all(unknown.map((key) => this.#client.stat(this.#pathOf(key)))),
      synced,
    ]);
    const found = new Map(unknown.map((key, i) => [key, stats[i] === undefined ? ('absent' as const) : ANY_VERSION]));
    const checks = conditions.filter(({ key }) => !changes.some((change) => change.key === key));
    if (checks.some(({ version }) => version === 'absent'))
      throw new TypeError('only a key that is written may be absent');
    const operations = [
      ...changes.flatMap((change) => this.#operationOf(change, expected.get(change.key) ?? found.get(change.key))),
      ...checks.map(({ key, version }) => ({ check: this.#pathOf(key), version: Number(version) })),
    ];
    try {
      const version = await this.#client.multi(operations);
      const isFirstNew = operations[0] !== undefined && 'create' in operations[0];
      return isFirstNew ? 0 : version;
    } catch (error) {
      if (error instanceof ZkError && CHANGED.has(error.zkCode)) {
        this.#folders.clear();
        return undefined;
      }
      throw refusalOf(error);
    }
  }

  async waitForChange(key: string, version: KeyVersion | 'absent', signal: AbortSignal): Promise<void> {
    const path = this.#pathOf(key);
    const within = AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)]);
    const event = this.#client.session.event(path, within);
    const stat = await this.#client.stat(path, true);
    if ((stat?.version ?? 'absent') === version) await event;
  }

  async openSession(ttlMs: number): Promise<KeySession> {
    const client = new ZkClient(this.#address, ttlMs);
    const key = `sessions/${randomUUID()}`;
    try {
      await this.#makeFolders([{ key }]);
      await client.multi([{ create: this.#pathOf(key), data: '', isEphemeral: true }]);
    } catch (error) {
      await client.session.close();
      throw refusalOf(error);
    }
    this.#sessions.add(client);
    return {
      ...{ key, version: 0, ttlMs: client.session.timeoutMs },
      keepAlive: async () => client.session.expirations === 0 && (await client.session.ping()),
      end: async () => {
        this.#sessions.delete(client);
        await client.session.close();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#client, ...this.#sessions].map((client) => client.session.close()));
  }

  #operationOf({ key, value }: KeyChange, version: KeyVersion | 'absent' | undefined): ZkOperation[] {
    const path = this.#pathOf(key);
    if (value === undefined) return version === 'absent' ? [] : [{ remove: path, version: version ?? ANY_VERSION }];
    if (version === 'absent') return [{ create: path, data: value }];
    return [{ set: path, data: value, version: version ?? ANY_VERSION }];
  }

  /** Reads are made by the server that is asked, and see what it knows. */
  #synced(): Promise<void> {
    return this.#client.sync(this.#root === '' ? '/' : this.#root);
  }

  async #getAll(keys: readonly string[]): Promise<readonly (KeyPair | undefined)[]> {
    const nodes = await Promise.all(keys.map((key) => this.#client.get(this.#pathOf(key))));
    return nodes.map((node, i) => node && { key: keys[i] ?? '', value: node.data, version: node.stat.version });
  }

  async #makeFolders(changes: readonly KeyChange[]): Promise<void> {
    for (const folder of new Set(changes.map(({ key }) => key.slice(0, key.indexOf('/'))))) {
      const making = this.#folders.get(folder) ?? this.#client.makePath(`${this.#root}/${folder}`);
      this.#folders.set(folder, making);
      await making.catch((error: unknown) => {
        this.#folders.delete(folder);
        throw error;
      });
    }
  }

  #pathOf(key: string): string {
    const slash = key.indexOf('/');
    return `${this.#root}/${key.slice(0, slash)}/${nodeName(key.slice(slash + 1))}`;
  }
}
