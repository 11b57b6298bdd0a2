import { backendName } from '../../discovery/discovery.ts';
import type { SwarmSettings } from '../record.ts';

/** Discovery in a store that managers can share too. */
const STORES: ReadonlySet<string> = new Set(['etcd', 'consul', 'zk']);

/** TCP ports of a server of the store that is brought along. */
export const ETCD_PORTS = { client: 2379, peer: 2380 } as const;

/** Whether discovery names a store that managers share. Otherwise etcd is brought along. */
export function hasOwnStore({ discovery }: Pick<SwarmSettings, 'discovery'>): boolean {
  return STORES.has(backendName(discovery));
}
