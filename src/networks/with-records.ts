import { askedOf } from '../cluster/network-names.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { NetworkRecord } from './network-record.ts';

/**
 * The substrate's networks as clients are to see them: with those that are recorded and not there at present (the substrate has no leader
 * yet, or was formed anew), without those that a client removed. `hidden` has the substrate's IDs of the latter.
 */
export function withRecords(
  listed: ReadonlyMap<string, NetworkSummary>,
  records: readonly NetworkRecord[],
): { readonly networks: ReadonlyMap<string, NetworkSummary>; readonly hidden: ReadonlySet<string> } {
  const hidden = new Set<string>();
  if (records.length === 0) return { networks: listed, hidden };
  const byKey = new Map([...listed].map(([id, summary]) => [askedOf(summary).Record, id]));
  const networks = new Map(listed);
  for (const { key, state, summary } of records) {
    const id = byKey.get(key) ?? summary?.Id;
    if (id === undefined) continue;
    if (state === 'removing') {
      hidden.add(id);
      networks.delete(id);
    } else if (state === 'made' && summary && !networks.has(id)) networks.set(id, summary);
  }
  return { networks, hidden };
}
