import type { Services as ApiServices } from '../api/call.ts';
import { ExecRegistry } from '../api/exec-registry.ts';
import { HANDLERS } from '../api/handlers.ts';
import { NO_REFRESH, type RefreshFilters } from '../api/refresh-filters.ts';
import { startApiServer } from '../api/server.ts';
import { Sequels } from '../api/streams/sequels.ts';
import { CheapestPlanner } from '../cheapest/planner.ts';
import { BillFactsReader } from '../cluster/bill-facts.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { ListenAddress } from '../common/listen-address.ts';
import type { Logger } from '../common/logger.ts';
import type { TlsServerOptions } from '../common/tls-files.ts';
import { VERSION } from '../common/version.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { DiscoveryBackend } from '../discovery/backend.ts';
import type { Entry } from '../discovery/entry.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { connectorFor } from '../engine/connectors/connectors.ts';
import type { EngineTls } from '../engine/connectors/socket.ts';
import { DialledAgents } from '../engine/dialled/dialled-agents.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { MonitorTimes } from '../monitor/times.ts';
import type { Target } from '../notify/target.ts';
import type { Page, PageOptions } from '../page/page.ts';
import { Prices, type PricesOptions } from '../prices/prices.ts';
import type { PublishOptions } from '../publish/publisher.ts';
import type { SchedulerOptions } from '../scheduler/scheduler.ts';
import { Sampler, type SamplerOptions } from '../stats/sampler.ts';
import type { WebListener } from '../web/web-listener.ts';
import { DEFAULT_RESCHEDULE, type RescheduleOptions } from './availability.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { openClusterState } from './cluster-state.ts';
import { Duties } from './duties.ts';
import { agentsOf } from './mesh-nodes.ts';
import { ClusterModel } from './model.ts';
import { type ObservationOptions, openObservation } from './observation.ts';
import { Opened } from './opened.ts';
import { ownSocket } from './own-socket.ts';
import { openManagerPage, openPagePlans } from './page.ts';
import { assertAddressIsFree, openReplication, type ReplicationOptions } from './replication.ts';
import { openServices } from './services.ts';
import { openViews } from './views.ts';

/** How a manager runs; the command line reads into it. */
export interface ManagerOptions {
  readonly backend: DiscoveryBackend;
  readonly listeners: readonly ListenAddress[];
  /** Host names that clients may ask for, see `ApiServerOptions`. */
  readonly allowHosts?: readonly string[] | undefined;
  /** TLS towards clients. */
  readonly serverTls: TlsServerOptions | undefined;
  /** TLS towards engines. */
  readonly engineTls: EngineTls | undefined;
  readonly scheduler: SchedulerOptions;
  /** Labels of nodes that replicas are spread by, the widest failure domain first; see `ClusterOptions`. */
  readonly spreadBy?: readonly string[];
  readonly times: MonitorTimes;
  readonly clusterOptions: ClusterOptions;
  /** What becomes of the containers of lost nodes; default: those that are meant to go on running are brought back elsewhere. */
  readonly reschedule?: RescheduleOptions | undefined;
  /** Who is told of losses and moves; default nobody. */
  readonly notify?: readonly Target[];
  /** When `docker ps` asks engines first; default never, since the model follows their events. */
  readonly refresh?: RefreshFilters | undefined;
  /** Where clusters' states are kept, each in a folder of its own; undefined keeps nothing. */
  readonly stateFolder: string | undefined;
  /** The discovery argument: one of the things that the cluster's state is found by. Default: the backend's name. */
  readonly discovery?: string;
  /** Name or ID of the cluster, when what is known does not tell, or tells otherwise. */
  readonly cluster?: string | undefined;
  /** Several managers of one cluster; default: this is the only one. */
  readonly replication?: ReplicationOptions | undefined;
  /** Metrics on a listener of their own; default none. */
  readonly metrics?: ObservationOptions | undefined;
  /** Samples of what containers use; default none. */
  readonly stats?: SamplerOptions | undefined;
  /** What containers publish, at the manager's own address; default: what their labels say, at the loopback address. */
  readonly publish?: PublishOptions | undefined;
  /** Containers that mount their engine's socket are given the cluster's, by the agents of their nodes. */
  readonly clusterSocket?: boolean | undefined;
  /** Price files and currency rates; default none. */
  readonly prices?: PricesOptions | undefined;
  /** The page in a browser, on a listener of its own; default none. */
  readonly page?: PageOptions | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A running manager. */
export interface Manager {
  /** Where it listens, ports resolved. */
  readonly addresses: readonly ListenAddress[];
  readonly cluster: Cluster;
  /** The listener of metrics. */
  readonly metrics: Pick<WebListener, 'address' | 'url'> | undefined;
  /** The listener of the page. */
  readonly page: Page['listener'] | undefined;
  /** What clients want of containers. */
  readonly desired: DesiredState;
  /** Its role, which may change while it runs. The only manager is started as the primary. */
  readonly duties: Duties;
  /** Resolves when every node that discovery told first was tried, see {@link Membership.tried}, and when the manager is closed. */
  readonly tried: Promise<void>;
  /** Resolves when nothing is being learnt behind the scenes any more of the containers met so far. */
  learnt(): Promise<void>;
  /** Drains clients, stops watching engines, frees the state folder. Idempotent; at most some 8 s. */
  close(): Promise<void>;
}

/** Reaches engines as their entries say; says once that a bare `host:port` is plain TCP when there are no certificates. */
function engineConnector(
  { engineTls, logger }: ManagerOptions,
  agents: DialledAgents,
): (entry: Entry) => Promise<Connector> {
  let hasWarned = false;
  return (entry) => {
    if (entry.scheme === 'auto' && !engineTls && !hasWarned) {
      hasWarned = true;
      logger.warn(
        { entry: entry.canonical },
        'engines are reached over plain TCP, where any client that reaches them controls their hosts: give --tlscacert, --tlscert and --tlskey, or use ssh:// entries',
      );
    }
    return connectorFor(entry, { tls: engineTls, agents });
  };
}

/**
 * Wires the parts of a manager together and starts them as the primary; the only place that knows them all. When it rejects (a port that is
 * taken), nothing is left open.
 */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const opened = new Opened();
  try {
    return { ...(await assemble(options, opened)), close: () => opened.close() };
  } catch (error) {
    await opened.close().catch((failure: unknown) => {
      options.logger.error(
        { reason: reasonOf(failure) },
        'the manager did not start, and a part of it failed to close',
      );
    });
    throw error;
  }
}

async function assemble(options: ManagerOptions, opened: Opened): Promise<Omit<Manager, 'close'>> {
  const { logger, clock, backend } = options;
  const dialled = new DialledAgents(() => clock.now());
  const connect = engineConnector(options, dialled);
  const { replication: among } = options;
  if (among) await assertAddressIsFree(among.advertise, connect);
  const state = await openClusterState({
    discovery: backend.name,
    cluster: undefined,
    ...options,
    shared: among,
    connect,
  });
  opened.add(() => state.close());
  const model = await ClusterModel.open({ state, backend, connect, clock, logger }, options);
  opened.add(() => model.close());
  dialled.refuse((id) => model.revokedAgents.has(id));
  const mesh = await Mesh.open(
    {
      ...{ agents: dialled, records: state.store.records('mesh'), revoked: model.revokedAgents },
      ...{ listed: () => agentsOf(model.cluster), clock, logger },
    },
    { subnet: options.clusterOptions.meshSubnet },
  );
  opened.add(() => mesh.close());
  const own = options.clusterSocket ? await ownSocket() : undefined;
  if (own) opened.add(() => own.close());
  const connectApi = own && (() => own.connect());
  const services = await openServices({ model, state, mesh, dialled, connectApi, clock, logger }, options);
  opened.add(() => services.close());
  const duties = new Duties({ duties: services.duties, logger });
  opened.add(() => duties.become('replica'));
  const replication =
    among && openReplication({ state, model, duties, quorum: services.quorum, connect, clock, logger }, among);
  if (replication) opened.add(() => replication.close());
  const views = openViews({ model, state, services, duties, replication, clock }, options);
  opened.add(async () => views.close());
  const prices = await Prices.open({ records: state.store.records('price-lists'), clock, logger }, options.prices);
  opened.add(() => prices.close());
  const stats = options.stats && new Sampler({ cluster: model.cluster, clock }, options.stats);
  if (stats) opened.add(async () => stats.close());
  const cheapest = new CheapestPlanner(
    {
      cluster: model.cluster,
      desired: model.desired,
      leases: model.leases,
      networks: services.networks,
      volumes: services.volumes,
      placer: services.placer,
      prices,
      sizes: services.availability.sizes,
      stats,
      clock,
    },
    { policy: (options.reschedule ?? DEFAULT_RESCHEDULE).policy, scheduler: options.scheduler },
  );
  opened.add(async () => cheapest.close());
  const observation =
    options.metrics &&
    (await openObservation({ model, state, services, duties, views, stats, clock, logger }, options.metrics));
  if (observation) opened.add(() => observation.close());
  let page: Page | undefined;
  const shared: ApiServices = {
    cluster: model.cluster,
    lifecycle: services.lifecycle,
    sequels: new Sequels(
      { cluster: model.cluster, desired: model.desired, clock },
      (options.reschedule ?? DEFAULT_RESCHEDULE).policy,
    ),
    execs: new ExecRegistry(),
    events: views.events,
    info: views.info,
    images: services.images,
    imageList: views.imageList,
    containerList: views.containerList,
    networks: services.networks,
    volumes: services.volumes,
    settling: () => model.membership.settling,
    nodes: model.nodes,
    failover: services.availability.failover,
    planning: services.availability.planning,
    runs: services.availability.runs,
    drain: services.availability.drain,
    drills: services.availability.drills,
    explainer: services.availability.explainer,
    fenceSwitch: services.fenceSwitch,
    toPrimary: replication?.toPrimary,
    quorum: services.quorum,
    prices,
    cheapest,
    billFacts: new BillFactsReader(model.cluster),
    stats,
    leases: model.leases,
    givesClusterSocket: own !== undefined,
    dialled,
    revokedAgents: model.revokedAgents,
    mesh,
    logger,
    clock,
    refresh: options.refresh ?? NO_REFRESH,
    advertisedApi: () => views.advertised.current,
    get page() {
      return page;
    },
    pagePlans: () => openPagePlans(shared),
  };
  if (options.page) {
    page = await openManagerPage({ model, state, services, shared }, options, options.page);
    opened.add(() => page?.close() ?? Promise.resolve());
  }
  const server = await startApiServer({
    listeners: [...options.listeners, ...(own ? [own.address] : [])],
    allowHosts: options.allowHosts,
    tls: options.serverTls && { ...options.serverTls, verifyClients: options.serverTls.requestCert },
    services: shared,
    handlers: HANDLERS,
    logger,
    observer: observation?.calls,
    version: VERSION,
  });
  opened.add(() => server.close());
  services.publisher.start();
  if (replication) replication.start();
  else await duties.become('primary');
  model.start();
  stats?.start();
  cheapest.start();
  const { cluster, desired } = model;
  return {
    addresses: server.addresses.slice(0, options.listeners.length),
    cluster,
    desired,
    metrics: observation?.listener,
    page: page?.listener,
    duties,
    tried: model.membership.tried,
    learnt: () => model.learnt(),
  };
}
