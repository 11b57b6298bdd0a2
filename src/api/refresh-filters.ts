import type { Cluster } from '../cluster/cluster.ts';
import type { Clock } from '../common/clock.ts';
import type { Filters } from './filters/query.ts';

/** For which filters of `docker ps` engines are asked before the answer, as classic swarm's flags of these names had it. */
export interface RefreshFilters {
  /** A listing by node asks these nodes. */
  readonly onNode: boolean;
  /** A listing by one of these names asks all nodes. */
  readonly onNames: readonly string[];
}

export const NO_REFRESH: RefreshFilters = { onNode: false, onNames: [] };

export interface RefreshDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
}

/** Nodes that need longer are listed as they are known. */
const PATIENCE_MS = 2_000;

/** Lists again, on their engines, the containers a listing with these filters is about. Never rejects. */
export async function refreshFor(
  { cluster, clock }: RefreshDeps,
  filters: Filters,
  refresh: RefreshFilters,
): Promise<void> {
  const nodes = refresh.onNode ? filters.get('node') : undefined;
  const isNamed = filters.get('name')?.some((name) => refresh.onNames.includes(name)) ?? false;
  if (!nodes && !isNamed) return;
  const asked = cluster.healthyNodes().filter(({ name, id }) => !nodes || nodes.includes(name) || nodes.includes(id));
  const listed = new AbortController();
  const patience = clock.sleep(PATIENCE_MS, listed.signal).catch(() => undefined); // Aborted: all were listed.
  await Promise.race([patience, Promise.allSettled(asked.map((node) => node.refreshAllContainers()))]);
  listed.abort();
}
