import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { BadRequestError, ClusterError, ConflictError } from '../common/errors.ts';
import { setMember } from '../common/json-edit.ts';
import type { Logger } from '../common/logger.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { Home } from '../scheduler/types.ts';
import { attachRetryDelayMs } from './attach-retry.ts';
import { NetworkCatalog } from './network-catalog.ts';
import { danglingWish, filterNetworks, type Matchers, type NetworkFilters } from './network-filters.ts';
import { inspectNetwork, inspectOnNodes, type NetworkDetails, type NetworkEndpoint } from './network-inspection.ts';
import { namesDriver, PREDEFINED, placeOf, type WantedNetwork } from './network-kinds.ts';
import { removeClusterNetwork } from './network-removal.ts';
import type { KnownNetwork } from './network-view.ts';
import { splitNetworkingConfig } from './networking-config.ts';
import type { Substrate } from './substrate.ts';

/** Chooses a node for something that is not a container, honouring the constraints in its labels. */
export type Placer = (labels: Readonly<Record<string, string>>) => Node | Promise<Node>;

/** What {@link NetworkService} works with. */
export interface NetworkServiceParts {
  readonly cluster: Cluster;
  readonly substrate: Substrate;
  readonly place: Placer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a network may take to be created while the substrate elects a leader, in milliseconds. */
const CREATE_LIMIT_MS = 20_000;

/**
 * The cluster's networks as clients see them: cluster networks once, with one ID; the predefined ones once; networks of a
 * local driver at their home. One owner: the manager.
 */
export class NetworkService {
  readonly #parts: NetworkServiceParts;
  readonly #catalog: NetworkCatalog;
  readonly #creating = new Set<string>();

  constructor(parts: NetworkServiceParts) {
    this.#parts = parts;
    this.#catalog = new NetworkCatalog(parts);
  }

  /** Networks that satisfy the filters, as engines list them. */
  async list(filters: NetworkFilters, matchers: Matchers, signal: AbortSignal): Promise<readonly NetworkSummary[]> {
    const found = filterNetworks(this.#catalog.view().all, filters, matchers);
    const wish = danglingWish(filters);
    if (wish === undefined) return found.map(({ summary }) => summary);
    const uses = await Promise.all(found.map((network) => this.#isUsed(network, signal)));
    return found.filter((_, index) => uses[index] !== wish).map(({ summary }) => summary);
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
    const base: NetworkDetails = first ?? { ...(await this.#fromManager(network, query.search, signal)) };
    const Created = network.kind === 'cluster' ? network.summary.Created : base.Created;
    return { ...base, Id: network.id, ...(Created !== undefined && { Created }), Containers: endpoints };
  }

  /** Creates a network from a client's body: its text, what it says and who sent it. Resolves with the engine's answer. */
  async create(
    text: string,
    body: WantedNetwork,
    userAgent: string,
    signal: AbortSignal,
  ): Promise<{ readonly Id: string }> {
    const name = body.Name;
    if (typeof name !== 'string' || name === '')
      throw new BadRequestError('a network needs a name', 'NETWORK_WITHOUT_NAME');
    if (PREDEFINED.has(name))
      throw new ClusterError(`operation is not permitted on predefined ${name} network`, {
        code: 'PREDEFINED_NETWORK',
        status: 403,
      });
    if (body.Ingress === true)
      throw new BadRequestError('an ingress network serves swarm services only: this is no swarm', 'INGRESS');
    if (this.#creating.has(name) || this.#catalog.view().named(name).length > 0) throw nameTaken(name);
    this.#creating.add(name);
    try {
      const asker = { userAgent, isSubstrateOff: this.#parts.substrate.mode === 'off' };
      if (placeOf(body, asker) === 'local') return await this.#createAtHome(text, body, signal);
      const attachable = setMember(text, ['Attachable'], 'true');
      const wanted = namesDriver(body, asker) ? attachable : setMember(attachable, ['Driver'], '"overlay"');
      return await this.#createInCluster(name, wanted, signal);
    } finally {
      this.#creating.delete(name);
    }
  }

  /** Removes a network wherever it is. Rejects with the engine's 403 while containers are connected. */
  async remove(reference: string, signal: AbortSignal): Promise<void> {
    const network = this.#catalog.get(reference);
    if (network.kind !== 'cluster') return this.#removeAtHome(network, signal);
    const { cluster, substrate, clock } = this.#parts;
    const connected = async (): Promise<Readonly<Record<string, NetworkEndpoint>>> =>
      (await this.#inspect(network, '', signal)).endpoints;
    await removeClusterNetwork({ network, substrate, members: cluster.nodes, connected, clock, signal });
    this.#catalog.spanning.delete(network.id);
    this.#catalog.participants.forgetNetwork(network.id);
  }

  /** Connects a container at its node. */
  async connect(reference: string, body: ConnectBody, signal: AbortSignal): Promise<void> {
    const { network, container } = this.#both(reference, body);
    const { node } = container;
    this.#assertReachable(network, node);
    await this.prepareAttach(node, [network.id], signal);
    const path = `/networks/${encodeURIComponent(this.#catalog.referenceOn(node, network))}/connect`;
    const text = JSON.stringify({ ...body, Container: container.engineId });
    await this.#insist(() => node.client.json({ method: 'POST', path, body: text, signal, timeoutMs: 60_000 }), signal);
    await node.refreshContainers([container.engineId]);
  }

  /** Disconnects a container; with `Force` also one whose node is down. */
  async disconnect(reference: string, body: ConnectBody, signal: AbortSignal): Promise<void> {
    const { network, container } = this.#both(reference, body);
    const { node } = container;
    if (!node.isHealthy && body.Force === true && network.kind === 'cluster') {
      // Its attachments end with its place in the substrate; it takes a new one when it returns.
      await this.#parts.substrate.release(node, signal);
      return;
    }
    const path = `/networks/${encodeURIComponent(this.#catalog.referenceOn(node, network))}/disconnect`;
    const text = JSON.stringify({ ...body, Container: container.engineId });
    await node.client.json({ method: 'POST', path, body: text, signal, timeoutMs: 60_000 });
    await node.refreshContainers([container.engineId]);
  }

  /** Removes what no container uses, on every node; the answers as one. `search` is the client's query. */
  async prune(search: string, signal: AbortSignal): Promise<{ readonly NetworksDeleted: readonly string[] | null }> {
    const nodes = this.#parts.cluster.healthyNodes();
    type Answer = { readonly NetworksDeleted?: readonly string[] | null };
    const answers = await Promise.all(
      nodes.map((node) =>
        node.client
          .json<Answer>({ method: 'POST', path: `/networks/prune${search}`, signal, timeoutMs: 60_000 })
          .catch((error: unknown) => this.#pruneFailed(error, node)),
      ),
    );
    await Promise.all([
      this.#catalog.spanning.refresh(),
      ...nodes.map((node) => node.refreshNetworks().catch(() => undefined)),
    ]);
    const names = new Set(answers.flatMap((answer) => answer?.NetworksDeleted ?? []));
    return { NetworksDeleted: names.size > 0 ? [...names].sort() : null };
  }

  /** The nodes a container must go to because of the networks it names. Throws 404 for unknown ones. */
  homesOf(references: readonly string[]): readonly Home[] {
    return references.flatMap((reference) => {
      const { kind, name, holders } = this.#catalog.get(reference);
      const [home] = kind === 'local' ? holders : [];
      return home ? { nodeId: home.id, reason: `network "${name}" lives there` } : [];
    });
  }

  /** Nodes that cannot take a container with these networks, by ID, with the reason: engines outside the substrate. */
  refusalsFor(references: readonly string[]): ReadonlyMap<string, string> {
    const isSpanning = references.some((reference) => this.find(reference)?.kind === 'cluster');
    return isSpanning ? this.#parts.substrate.status.problems : NO_REFUSALS;
  }

  /** Waits until the substrate is ready on a node if one of the networks needs it. To be called before create and start. */
  async prepareAttach(node: Node, references: readonly string[], signal: AbortSignal = NEVER): Promise<void> {
    const spanning = references.flatMap((reference) => {
      const network = this.find(reference);
      return network?.kind === 'cluster' ? network : [];
    });
    if (spanning.length === 0) return;
    await this.#parts.substrate.readyOn(node, signal);
    for (const { id } of spanning) this.#catalog.participants.add(id, node);
  }

  /**
   * Splits a create body for engines that take one network at creation (before API 1.44). The bodies of the connects to be
   * made afterwards lack only `Container`, the engine's new ID.
   */
  split(
    body: string,
    engineApi: ApiVersion,
  ): { readonly body: string; readonly connects: readonly { readonly network: string; readonly body: string }[] } {
    const { body: first, connects } = splitNetworkingConfig(body, engineApi);
    const later = connects.map(({ network, endpointConfig }) => ({
      network,
      body: `{"EndpointConfig":${endpointConfig}}`,
    }));
    return { body: first, connects: later };
  }

  /** Milliseconds to wait before a refused start or connect is tried again; undefined when the refusal is final. */
  retryDelayMs({ message }: { readonly message: string }, attempt: number): number | undefined {
    return attachRetryDelayMs(message, attempt, (network) => this.find(network)?.kind === 'cluster');
  }

  /** Stops following. Idempotent. */
  close(): Promise<void> {
    return this.#catalog.close();
  }

  async #createInCluster(name: string, wanted: string, signal: AbortSignal): Promise<{ readonly Id: string }> {
    const { substrate, clock } = this.#parts;
    const endMs = clock.now() + CREATE_LIMIT_MS;
    for (;;) {
      const { client } = await substrate.manager(signal);
      try {
        const answer = await client.json<{ Id: string }>({
          method: 'POST',
          path: '/networks/create',
          body: wanted,
          signal,
        });
        await this.#show(answer.Id, signal);
        return answer;
      } catch (error) {
        if (clock.now() >= endMs || !(await this.#isPassingRefusal(name, error)))
          throw isNameTaken(error) ? nameTaken(name) : error;
      }
      await clock.sleep(500, signal);
    }
  }

  /**
   * Whether a create may be tried again: without a leader nothing was written, and an engine holds on to the name of a
   * removed network for a moment.
   */
  async #isPassingRefusal(name: string, error: unknown): Promise<boolean> {
    if (!(error instanceof EngineAnswerError)) return false;
    if (/does not have a leader/.test(error.message)) return true;
    if (!isNameTaken(error)) return false;
    await this.#catalog.spanning.refresh();
    return this.#catalog.view().named(name).length === 0;
  }

  /** Lets the next listing show a network that was just created. */
  async #show(id: string, signal: AbortSignal): Promise<void> {
    const { client } = await this.#parts.substrate.manager(signal);
    const { Containers: _, ...summary } = await inspectNetwork(client, id, '', signal);
    this.#catalog.spanning.put({ ...(summary as object as NetworkSummary) });
  }

  async #createAtHome(text: string, { Labels }: WantedNetwork, signal: AbortSignal): Promise<{ readonly Id: string }> {
    const node = await this.#parts.place(Labels ?? {});
    const path = '/networks/create';
    const answer = await node.client.json<{ Id: string }>({
      method: 'POST',
      path,
      body: text,
      signal,
      timeoutMs: 60_000,
    });
    await node.refreshNetworks();
    return answer;
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

  /** Repeats a connect while the engine refuses it for reasons that pass. */
  async #insist(connect: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await connect();
        return;
      } catch (error) {
        const delayMs = error instanceof EngineAnswerError ? this.retryDelayMs(error, attempt) : undefined;
        if (delayMs === undefined) throw error;
        await this.#parts.clock.sleep(delayMs, signal);
      }
    }
  }

  #inspect(network: KnownNetwork<Node>, search: string, signal: AbortSignal): ReturnType<typeof inspectOnNodes> {
    const nodes = this.#catalog.nodesOf(network);
    const onUnknown = (node: Node): void => this.#catalog.participants.remove(network.id, node);
    return inspectOnNodes({ network, nodes, search, signal, onUnknown });
  }

  /** A cluster network that no node uses is described by a manager; without one by what is remembered. */
  async #fromManager(network: KnownNetwork<Node>, search: string, signal: AbortSignal): Promise<NetworkDetails> {
    const [manager] = this.#parts.substrate.status.managers;
    if (network.kind !== 'cluster' || !manager) return network.summary;
    return inspectNetwork(manager.client, network.id, search, signal).catch(() => network.summary);
  }

  async #isUsed(network: KnownNetwork<Node>, signal: AbortSignal): Promise<boolean> {
    if (network.kind === 'predefined') return true;
    return Object.keys((await this.#inspect(network, '', signal)).endpoints).length > 0;
  }

  #both(reference: string, body: ConnectBody): { readonly network: KnownNetwork<Node>; readonly container: Container } {
    if (typeof body.Container !== 'string' || body.Container === '')
      throw new BadRequestError('name the container to connect or disconnect', 'NO_CONTAINER');
    return { network: this.#catalog.get(reference), container: this.#parts.cluster.container(body.Container) };
  }

  #assertReachable(network: KnownNetwork<Node>, node: Node): void {
    if (network.kind !== 'local' || network.holders[0] === node) return;
    throw new ConflictError(
      `network ${network.name} is a ${network.summary.Driver} network on ${network.holders[0]?.name}, the container is on ${node.name}: use a network without driver to span nodes`,
      'NETWORK_ELSEWHERE',
    );
  }

  #pruneFailed(error: unknown, node: Node): undefined {
    this.#parts.logger.warn({ err: error, engine: node.name }, 'pruning networks failed');
    return undefined;
  }
}

const NO_REFUSALS: ReadonlyMap<string, string> = new Map();
const NEVER: AbortSignal = new AbortController().signal;

/** Body of connect and disconnect; passes through. */
export interface ConnectBody {
  readonly Container?: unknown;
  readonly Force?: unknown;
}

function nameTaken(name: string): ConflictError {
  return new ConflictError(`network with name ${name} already exists`, 'NETWORK_NAME_IN_USE');
}

function isNameTaken(error: unknown): boolean {
  return error instanceof EngineAnswerError && error.status === 409;
}
