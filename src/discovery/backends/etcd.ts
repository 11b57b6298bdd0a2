import { ETCD, EtcdClient, endOfPrefix, isLeaseGone } from '../../kv/etcd/etcd-client.ts';
import type { StoreAddress } from '../../kv/store-address.ts';
import type { DiscoveryBackend, DiscoverySettings } from '../backend.ts';
import { type NodeFolder, openStoreDiscovery } from '../store-discovery.ts';

/** `etcd://a,b,c/prefix`: keys of etcd's API v3, each with a lease. */
export function openEtcdDiscovery(rest: string, settings: DiscoverySettings): Promise<DiscoveryBackend> {
  return openStoreDiscovery(ETCD, (address, path) => new EtcdNodes(address, path), rest, settings);
}

interface HeldLease {
  readonly id: string;
  readonly ttlSeconds: number;
}

class EtcdNodes implements NodeFolder {
  readonly #client: EtcdClient;
  readonly #prefix: string;
  readonly #leases = new Map<string, HeldLease>();

  constructor(address: StoreAddress, path: string) {
    this.#client = new EtcdClient(address);
    this.#prefix = `/${path}/`;
  }

  async list(most: number, signal: AbortSignal): Promise<{ readonly values: readonly string[]; readonly tag: number }> {
    const range = { key: this.#prefix, end: endOfPrefix(this.#prefix), limit: most + 1 };
    const { pairs, revision } = await this.#client.range(range, signal);
    return { values: pairs.map(({ value }) => value), tag: revision };
  }

  changed(tag: number, signal: AbortSignal): Promise<void> {
    return this.#client.changed({ key: this.#prefix, end: endOfPrefix(this.#prefix), after: tag }, signal);
  }

  async put(name: string, value: string, ttlMs: number, signal: AbortSignal): Promise<void> {
    const ttlSeconds = Math.ceil(ttlMs / 1000);
    const write = async (lease: string): Promise<void> => {
      const put = { put: this.#prefix + name, value, lease };
      await this.#client.txn([], [put], { isRepeatable: true, signal });
    };
    const held = this.#leases.get(name);
    if (held?.ttlSeconds === ttlSeconds && (await this.#client.keepAlive(held.id, signal))) {
      // Set again all the same: somebody may have removed it.
      const isSet = await write(held.id).then(
        () => true,
        (error: unknown) => {
          if (isLeaseGone(error)) return false;
          throw error;
        },
      );
      if (isSet) return;
    }
    const { id } = await this.#client.grant(ttlSeconds, signal);
    await write(id);
    this.#leases.set(name, { id, ttlSeconds });
  }

  async remove(name: string, signal: AbortSignal): Promise<void> {
    await this.#client.txn([], [{ remove: this.#prefix + name }], { isRepeatable: true, signal });
    const held = this.#leases.get(name);
    this.#leases.delete(name);
    if (held) await this.#client.revoke(held.id, signal);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
