import { PREDEFINED } from '../cluster/network-names.ts';
import { BadRequestError, NotFoundError } from '../common/errors.ts';
import type { NetworkSummary } from '../engine/types.ts';
import { isClusterNetwork, isSubstrateInternal } from '../substrate/swarm-networks.ts';
import type { KnownNetwork } from './known-network.ts';
import { shownNetwork } from './shown-network.ts';

/** What the nodes list of one network ID. */
export interface HeldNetwork<N> {
  readonly key: string;
  readonly holders: ReadonlyMap<N, NetworkSummary>;
}

/** The nodes' listings and the substrate's, merged: an index by ID and name. Built anew when either changed. */
export class NetworkView<N> {
  readonly all: readonly KnownNetwork<N>[];
  readonly #byId = new Map<string, KnownNetwork<N>>();
  readonly #byName = new Map<string, KnownNetwork<N>[]>();

  constructor(held: Iterable<HeldNetwork<N>>, cluster: ReadonlyMap<string, NetworkSummary>, isClusterKnown: boolean) {
    this.all = mergeNetworks(held, cluster, isClusterKnown);
    for (const network of this.all) {
      this.#byId.set(network.id, network);
      for (const name of new Set([network.name, network.raw.Name]))
        this.#byName.set(name, [...(this.#byName.get(name) ?? []), network]);
    }
    // One that was made again has an ID of its own in the substrate.
    for (const network of this.all) if (!this.#byId.has(network.raw.Id)) this.#byId.set(network.raw.Id, network);
    // Each node's own ID of a predefined network means that network.
    for (const each of held) {
      const [summary] = each.holders.values();
      const [same] = (summary && isPredefined(summary) && this.#byName.get(summary.Name)) || [];
      if (same && !this.#byId.has(each.key)) this.#byId.set(each.key, same);
    }
  }

  named(name: string): readonly KnownNetwork<N>[] {
    return this.#byName.get(name) ?? [];
  }

  /** Every network a reference could mean, in Docker's order: full ID, exact name, ID prefix. */
  matching(reference: string): {
    readonly by: 'ID' | 'name' | 'ID prefix';
    readonly found: readonly KnownNetwork<N>[];
  } {
    const byId = this.#byId.get(reference);
    if (byId) return { by: 'ID', found: [byId] };
    const byName = this.named(reference);
    if (byName.length > 0) return { by: 'name', found: byName };
    const found = reference === '' ? [] : this.all.filter(({ id }) => id.startsWith(reference));
    return { by: 'ID prefix', found };
  }

  find(reference: string): KnownNetwork<N> | undefined {
    const { found } = this.matching(reference);
    return found.length === 1 ? found[0] : undefined;
  }

  /** The network a client means; 404 and 400 in the engine's words. */
  get(reference: string): KnownNetwork<N> {
    const { by, found } = this.matching(reference);
    const [first] = found;
    if (!first) throw new NotFoundError(`network ${reference} not found`, 'NO_SUCH_NETWORK');
    if (found.length === 1) return first;
    throw new BadRequestError(
      `network ${reference} is ambiguous (${found.length} matches found based on ${by})`,
      'AMBIGUOUS_NETWORK',
    );
  }
}

function mergeNetworks<N>(
  held: Iterable<HeldNetwork<N>>,
  cluster: ReadonlyMap<string, NetworkSummary>,
  isClusterKnown: boolean,
): KnownNetwork<N>[] {
  const merged: KnownNetwork<N>[] = [];
  const predefined = new Map<string, { summary: NetworkSummary; holders: N[] }>();
  const users = new Map<string, N[]>();
  for (const { key, holders } of held) {
    const [summary] = holders.values();
    if (!summary || isSubstrateInternal(summary)) continue;
    const nodes = [...holders.keys()];
    if (isPredefined(summary)) {
      const entry = predefined.get(summary.Name) ?? { summary, holders: [] };
      entry.holders.push(...nodes);
      // Each node describes its own: the one of the least ID, so that clients see the same in whatever order nodes list.
      if (summary.Id < entry.summary.Id) entry.summary = summary;
      predefined.set(summary.Name, entry);
    } else if (isClusterNetwork(summary)) {
      users.set(key, nodes);
      if (!isClusterKnown) merged.push(known('cluster', summary, nodes));
    } else {
      merged.push(known('local', summary, nodes));
    }
  }
  for (const [id, summary] of cluster) {
    if (isClusterKnown || !users.has(id)) merged.push(known('cluster', summary, users.get(id) ?? []));
  }
  return [...[...predefined.values()].map((entry) => known('predefined', entry.summary, entry.holders)), ...merged];
}

/** Whether a listed network is one that every engine has. */
function isPredefined({ Name, Driver, Scope }: NetworkSummary): boolean {
  return Scope === 'local' && PREDEFINED.get(Name) === Driver;
}

function known<N>(kind: KnownNetwork<N>['kind'], raw: NetworkSummary, holders: readonly N[]): KnownNetwork<N> {
  const summary = shownNetwork(raw, kind);
  return { id: summary.Id, name: summary.Name, kind, summary, raw, holders };
}
