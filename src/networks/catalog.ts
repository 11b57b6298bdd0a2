import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { retry } from '../common/retry.ts';
import { unavailable } from '../substrate/status-board.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { isClusterNetwork } from '../substrate/swarm-networks.ts';
import { ClusterNetworks } from './cluster-networks.ts';
import type { KnownNetwork } from './known-network.ts';
import type { NetworkRecords } from './network-records.ts';
import { Participants } from './participants.ts';
import { NetworkView } from './view.ts';
import { withRecords } from './with-records.ts';

/** How long a network may take to be made again, in milliseconds. */
const PRESENT_LIMIT_MS = 30_000;
const PRESENT_LOOK_MS = 200;

export interface NetworkCatalogDeps {
  readonly records: NetworkRecords;
  readonly cluster: Cluster;
  readonly substrate: Substrate;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Which networks there are and which nodes take part in them, kept by events. Answers without asking an engine. */
export class NetworkCatalog {
  /** The substrate's networks; told of our own writes. */
  readonly spanning: ClusterNetworks;
  readonly participants: Participants = new Participants();
  readonly #cluster: Cluster;
  readonly #records: NetworkRecords;
  readonly #clock: Clock;
  readonly #substrate: Substrate;
  readonly #unsubscribe: () => void;
  #view: { readonly key: string; readonly view: NetworkView<Node> } | undefined;

  constructor({ cluster, records, substrate, clock, logger }: NetworkCatalogDeps, onRead: () => void) {
    this.#cluster = cluster;
    this.#records = records;
    this.#clock = clock;
    this.#substrate = substrate;
    this.spanning = new ClusterNetworks({
      substrate,
      clock,
      logger,
      onListed: (networks) => cluster.learnNetworkNames(networks),
      onRead,
    });
    this.#unsubscribe = cluster.subscribe((event) => this.#onEvent(event));
  }

  /** All networks as of now. */
  view(): NetworkView<Node> {
    const { spanning } = this;
    const { networks } = this.#cluster;
    const key = `${networks.version} ${spanning.version} ${spanning.isKnown} ${this.#records.version}`;
    if (this.#view?.key === key) return this.#view.view;
    const recorded = withRecords(spanning.list(), this.#records.all());
    const held = [...networks.list()].filter((each) => !recorded.hidden.has(each.key));
    const view = new NetworkView<Node>(held, recorded.networks, spanning.isKnown);
    this.#view = { key, view };
    return view;
  }

  /** The network a reference means; undefined when none or several. */
  find(reference: string): KnownNetwork<Node> | undefined {
    return this.view().find(reference);
  }

  /** Every network a reference could mean. */
  matching(reference: string): readonly KnownNetwork<Node>[] {
    return this.view().matching(reference).found;
  }

  /** The network a client means, of a scope if it names one; 404 and 400 in the engine's words. */
  get(reference: string, scope?: string): KnownNetwork<Node> {
    const network = this.view().get(reference);
    if (scope && network.summary.Scope !== scope) return new NetworkView<Node>([], new Map(), true).get(reference);
    return network;
  }

  /** Nodes that may have endpoints in a network. */
  nodesOf({ kind, raw, holders }: KnownNetwork<Node>): readonly Node[] {
    return kind === 'cluster' ? [...new Set([...holders, ...this.participants.of(raw.Id)])] : holders;
  }

  /** Resolves when the substrate has all of them: one that was formed anew does not for a moment. Rejects with 503 after some time. */
  async untilPresent(networks: readonly KnownNetwork<Node>[], signal: AbortSignal): Promise<void> {
    const missing = (): KnownNetwork<Node> | undefined =>
      networks.find(({ id }) => {
        const raw = this.find(id)?.raw;
        return raw !== undefined && this.spanning.isKnown && !this.spanning.list().has(raw.Id);
      });
    const last = await retry(this.#clock, missing, {
      until: (network) => network === undefined,
      passes: () => false,
      backoff: PRESENT_LOOK_MS,
      deadline: this.#clock.now() + PRESENT_LIMIT_MS,
      signal,
    });
    if (last) throw unavailable(`network ${last.name} is not there again yet, after the cluster's networks were lost`);
  }

  /**
   * How to name a network to an engine: cluster networks by name, because a container that does not run yet would be shown
   * under whatever it was connected by; by ID where an engine still lists a removed one of that name.
   */
  referenceOn(node: Node, { kind, raw }: KnownNetwork<Node>): string {
    if (kind === 'predefined') return raw.Name;
    const hasOther = this.#cluster.networks.of(node).some((listed) => listed.Name === raw.Name && listed.Id !== raw.Id);
    return kind === 'cluster' && !hasOther ? raw.Name : raw.Id;
  }

  /** Stops following. Idempotent. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.spanning.close();
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind === 'node-removed') return this.participants.forgetNode(event.node);
    if (event.kind === 'node-state' && event.to === 'Healthy') return this.#learnHeld(event.node);
    if (event.kind === 'networks-changed') return this.#careForPresent(event.node);
    if (event.kind !== 'engine-event' || event.event.Type !== 'network') return;
    const { Action, Actor, scope } = event.event;
    if (Action === 'connect') this.participants.add(Actor.ID, event.node);
    // Not awaited: a failed reading is repeated by the next round.
    else if (scope === 'swarm') void this.spanning.refresh();
  }

  /** Cluster networks from before our start need the substrate, also when it is formed only with the first need. */
  #careForPresent(node: Node): void {
    if (this.spanning.isKnown) return;
    if (this.#cluster.networks.of(node).some(isClusterNetwork)) this.#substrate.activate();
  }

  #learnHeld(node: Node): void {
    for (const { Id } of this.#cluster.networks.of(node)) this.participants.add(Id, node);
  }
}
