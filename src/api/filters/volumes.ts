import type { Cluster } from '../../cluster/cluster.ts';
import { type ApiVersion, compareApi } from '../../engine/api-version.ts';
import type { VolumeQuery } from '../../volumes/listing.ts';
import { SPARES_NAMED_API, type VolumePrune } from '../../volumes/prune.ts';
import { type Filters, flagFilter, matchesLabels, nameMatcher } from './query.ts';

/** Filters of `GET /volumes`, those of the engine and our own `node`. */
export const VOLUME_FILTERS: ReadonlySet<string> = new Set(['dangling', 'driver', 'label', 'name', 'node']);

/** What a listing with these filters is about. Throws 400 for a value that engines refuse. */
export function volumeQuery(filters: Filters, cluster: Cluster): VolumeQuery {
  const names = (filters.get('name') ?? []).map(nameMatcher);
  const drivers = filters.get('driver') ?? [];
  const nodes = filters.get('node') ?? [];
  const labels = filters.get('label') ?? [];
  return {
    matches: ({ Name, Driver, Labels }) =>
      (names.length === 0 || names.some((matches) => matches(Name))) &&
      (drivers.length === 0 || drivers.includes(Driver)) &&
      matchesLabels(Labels, labels) &&
      (nodes.length === 0 || isOnNode(cluster, Name, nodes)),
    isDangling: flagFilter(filters, 'dangling'),
  };
}

/** What a prune with these filters takes, for a client of this version. Throws 400 for a value that engines refuse. */
export function volumePrune(filters: Filters, api: ApiVersion): VolumePrune {
  const labels = filters.get('label') ?? [];
  const spared = filters.get('label!') ?? [];
  return {
    filters,
    matches: ({ Labels }) => matchesLabels(Labels, labels) && !spared.some((label) => matchesLabels(Labels, [label])),
    isAll: flagFilter(filters, 'all') ?? compareApi(api, SPARES_NAMED_API) < 0,
    api,
  };
}

/** Whether one of these nodes, by name or ID, holds it. */
function isOnNode({ volumes }: Cluster, volume: string, wanted: readonly string[]): boolean {
  const holders = [...(volumes.get(volume)?.holders.keys() ?? [])];
  return holders.some(({ name, id }) => wanted.includes(name) || wanted.includes(id));
}
