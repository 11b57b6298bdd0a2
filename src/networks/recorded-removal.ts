import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { Substrate } from '../substrate/substrate.ts';
import type { NetworkCatalog } from './catalog.ts';
import type { NetworkEndpoint } from './inspection.ts';
import type { KnownNetwork } from './known-network.ts';
import type { NetworkRecords } from './network-records.ts';
import { assertUnconnected, removeClusterNetwork } from './removal.ts';

export interface RecordedRemovalDeps {
  readonly cluster: Cluster;
  readonly catalog: NetworkCatalog;
  readonly records: NetworkRecords;
  readonly substrate: Substrate;
  /** The containers connected to a network now, by ID. */
  readonly connected: (
    network: KnownNetwork<Node>,
    signal: AbortSignal,
  ) => Promise<Readonly<Record<string, NetworkEndpoint>>>;
  readonly clock: Clock;
}

/** Removes cluster networks. It is durable before an engine is asked: what was removed does not come back with a substrate that is formed anew. */
export class RecordedRemoval {
  readonly #deps: RecordedRemovalDeps;

  constructor(deps: RecordedRemovalDeps) {
    this.#deps = deps;
  }

  /** Resolves when clients do not see it any more. Rejects with 403 while containers are connected. */
  async remove(network: KnownNetwork<Node>, signal: AbortSignal): Promise<void> {
    const { records, substrate, catalog } = this.#deps;
    const record = records.ofId(network.id);
    if (!record) await this.#remove(network, signal);
    else if (substrate.status.managers.length > 0) await this.#removeRecorded(network, record.key, signal);
    else {
      // Without a leader it goes for clients now, and from the substrate when that has one again.
      assertUnconnected(network, await this.#deps.connected(network, signal));
      return records.remove(record.key);
    }
    catalog.spanning.delete(network.raw.Id);
    catalog.participants.forgetNetwork(network.raw.Id);
  }

  /** Removes one that no client sees any more from the substrate. */
  async finish(name: string, raw: NetworkSummary, signal: AbortSignal): Promise<void> {
    const holders = this.#deps.cluster.nodes;
    await this.#remove({ id: raw.Id, name, kind: 'cluster', summary: raw, raw, holders }, signal);
  }

  async #removeRecorded(network: KnownNetwork<Node>, key: string, signal: AbortSignal): Promise<void> {
    const { records } = this.#deps;
    await records.during(key, async () => {
      try {
        await this.#remove(network, signal, () => records.remove(key));
      } catch (error) {
        await records.keep(key);
        throw error;
      }
      await records.forget(key);
    });
  }

  async #remove(network: KnownNetwork<Node>, signal: AbortSignal, onBegin?: () => Promise<void>): Promise<void> {
    const { cluster, substrate, clock, connected } = this.#deps;
    await removeClusterNetwork({
      network,
      substrate,
      members: cluster.nodes,
      connected: () => connected(network, signal),
      ...(onBegin && { onBegin }),
      clock,
      signal,
    });
  }
}
