import { CONSUL, ConsulClient } from '../../kv/consul/consul-client.ts';
import { nodeName } from '../../kv/node-name.ts';
import { storeError } from '../../kv/shared/store-errors.ts';
import type { StoreAddress } from '../../kv/store-address.ts';
import type { DiscoveryBackend, DiscoverySettings } from '../backend.ts';
import { type NodeFolder, openStoreDiscovery } from '../store-discovery.ts';

/** `consul://a,b,c/prefix`: keys of Consul, each held by a session that removes it with its end. */
export function openConsulDiscovery(rest: string, settings: DiscoverySettings): Promise<DiscoveryBackend> {
  const openFolder = (address: StoreAddress, path: string): NodeFolder =>
    new ConsulNodes(address, path, settings.heartbeatMs);
  return openStoreDiscovery(CONSUL, openFolder, rest, settings);
}

const MOST_WAIT_MS = 10_000;

class ConsulNodes implements NodeFolder {
  readonly #client: ConsulClient;
  readonly #prefix: string;
  readonly #waitMs: number;
  readonly #sessions = new Map<string, { readonly id: string; readonly askedMs: number }>();

  constructor(address: StoreAddress, path: string, heartbeatMs: number) {
    this.#client = new ConsulClient(address);
    this.#prefix = `${path}/`;
    this.#waitMs = Math.min(heartbeatMs, MOST_WAIT_MS);
  }

  async list(most: number, signal: AbortSignal): Promise<{ readonly values: readonly string[]; readonly tag: number }> {
    const { pairs, index } = await this.#client.get(this.#prefix, true, signal);
    const values = pairs.filter(({ key }) => key !== this.#prefix).map(({ value }) => value);
    return { values: values.slice(0, most + 1).sort(), tag: index };
  }

  changed(tag: number, signal: AbortSignal): Promise<void> {
    return this.#client.wait(this.#prefix, { index: tag, waitMs: this.#waitMs, isFolder: true }, signal);
  }

  async put(name: string, value: string, ttlMs: number): Promise<void> {
    // Consul takes up to twice the time of a session to end it.
    const askedMs = ttlMs / 2;
    const Key = this.#prefix + keyName(name);
    const { pairs } = await this.#client.get(Key);
    const own = this.#sessions.get(name);
    if (own?.askedMs === askedMs && pairs[0]?.session === own.id && (await this.#client.renewSession(own.id))) return;
    const session = await this.#client.createSession(askedMs);
    // What an earlier life or another agent holds is taken over: its session ends without a key.
    const old = pairs[0] ? [{ Verb: 'delete-cas', Key, Index: pairs[0].index } as const] : [];
    const results = await this.#client.txn([...old, { Verb: 'lock', Key, Value: value, Session: session.id }], true);
    if (results === undefined) {
      await this.#client.destroySession(session.id);
      throw storeError(
        'STORE_UNAVAILABLE',
        `Consul does not give the key ${Key} at present: another agent registers it`,
      );
    }
    this.#sessions.set(name, { id: session.id, askedMs });
    if (own) await this.#client.destroySession(own.id);
  }

  async remove(name: string): Promise<void> {
    await this.#client.remove(this.#prefix + keyName(name));
    const own = this.#sessions.get(name);
    this.#sessions.delete(name);
    if (own) await this.#client.destroySession(own.id);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** An entry as the last part of a key: as the original swarm has it, where that is one part. */
function keyName(entry: string): string {
  return /^[\w.:[\]-]+$/.test(entry) ? entry : nodeName(entry);
}
