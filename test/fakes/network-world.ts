import type { Exchange } from '../../simulator/exchange.ts';
import type { FakeEngineOptions } from '../../simulator/fake-engine.ts';
import { networkQuery } from '../../src/api/filters/networks.ts';
import type { Node } from '../../src/cluster/node.ts';
import { systemClock } from '../../src/common/clock.ts';
import { silentLogger } from '../../src/common/logger.ts';
import type { EngineEvent, NetworkSummary } from '../../src/engine/types.ts';
import type { RecordViewDeps } from '../../src/kv/record-view.ts';
import { NetworkRecords } from '../../src/networks/network-records.ts';
import { NetworkService } from '../../src/networks/network-service.ts';
import type { WantedNetwork } from '../../src/networks/wanted-network.ts';
import type { Substrate } from '../../src/substrate/substrate.ts';
import { FakeCluster } from './fake-cluster.ts';
import { memoryRecords } from './memory-records.ts';
import { waitUntil } from './wait.ts';

const { signal } = new AbortController();
export const COMPOSE = 'compose/v2.40.3';

/**
 * Networks over fake engines, the first of which is the substrate's manager: it keeps the swarm's networks. Networks of one node are
 * made on the last one.
 */
export class NetworkWorld {
  readonly fake: FakeCluster;
  readonly networks: NetworkService;
  readonly records: NetworkRecords;
  /** The swarm's ID; another one is a substrate that was formed anew. */
  swarmId = 's1';
  /** Whether a wait for a manager ends. */
  isReady = true;
  /** Whether the substrate has a leader. */
  isLed = true;
  /** The swarm's networks, by ID, with what is connected where: keys are containers' IDs. */
  readonly swarm: Map<string, NetworkSummary & { Containers: Record<string, object> }> = new Map();
  /** What the substrate was asked for. */
  readonly asked: string[] = [];
  guestOf: string | undefined;
  problems: ReadonlyMap<string, string> = new Map();
  #tell: () => void = () => undefined;
  #serial = 0;

  private constructor(fake: FakeCluster, records: NetworkRecords) {
    this.fake = fake;
    this.records = records;
    const { node: manager, engine } = fake.at(0);
    const world = this;
    const substrate = {
      mode: 'eager',
      activate: () => void this.asked.push('activate'),
      subscribe: (listener: () => void) => {
        this.#tell = listener;
        return () => undefined;
      },
      get status() {
        const managers = world.isLed ? [manager] : [];
        return { managers, swarmId: world.swarmId, epoch: 0, guestOf: world.guestOf, problems: world.problems };
      },
      manager: () => (world.isReady ? Promise.resolve(manager) : new Promise(() => undefined)),
      memberOf: () => undefined,
      readyOn: async ({ name }: Node) => void this.asked.push(`ready on ${name}`),
      release: async ({ name }: Node) => void this.asked.push(`release ${name}`),
    } as unknown as Substrate;
    this.networks = new NetworkService({
      cluster: fake.cluster,
      records,
      substrate,
      placer: { chooseByLabels: () => fake.nodes.at(-1) as Node },
      clock: systemClock,
      logger: silentLogger(),
    });
    engine.on('GET /swarm', (exchange) => {
      const { swarmId: ID } = this;
      exchange.json(200, JSON.stringify({ ID, DefaultAddrPool: ['10.208.0.0/12'], SubnetSize: 24 }));
      return true;
    });
    engine.on('POST /networks/create', (exchange) => this.#create(exchange));
    engine.on('GET /networks', (exchange) => {
      if (!exchange.query.has('filters')) return false;
      exchange.json(200, JSON.stringify([...this.swarm.values()]));
      return true;
    });
    for (const each of fake.engines) each.on('*', (exchange) => this.#one(exchange));
  }

  static async start(
    engines: readonly FakeEngineOptions[] = [{}, {}],
    deps: RecordViewDeps = memoryRecords(),
    present: NetworkWorld['swarm'] = new Map(),
  ): Promise<NetworkWorld> {
    const world = new NetworkWorld(await FakeCluster.start(engines), await NetworkRecords.open(deps));
    worlds.push(world);
    for (const [id, network] of present) world.swarm.set(id, network);
    world.#tell();
    await waitUntil(() => world.fake.engines[0]?.requestsTo('GET /swarm').length === 2);
    return world;
  }

  async create(body: WantedNetwork, userAgent: string = COMPOSE): Promise<string> {
    return (await this.networks.create(JSON.stringify(body), body, userAgent, signal)).Id;
  }

  async names(filters: Readonly<Record<string, readonly string[]>> = {}): Promise<readonly string[]> {
    const query = networkQuery(new Map(Object.entries(filters)), this.fake.nodes);
    return (await this.networks.list(query, signal)).map(({ Name }) => Name).sort();
  }

  /** Something happened to the substrate's networks; resolves when the networks were read. */
  async round(): Promise<void> {
    const read = (): number => this.fake.engines[0]?.requestsTo('GET /swarm').length ?? 0;
    const before = read();
    const event = { Type: 'network', Action: 'update', scope: 'swarm', Actor: { ID: 'x' } };
    this.fake.cluster.emitEngineEvent(this.fake.at(0).node, event as EngineEvent, '');
    await waitUntil(() => read() >= before + 2);
  }

  /** The name of the network that is made next stays without addresses. */
  isPoolEmpty = false;

  /** A create is carried out and fails all the same. */
  losesAnswers = false;

  /** Called when an engine is asked for a network. */
  onCreate: () => void = () => undefined;

  #create(exchange: Exchange): boolean {
    exchange.readJson((body) => {
      this.onCreate();
      const Id = `${++this.#serial}`.padStart(25, 'n');
      const Driver = this.isPoolEmpty ? '' : String(body.Driver);
      const made = { ...body, Id, Name: String(body.Name), Driver, Scope: 'swarm', Containers: {} };
      this.swarm.set(Id, made as unknown as NetworkSummary & { Containers: Record<string, object> });
      if (this.losesAnswers) exchange.json(500, JSON.stringify({ message: 'the answer is lost' }));
      else exchange.json(201, JSON.stringify({ Id }));
    });
    return true;
  }

  /** What is asked of one of the swarm's networks. */
  #one(exchange: Exchange): boolean {
    const [, reference = '', action] = /^\/networks\/([^/]+)(\/\w+)?$/.exec(exchange.path) ?? [];
    const network = [...this.swarm.values()].find(({ Id, Name }) => Id === reference || Name === reference);
    if (!network) return false;
    if (action) exchange.json(200, '');
    else if (exchange.method === 'GET') exchange.json(200, JSON.stringify(network));
    else {
      this.swarm.delete(network.Id);
      exchange.json(204, '');
    }
    return true;
  }

  async close(): Promise<void> {
    await this.networks.restoration.stop();
    await this.networks.close();
    await this.records.close();
    await this.fake.close();
  }
}

const worlds: NetworkWorld[] = [];

/** Ends all that were started. */
export async function closeNetworkWorlds(): Promise<void> {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
}
