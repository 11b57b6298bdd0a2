import { UsageError } from '../common/errors.ts';
import type { Keyspace } from './shared/keyspace.ts';
import { SharedStore } from './shared/shared-store.ts';
import { readStoreAddress, type StoreAddress, type StoreKind, serverText } from './store-address.ts';

interface SharedStoreKind {
  readonly kind: StoreKind;
  readonly open: (address: StoreAddress) => Keyspace;
}

/** Every store that managers can share, its code loaded on first use. */
const STORES = new Map<string, () => Promise<SharedStoreKind>>([
  [
    'etcd',
    async (): Promise<SharedStoreKind> => {
      const [{ ETCD }, { EtcdKeyspace }] = await Promise.all([
        import('./etcd/etcd-client.ts'),
        import('./etcd/etcd-keyspace.ts'),
      ]);
      return { kind: ETCD, open: (address: StoreAddress) => new EtcdKeyspace(address) };
    },
  ],
  [
    'zk',
    async (): Promise<SharedStoreKind> => {
      const [{ ZOOKEEPER }, { ZkKeyspace }] = await Promise.all([
        import('./zookeeper/zk-client.ts'),
        import('./zookeeper/zk-keyspace.ts'),
      ]);
      return { kind: ZOOKEEPER, open: (address: StoreAddress) => new ZkKeyspace(address) };
    },
  ],
  [
    'consul',
    async (): Promise<SharedStoreKind> => {
      const [{ CONSUL }, { ConsulKeyspace }] = await Promise.all([
        import('./consul/consul-client.ts'),
        import('./consul/consul-keyspace.ts'),
      ]);
      return { kind: CONSUL, open: (address: StoreAddress) => new ConsulKeyspace(address) };
    },
  ],
]);

/** Below the path of the address; engines are registered elsewhere below it. */
const FOLDER = 'enxame';

/**
 * Opens the store that `scheme://a,b,c/prefix` names, for the records of managers. Asks it nothing yet. Throws a {@link UsageError} for an address
 * that names none. `as` says whether the address is that of discovery, or the name of a store.
 */
export async function openSharedStore(
  uri: string,
  options: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
  as: 'discovery' | 'named' = 'discovery',
): Promise<{ readonly store: SharedStore; readonly name: string }> {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/is.exec(uri.trim()) ?? [];
  const load = STORES.get(scheme.toLowerCase());
  if (!load) {
    const known = [...STORES.keys()].map((each) => `${each}://`).join(', ');
    throw new UsageError(
      `--replication needs a store that the managers share, as the discovery argument or by --replication-store: one of ${known}`,
      'NO_SHARED_STORE',
    );
  }
  const { kind, open } = await load();
  const address = await readStoreAddress(kind, rest, options, env);
  const below = address.prefix === '' ? FOLDER : `${address.prefix}/${FOLDER}`;
  const prefix = as === 'named' ? address.prefix : below;
  const name = `${kind.scheme}://${address.servers.map(serverText).join(',')}/${prefix}`;
  return { store: new SharedStore(open({ ...address, prefix })), name };
}
