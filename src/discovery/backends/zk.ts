import { backoffMs } from '../../common/backoff.ts';
import type { Clock } from '../../common/clock.ts';
import { nodeName } from '../../kv/node-name.ts';
import type { StoreAddress } from '../../kv/store-address.ts';
import { refusalOf, ZkClient, ZOOKEEPER } from '../../kv/zookeeper/zk-client.ts';
import { ANY_VERSION, ZK_CODE, ZkError, type ZkOperation } from '../../kv/zookeeper/zk-messages.ts';
import type { DiscoveryBackend, DiscoverySettings } from '../backend.ts';
import { type NodeFolder, openStoreDiscovery } from '../store-discovery.ts';

/** `zk://a,b,c/prefix`: ephemeral nodes of ZooKeeper. */
export function openZkDiscovery(rest: string, settings: DiscoverySettings): Promise<DiscoveryBackend> {
  return openStoreDiscovery(ZOOKEEPER, (address, path) => new ZkNodes(address, path, settings.clock), rest, settings);
}

/** Of the connection that only reads. */
const SESSION_MS = 15_000;
const GETS_AT_ONCE = 200;
const BACKOFF = { baseMs: 500, maxMs: 10_000 } as const;

/** Races with others that register or remove the same entry. */
const RACES: ReadonlySet<number> = new Set([ZK_CODE.noNode, ZK_CODE.nodeExists, ZK_CODE.badVersion]);
const MOST_RACES = 5;

class ZkNodes implements NodeFolder {
  readonly #address: StoreAddress;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #reader: ZkClient;
  /** The session that entries of ours end with; begun at the first. */
  #writer: { readonly client: ZkClient; readonly ttlMs: number } | undefined;
  readonly #own = new Map<string, string>();
  readonly #stop = new AbortController();

  constructor(address: StoreAddress, path: string, clock: Clock) {
    this.#address = address;
    this.#path = `/${path}`;
    this.#clock = clock;
    this.#reader = new ZkClient(address, SESSION_MS);
  }

  async list(most: number): Promise<{ readonly values: readonly string[]; readonly tag: number }> {
    const [, children] = await Promise.all([this.#reader.sync('/'), this.#reader.children(this.#path)]);
    if (children === undefined) return { values: [], tag: 0 };
    const names = [...children.names].sort().slice(0, most + 1);
    const values: string[] = [];
    for (let at = 0; at < names.length; at += GETS_AT_ONCE) {
      const some = names.slice(at, at + GETS_AT_ONCE);
      const nodes = await Promise.all(some.map((name) => this.#reader.get(`${this.#path}/${name}`)));
      for (const node of nodes) if (node) values.push(node.data);
    }
    return { values: values.sort(), tag: Number(children.stat.pzxid) };
  }

  async changed(tag: number, signal: AbortSignal): Promise<void> {
    const event = this.#reader.session.event(this.#path, signal);
    const children = await this.#reader.children(this.#path, true);
    // One that is not there yet is told by a watch of its own.
    const stat = children === undefined ? await this.#reader.stat(this.#path, true) : children.stat;
    if (Number(stat?.pzxid ?? 0) === tag) await event;
  }

  async put(name: string, value: string, ttlMs: number): Promise<void> {
    const { client } = await this.#writerFor(ttlMs);
    await this.#putInto(client, name, value);
    this.#own.set(name, value);
  }

  async remove(name: string): Promise<void> {
    this.#own.delete(name);
    await this.#reader.multi([{ remove: this.#nodeOf(name), version: ANY_VERSION }]).catch((error: unknown) => {
      if (!(error instanceof ZkError && error.zkCode === ZK_CODE.noNode)) throw refusalOf(error);
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reader.session.close();
    // Its entries stay for their time, so that an agent may restart.
    await this.#writer?.client.session.close({ lingers: this.#own.size > 0 });
  }

  async #writerFor(ttlMs: number): Promise<{ readonly client: ZkClient }> {
    if (this.#writer?.ttlMs === ttlMs) return this.#writer;
    await this.#writer?.client.session.close();
    const client = new ZkClient(this.#address, ttlMs, () => void this.#putAllAgain(client));
    this.#writer = { client, ttlMs };
    return this.#writer;
  }

  /** Makes the node, or makes that of an earlier session ours. */
  async #putInto(client: ZkClient, name: string, value: string): Promise<void> {
    const path = this.#nodeOf(name);
    for (let races = 1; ; races++) {
      const found = await client.stat(path);
      if (found !== undefined && found.owner === client.session.id) return;
      if (found === undefined) await client.makePath(this.#path);
      const old: ZkOperation[] = found ? [{ remove: path, version: found.version }] : [];
      try {
        await client.multi([...old, { create: path, data: value, isEphemeral: true }]);
        return;
      } catch (error) {
        const isRace = error instanceof ZkError && RACES.has(error.zkCode);
        // One whose outcome is unknown is looked at again.
        const isUnknown = (error as { readonly code?: unknown }).code === 'OUTCOME_UNKNOWN';
        if ((!isRace && !isUnknown) || races === MOST_RACES) throw refusalOf(error);
      }
    }
  }

  /** After a session has expired, with what it had registered. Never rejects. */
  async #putAllAgain(client: ZkClient): Promise<void> {
    for (const [name, value] of [...this.#own]) {
      for (let failures = 1; this.#own.has(name) && !this.#stop.signal.aborted; failures++) {
        const isDone = await this.#putInto(client, name, value).then(
          () => true,
          () => false,
        );
        if (isDone) break;
        await this.#clock.sleep(backoffMs(failures, BACKOFF), this.#stop.signal).catch(() => undefined);
      }
    }
  }

  #nodeOf(name: string): string {
    return `${this.#path}/${/^[\w.:[\]-]+$/.test(name) ? name : nodeName(name)}`;
  }
}
