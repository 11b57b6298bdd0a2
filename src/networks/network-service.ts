import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { SITE_HAS_NO_CLUSTER_NETWORKS } from '../cluster/site.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { BadRequestError, ClusterError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { pruneEngines } from '../engine/prune.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { Home } from '../scheduler/types.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { NetworkCatalog } from './catalog.ts';
import { assertUnusedConfiguration } from './config-networks.ts';
import { type ConnectBody, NetworkConnections } from './connections.ts';
import { type CreatedNetwork, NetworkCreation } from './creation.ts';
import { inspectNetwork, inspectOnNodes, type NetworkDetails } from './inspection.ts';
import type { KnownNetwork } from './known-network.ts';
import type { NetworkRecords } from './network-records.ts';
import { engineNetworking } from './networking-config.ts';
import { RecordedRemoval } from './recorded-removal.ts';
import { NetworkRestoration } from './restoration.ts';
import { shownNetwork } from './shown-network.ts';
import type { WantedNetwork } from './wanted-network.ts';

export interface NetworkServiceDeps {
  readonly cluster: Cluster;
  /** Open; closed by its owner. */
  readonly records: NetworkRecords;
  readonly substrate: Substrate;
  readonly placer: Pick<Placer<Node>, 'chooseByLabels'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Which networks a listing is about. */
export interface NetworkQuery {
  readonly matches: (network: KnownNetwork<Node>) => boolean;
  /** Unused networks alone, or used ones alone; only the engines can tell. Undefined means both. */
  readonly isDangling: boolean | undefined;
}

/**
 * The cluster's networks as clients see them: cluster networks once, with one ID; the predefined ones once; networks of a
 * local driver at their home. One owner: the manager.
 */
export class NetworkService {
  readonly #deps: NetworkServiceDeps;
  readonly #catalog: NetworkCatalog;
  readonly #creation: NetworkCreation;
  readonly #connections: NetworkConnections;
  readonly #removal: RecordedRemoval;
  /** A duty of the primary; not started. */
  readonly restoration: NetworkRestoration;

  constructor(deps: NetworkServiceDeps) {
    this.#deps = deps;
    this.#catalog = new NetworkCatalog(deps, () => this.restoration.look());
    this.restoration = new NetworkRestoration({
      ...deps,
      spanning: this.#catalog.spanning,
      remove: (name, raw, signal) => this.#removal.finish(name, raw, signal),
    });
    this.#removal = new RecordedRemoval({
      ...deps,
      catalog: this.#catalog,
      connected: async (network, signal) => (await this.#inspect(network, '', signal)).endpoints,
    });
    this.#creation = new NetworkCreation({ ...deps, catalog: this.#catalog });
    this.#connections = new NetworkConnections({ ...deps, catalog: this.#catalog });
  }

  /** Networks that are asked for, as engines list them. */
  async list({ matches, isDangling }: NetworkQuery, signal: AbortSignal): Promise<readonly NetworkSummary[]> {
    const found = this.#catalog.view().all.filter(matches);
    if (isDangling === undefined) return found.map(({ summary }) => summary);
    const uses = await Promise.all(found.map((network) => this.#isUsed(network, signal)));
    return found.filter((_, index) => uses[index] !== isDangling).map(({ summary }) => summary);
  }

  /** The network a reference means; undefined when none or several. */
  find(reference: string): KnownNetwork<Node> | undefined {
    return this.#catalog.find(reference);
  }

  /** One answer with the endpoints of all nodes. `search` is the client's query with `?`, or empty. */
  async inspect(
    reference: string,
    query: { readonly search: string; readonly scope?: string | undefined },
    signal: AbortSignal,
  ): Promise<object> {
    const network = this.#catalog.get(reference, query.scope);
    const { first, endpoints } = await this.#inspect(network, query.search, signal);
    const details: NetworkDetails = first ?? { ...(await this.#fromManager(network, query.search, signal)) };
    const base: NetworkDetails = shownNetwork(details as NetworkDetails & NetworkSummary, network.kind);
    const Created = network.kind === 'cluster' ? network.summary.Created : base.Created;
    return { ...base, Id: network.id, ...(Created !== undefined && { Created }), Containers: endpoints };
  }

  /** Creates a network from a client's body: its text, what it says and who sent it. Resolves with the engine's answer. */
  create(text: string, body: WantedNetwork, userAgent: string, signal: AbortSignal): Promise<CreatedNetwork> {
    return this.#creation.create(text, body, userAgent, signal);
  }

  /** Removes a network wherever it is. Rejects with the engine's 403 while containers are connected. */
  async remove(reference: string, signal: AbortSignal): Promise<void> {
    const network = this.#catalog.get(reference);
    assertUnusedConfiguration(network, this.#catalog);
    if (network.kind !== 'cluster') return this.#removeAtHome(network, signal);
    await this.#removal.remove(network, signal);
  }

  /** Connects a container at its node. */
  connect(reference: string, body: ConnectBody, signal: AbortSignal): Promise<void> {
    return this.#connections.connect(reference, body, signal);
  }

  /** Disconnects a container; with `Force` also one whose node is down. */
  disconnect(reference: string, body: ConnectBody, signal: AbortSignal): Promise<void> {
    return this.#connections.disconnect(reference, body, signal);
  }

  /**
   * Removes unused networks on every node; the answers as one. `search` is the client's query. Rejects with every failure, by node; the
   * other nodes are pruned all the same.
   */
  async prune(search: string, signal: AbortSignal): Promise<{ readonly NetworksDeleted: readonly string[] | null }> {
    const { networkNames } = this.#deps.cluster;
    const afterwards = (node: Node): Promise<void> => node.refreshNetworks();
    const path = `/networks/prune${search}`;
    const request = { path, list: 'NetworksDeleted', signal, timeoutMs: PRUNE_MS, afterwards } as const;
    try {
      const { gone } = await pruneEngines(this.#prunable(), request);
      const names = new Set(gone.map((name) => networkNames.shown(String(name))));
      const recorded = this.#deps.records.all().filter(({ state, name }) => state === 'made' && names.has(name));
      await Promise.all(recorded.map(({ key }) => this.#deps.records.forget(key)));
      return { NetworksDeleted: names.size > 0 ? [...names].sort() : null };
    } finally {
      await this.#catalog.spanning.refresh();
    }
  }

  /** The nodes a container must go to because of the networks it names. Throws 404 for unknown ones. */
  homesOf(references: readonly string[]): readonly Home[] {
    return references.flatMap((reference) => {
      const { kind, name, holders } = this.#catalog.get(reference);
      const [home] = kind === 'local' ? holders : [];
      return home ? { nodeId: home.id, reason: `network "${name}" lives on ${home.name}` } : [];
    });
  }

  /** Whether what a reference means, on whichever nodes, is a network of one node. Never throws: the node decides which of several it is. */
  isLocal(reference: string): boolean {
    return this.#catalog.matching(reference).some(({ kind }) => kind === 'local');
  }

  /** Nodes that cannot take a container with these networks, by ID, with the reason: engines outside the substrate, and sites. */
  refusalsFor(references: readonly string[]): ReadonlyMap<string, string> {
    if (!this.spans(references)) return NO_REFUSALS;
    const { cluster, substrate } = this.#deps;
    const { problems } = substrate.status;
    const sites = cluster.nodes.filter(({ isSite }) => isSite);
    if (sites.length === 0) return problems;
    return new Map([...problems, ...sites.map(({ id }): [string, string] => [id, SITE_HAS_NO_CLUSTER_NETWORKS])]);
  }

  /** One name for all the references to a network; the reference itself when there is no such network. */
  idOf(reference: string): string {
    return this.find(reference)?.id ?? reference;
  }

  /** What a node's engine knows a network by. */
  referenceOn(node: Node, reference: string): string {
    const network = this.find(reference);
    return network ? this.#catalog.referenceOn(node, network) : reference;
  }

  /** Whether one of them spans nodes, and needs the substrate. */
  spans(references: readonly string[]): boolean {
    return references.some((reference) => this.find(reference)?.kind === 'cluster');
  }

  /** Waits until the substrate is ready on a node if one of the networks needs it. To be called before create and start. */
  prepareAttach(node: Node, references: readonly string[], signal: AbortSignal = NEVER): Promise<void> {
    return this.#connections.prepareAttach(node, references, signal);
  }

  /**
   * Frees what a lost node holds of a container's fixed addresses, so that a successor with the same address starts elsewhere at once:
   * the swarm keeps the attachments of a node that is down for a day, and every start with such an address would fail for minutes. The node
   * is taken out of the substrate (see `Substrate.release`), so only with `hasFixedAddress` (an `IPAMConfig.IPv4Address` in one of the
   * body's endpoints) and a cluster network among `references`; else this resolves at once, without a call. {@link start} does the same for
   * a container that has the identity of the lost one; calling this before saves it the time. Resolves also when nothing could be freed:
   * the start itself tells.
   */
  async prepareSuccessor(
    lost: Node,
    references: readonly string[],
    hasFixedAddress: boolean,
    signal: AbortSignal = NEVER,
  ): Promise<void> {
    if (!hasFixedAddress || !this.spans(references) || lost.isHealthy) return;
    await this.#deps.substrate.release(lost, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      this.#deps.logger.warn(
        { engine: lost.name, reason: reasonOf(error) },
        'substrate: cannot release the addresses of a lost engine',
      );
    });
  }

  /**
   * A create body as a node's engine takes it, its networks by the names that the engine knows. Engines before API 1.44 take one network
   * at creation: the bodies of the connects to be made afterwards lack only `Container`, the engine's new ID. Throws 400 for
   * an address that is in none of a network's subnets.
   */
  split(
    body: string,
    node: Node,
  ): { readonly body: string; readonly connects: readonly { readonly network: string; readonly body: string }[] } {
    const networks = {
      find: (reference: string) => this.find(reference),
      referenceOn: (network: KnownNetwork<Node>) => this.#catalog.referenceOn(node, network),
    };
    const { body: first, connects } = engineNetworking(body, node.client.api.max, networks);
    const later = connects.map(({ network, endpointConfig }) => ({
      network,
      body: `{"EndpointConfig":${endpointConfig}}`,
    }));
    return { body: first, connects: later };
  }

  /**
   * Starts a container by `call`, which may be made several times while the networks it needs are being prepared on its node.
   * Resolves with the engine's answer, the first one if none is better; rejects with an `AttachRefusal` when it cannot succeed.
   */
  start(container: Container, call: () => Promise<EngineAnswer>, signal: AbortSignal): Promise<EngineAnswer> {
    return this.#connections.start(container, call, signal);
  }

  /** Resolves when no start of a container that was refused is under way at its engine any more; to be awaited before it is removed. */
  attachEnded(container: Container, signal: AbortSignal): Promise<void> {
    return this.#connections.ended(container, signal);
  }

  /** Stops following. Idempotent. */
  close(): Promise<void> {
    return this.#catalog.close();
  }

  async #removeAtHome(network: KnownNetwork<Node>, signal: AbortSignal): Promise<void> {
    const [home] = network.holders;
    if (!home) throw new BadRequestError(`network ${network.name} has no node`);
    if (!home.isHealthy)
      throw new ClusterError(`network ${network.name} lives on ${home.name}, which is not healthy: ${home.reason}`, {
        code: 'NODE_UNHEALTHY',
        status: 503,
      });
    const reference = network.kind === 'predefined' ? network.name : network.id;
    await home.client.json({ method: 'DELETE', path: `/networks/${reference}`, signal });
    await home.refreshNetworks();
  }

  #inspect(network: KnownNetwork<Node>, search: string, signal: AbortSignal): ReturnType<typeof inspectOnNodes> {
    const nodes = this.#catalog.nodesOf(network);
    const onUnknown = (node: Node): void => this.#catalog.participants.remove(network.raw.Id, node);
    return inspectOnNodes({ network, nodes, search, signal, onUnknown });
  }

  /** A cluster network that no node uses is described by a manager; without one by what is remembered. */
  async #fromManager(network: KnownNetwork<Node>, search: string, signal: AbortSignal): Promise<NetworkDetails> {
    const [manager] = this.#deps.substrate.status.managers;
    if (network.kind !== 'cluster' || !manager) return network.raw;
    return inspectNetwork(manager.client, network.raw.Id, search, signal).catch(() => network.raw);
  }

  async #isUsed(network: KnownNetwork<Node>, signal: AbortSignal): Promise<boolean> {
    if (network.kind === 'predefined') return true;
    return Object.keys((await this.#inspect(network, '', signal)).endpoints).length > 0;
  }

  /** Pruning on engines of another cluster's substrate would take that cluster's networks. */
  #prunable(): readonly Node[] {
    const { cluster, substrate, logger } = this.#deps;
    const { guestOf } = substrate.status;
    if (guestOf === undefined) return cluster.healthyNodes();
    logger.warn({ cluster: guestOf }, 'networks are not pruned: the engines belong to another cluster');
    return [];
  }
}

/** Bound on one engine's prune, in milliseconds. */
const PRUNE_MS = 60_000;
const NO_REFUSALS: ReadonlyMap<string, string> = new Map();
const NEVER: AbortSignal = sharedStop().signal;
