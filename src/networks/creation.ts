import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Cidr } from '../common/cidr.ts';
import type { Clock } from '../common/clock.ts';
import { BadRequestError, ConflictError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { retry } from '../common/retry.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { readSubnets, type WantedSubnet } from './addresses.ts';
import { awaitAllocation } from './allocation.ts';
import type { NetworkCatalog } from './catalog.ts';
import { withConfiguration } from './config-networks.ts';
import type { NetworkRecords } from './network-records.ts';
import { engineNameFor, substrateBody, withAsked } from './substrate-body.ts';
import { assertFree, subnetsOfCluster, subnetsOfNodes } from './taken-subnets.ts';
import { undoCreate } from './undo-create.ts';
import { type Asker, nameOf, spansNodes, type WantedNetwork, wantsIpv6 } from './wanted-network.ts';

export interface NetworkCreationDeps {
  readonly cluster: Cluster;
  readonly catalog: NetworkCatalog;
  readonly records: NetworkRecords;
  readonly substrate: Substrate;
  readonly placer: Pick<Placer<Node>, 'chooseByLabels'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A create at a substrate manager. */
interface WantedInSwarm {
  /** The body that swarm mode takes. */
  readonly text: string;
  /** The client's. */
  readonly asked: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly subnets: readonly WantedSubnet[];
}

function onlySites(name: string): ConflictError {
  return new ConflictError(
    `network ${name} cannot span the nodes: all of them are sites with managers of their own, between which there are no networks. Create it at the manager of one of them`,
    'NODE_IS_SITE',
  );
}

/** What an engine answers to a create. */
export interface CreatedNetwork {
  readonly Id: string;
  readonly Warning?: string;
}

/** What a client may call the driver of a network that spans nodes. */
const SPANNING: ReadonlySet<unknown> = new Set(['', 'default', 'bridge', 'overlay']);
/** How long a network may take to be created while the substrate elects a leader, in milliseconds. */
const CREATE_LIMIT_MS = 20_000;
const CREATE_RETRY_MS = 500;

/**
 * Creates networks, each name once: cluster networks at a substrate manager, the others on the node chosen for them. What cannot
 * be is refused in the answer, as an engine does; swarm mode itself would take it and never allocate it.
 */
export class NetworkCreation {
  readonly #deps: NetworkCreationDeps;
  /** Names being created, with the subnets they asked for. */
  readonly #creating = new Map<string, readonly Cidr[]>();

  constructor(deps: NetworkCreationDeps) {
    this.#deps = deps;
  }

  /** Creates a network from a client's body: its text, what it says and who sent it. Resolves with the engine's answer. */
  async create(text: string, body: WantedNetwork, userAgent: string, signal: AbortSignal): Promise<CreatedNetwork> {
    const name = nameOf(body);
    if (this.#creating.has(name) || this.#deps.catalog.view().named(name).length > 0) throw nameTaken(name);
    this.#creating.set(name, []);
    try {
      const asker = { userAgent, isSubstrateOff: this.#deps.substrate.mode === 'off' };
      const { configuration, ...wanted } = withConfiguration(text, body, this.#deps.catalog);
      if (spansNodes(wanted.body, asker))
        return await this.#createInCluster(name, { ...wanted, asked: text }, asker, signal);
      this.#assertNoneOfCluster(wanted.body);
      // Its engine brings in the configuration itself: the network lives where that is.
      return await this.#createAtHome(text, body, configuration?.holders[0], signal);
    } finally {
      this.#creating.delete(name);
    }
  }

  async #createInCluster(
    name: string,
    { text, body, asked }: { readonly text: string; readonly body: WantedNetwork; readonly asked: string },
    asker: Asker,
    signal: AbortSignal,
  ): Promise<CreatedNetwork> {
    const { cluster, catalog } = this.#deps;
    if (cluster.nodes.length > 0 && cluster.nodes.every(({ isSite }) => isSite)) throw onlySites(name);
    if (wantsIpv6(body)) throw noIpv6(name);
    // Another driver of the whole swarm (macvlan) manages what it gets by itself.
    const labels = body.Labels ?? {};
    if (!SPANNING.has(body.Driver ?? ''))
      return this.#createInSwarm(name, { text, asked, labels, subnets: [] }, signal);
    const subnets = readSubnets(body.IPAM?.Config ?? []);
    this.#claim(name, subnets);
    const names = catalog.view().all.map(({ raw }) => raw.Name);
    const engineName = engineNameFor(name, names);
    const made = substrateBody({ text, body, subnets, engineName, asker, nodes: cluster.nodes.length });
    return this.#createInSwarm(name, { text: made, asked, labels, subnets }, signal);
  }

  /** Takes subnets, or throws 403 when they are taken; in the same turn, so that of two creates one is refused. */
  #claim(name: string, subnets: readonly WantedSubnet[]): void {
    const { cluster, catalog } = this.#deps;
    const wanted = subnets.map(({ subnet }) => subnet);
    const others = [...this.#creating].flatMap(([other, cidrs]) =>
      cidrs.map((subnet) => ({ subnet, holder: `network ${other}` })),
    );
    const spanning = [...catalog.view().all].filter(({ kind }) => kind === 'cluster').map(({ summary }) => summary);
    assertFree(wanted, [
      ...others,
      ...subnetsOfCluster([...spanning, ...catalog.spanning.internal]),
      ...subnetsOfNodes(cluster.networks.list()),
    ]);
    this.#creating.set(name, wanted);
  }

  /** A bridge of one node may share its subnet with one of another node, but not with a network that spans both. */
  #assertNoneOfCluster({ IPAM, ConfigOnly }: WantedNetwork): void {
    if (ConfigOnly === true || !IPAM?.Config) return;
    const wanted = subnetsOfCluster([{ Id: '', Name: '', Driver: '', Scope: '', IPAM }]).map(({ subnet }) => subnet);
    const spanning = [...this.#deps.catalog.view().all].filter(({ kind }) => kind === 'cluster');
    for (const subnet of wanted) assertFree([subnet], subnetsOfCluster(spanning.map(({ summary }) => summary)));
  }

  /** Recorded before an engine is asked and before the client is answered; what failed leaves nothing behind. */
  #createInSwarm(name: string, wanted: WantedInSwarm, signal: AbortSignal): Promise<CreatedNetwork> {
    const { records } = this.#deps;
    const key = records.newKey();
    return records.during(key, async () => {
      try {
        return await this.#createRecorded(name, key, wanted, signal);
      } catch (error) {
        await undoCreate(key, this.#deps);
        throw isNameTaken(error) ? nameTaken(name) : error;
      }
    });
  }

  async #createRecorded(
    name: string,
    key: string,
    { text, asked, labels, subnets }: WantedInSwarm,
    signal: AbortSignal,
  ): Promise<CreatedNetwork> {
    const { substrate, clock, catalog, records } = this.#deps;
    const made = withAsked(text, { Record: key });
    const attempt = async (): Promise<CreatedNetwork> => {
      const { client } = await substrate.manager(signal);
      if (!records.get(key)) await records.intend(key, { name, body: asked, made, labels });
      const path = '/networks/create';
      const answer = await client.json<CreatedNetwork>({ method: 'POST', path, body: made, signal });
      const summary = await awaitAllocation(answer.Id, { substrate, clock, hasSubnets: subnets.length > 0, signal });
      const { swarmId = '', epoch } = substrate.status;
      await records.settle(key, summary, { swarmId, epoch });
      catalog.spanning.put(summary);
      return { Id: answer.Id, Warning: '' };
    };
    const learning = (): Promise<CreatedNetwork> =>
      attempt().catch(async (error: unknown) => {
        if (isNameTaken(error)) await catalog.spanning.refresh();
        throw error;
      });
    const passes = (error: unknown): boolean => this.#isPassingRefusal(name, error);
    const deadline = clock.now() + CREATE_LIMIT_MS;
    return await retry(clock, learning, { backoff: CREATE_RETRY_MS, passes, deadline, signal });
  }

  /**
   * Whether a create may be tried again: without a leader nothing was written, and an engine holds on to the name of a
   * removed network for a moment.
   */
  #isPassingRefusal(name: string, error: unknown): boolean {
    if (!(error instanceof EngineAnswerError)) return false;
    if (/does not have a leader/.test(error.message)) return true;
    return isNameTaken(error) && this.#deps.catalog.view().named(name).length === 0;
  }

  async #createAtHome(
    text: string,
    body: WantedNetwork,
    home: Node | undefined,
    signal: AbortSignal,
  ): Promise<CreatedNetwork> {
    const node = home ?? this.#deps.placer.chooseByLabels(body.Labels ?? {});
    const path = '/networks/create';
    const answer = await node.client.json<CreatedNetwork>({
      method: 'POST',
      path,
      body: text,
      signal,
      timeoutMs: 60_000,
    });
    await node.refreshNetworks();
    if (!wantsIpv6(body)) return answer;
    return {
      ...answer,
      Warning: `networks with IPv6 live on one node: this one on ${node.name}, with all its containers`,
    };
  }
}

function noIpv6(name: string): BadRequestError {
  return new BadRequestError(
    `network ${name}: IPv6 is not supported by networks that span nodes (overlay): leave out the driver and the network lives on one node, or leave out IPv6`,
    'NO_IPV6',
  );
}

function nameTaken(name: string): ConflictError {
  return new ConflictError(`network with name ${name} already exists`, 'NETWORK_NAME_IN_USE');
}

function isNameTaken(error: unknown): boolean {
  return error instanceof EngineAnswerError && error.status === 409;
}
