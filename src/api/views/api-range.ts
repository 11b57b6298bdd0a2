import type { Cluster } from '../../cluster/cluster.ts';
import { type ApiVersion, compareApi, LEAST_ADVERTISED_API, NEWEST_API, olderApi } from '../../engine/api-version.ts';

/**
 * The API version to offer: what every healthy engine speaks, but never below what today's CLIs demand (calls to
 * older engines are translated), and never above what we know. Kept as nodes come and go: every answer carries it.
 */
export class AdvertisedApi {
  readonly #cluster: Cluster;
  readonly #unsubscribe: () => void;
  #current: ApiVersion | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#unsubscribe = cluster.subscribe((event) => {
      if (event.kind === 'node-state') this.#current = undefined;
    });
  }

  get current(): ApiVersion {
    this.#current ??= this.#compute();
    return this.#current;
  }

  close(): void {
    this.#unsubscribe();
  }

  #compute(): ApiVersion {
    let common: ApiVersion = NEWEST_API;
    for (const node of this.#cluster.nodes) if (node.isHealthy) common = olderApi(common, node.client.api.max);
    return compareApi(common, LEAST_ADVERTISED_API) < 0 ? LEAST_ADVERTISED_API : common;
  }
}
