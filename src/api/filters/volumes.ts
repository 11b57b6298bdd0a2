import type { Cluster } from '../../cluster/cluster.ts';
import type { VolumeSummary } from '../../engine/types.ts';
import { type Filters, matchesLabels, nameMatcher } from './query.ts';

/** Filters of `GET /volumes`, those of the engine and our own `node`. */
export const VOLUME_FILTERS: ReadonlySet<string> = new Set(['dangling', 'driver', 'label', 'name', 'node']);

/** Volumes that satisfy every filter but `dangling`, which only the engines can tell. */
export function filterVolumes(
  cluster: Cluster,
  volumes: readonly VolumeSummary[],
  filters: Filters,
): readonly VolumeSummary[] {
  const names = (filters.get('name') ?? []).map(nameMatcher);
  const drivers = filters.get('driver') ?? [];
  const nodes = filters.get('node') ?? [];
  return volumes.filter(
    ({ Name, Driver, Labels }) =>
      (names.length === 0 || names.some((matches) => matches(Name))) &&
      (drivers.length === 0 || drivers.includes(Driver)) &&
      matchesLabels(Labels, filters.get('label') ?? []) &&
      (nodes.length === 0 || isOnNode(cluster, Name, nodes)),
  );
}

/** Whether one of these nodes, by name or ID, holds it. */
function isOnNode({ volumes }: Cluster, volume: string, wanted: readonly string[]): boolean {
  const holders = [...(volumes.get(volume)?.holders.keys() ?? [])];
  return holders.some(({ name, id }) => wanted.includes(name) || wanted.includes(id));
}
