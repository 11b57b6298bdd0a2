import { EventHub } from '../api/events/event-hub.ts';
import { ExecRegistry } from '../api/exec-registry.ts';
import { HANDLERS } from '../api/handlers.ts';
import { NO_REFRESH, type RefreshFilters } from '../api/refresh-filters.ts';
import { startApiServer } from '../api/server.ts';
import { AdvertisedApi } from '../api/views/api-range.ts';
import { ContainerListView } from '../api/views/container-list.ts';
import { ImageListView } from '../api/views/image-list.ts';
import { InfoView } from '../api/views/info.ts';
import { Cluster } from '../cluster/cluster.ts';
import { NodeMemory } from '../cluster/node-memory.ts';
import { Stops } from '../cluster/stops.ts';
import { Tombstones } from '../cluster/tombstones.ts';
import type { Clock } from '../common/clock.ts';
import { NotFoundError } from '../common/errors.ts';
import type { ListenAddress } from '../common/listen-address.ts';
import type { Logger } from '../common/logger.ts';
import type { TlsServerOptions } from '../common/tls-files.ts';
import { VERSION } from '../common/version.ts';
import type { DiscoveryBackend } from '../discovery/backend.ts';
import type { Entry } from '../discovery/entry.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { connectorFor } from '../engine/connectors/connectors.ts';
import type { EngineTls } from '../engine/connectors/socket.ts';
import { ImageServices } from '../images/services.ts';
import { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import { Undertaker } from '../lifecycle/undertaker.ts';
import { Accounting } from '../monitor/accounting.ts';
import { Membership } from '../monitor/membership.ts';
import type { MonitorTimes } from '../monitor/times.ts';
import { Placer } from '../scheduler/placer.ts';
import type { SchedulerOptions } from '../scheduler/scheduler.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { openClusterState } from './cluster-state.ts';
import { startNetworking } from './networking.ts';

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
  readonly times: MonitorTimes;
  readonly clusterOptions: ClusterOptions;
  /** When `docker ps` asks engines first; default never, since the model follows their events. */
  readonly refresh?: RefreshFilters | undefined;
  /** Where clusters' states are kept, each in a folder of its own; undefined keeps nothing. */
  readonly stateFolder: string | undefined;
  /** The discovery argument: one of the things that the cluster's state is found by. Default: the backend's name. */
  readonly discovery?: string;
  /** Name or ID of the cluster, when what is known does not tell, or tells otherwise. */
  readonly cluster?: string | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A running manager. */
export interface Manager {
  /** Where it listens, ports resolved. */
  readonly addresses: readonly ListenAddress[];
  readonly cluster: Cluster;
  /** Drains clients, stops watching engines, frees the state folder. Idempotent; at most some 8 s. */
  close(): Promise<void>;
}

/** Reaches engines as their entries say; says once that a bare `host:port` is plain TCP when there are no certificates. */
function engineConnector({ engineTls, logger }: ManagerOptions): (entry: Entry) => Promise<Connector> {
  let hasWarned = false;
  return (entry) => {
    if (entry.scheme === 'auto' && !engineTls && !hasWarned) {
      hasWarned = true;
      logger.warn(
        { entry: entry.canonical },
        'engines are reached over plain TCP, where whoever reaches them controls their hosts: give --tlscacert, --tlscert and --tlskey, or use ssh:// entries',
      );
    }
    return connectorFor(entry, { tls: engineTls });
  };
}

async function forgetNode(memory: NodeMemory | undefined, reference: string): Promise<void> {
  if (!memory)
    throw new NotFoundError(`no node ${reference} is remembered: the manager keeps no state`, 'NO_SUCH_NODE');
  await memory.forget(reference);
}

/** Wires the parts of a manager together and starts them; the only place that knows them all. */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const { logger, clock, backend } = options;
  const connect = engineConnector(options);
  const state = await openClusterState({ discovery: backend.name, cluster: undefined, ...options, connect });
  const { store, identity } = state;
  const accounting = new Accounting(clock);
  const cluster = new Cluster({ clock, logger, accounting });
  state.follow(cluster);
  const memory =
    store.notes &&
    new NodeMemory({
      cluster,
      records: store.records('nodes'),
      notes: store.notes,
      logger,
      onVolumesNoted: (node) => volumes.noted(node),
      onForget: (nodeId) => volumes.forgetNode(nodeId),
    });
  await memory?.start();
  const membership = new Membership({ cluster, accounting, backend, connect, memory, clock, logger }, options.times);
  const placer = new Placer(cluster, options.scheduler);
  const images = new ImageServices({
    cluster,
    placer,
    logger,
    pull: options.clusterOptions.pull,
  });
  const tombstones = await Tombstones.open({ records: store.records('tombstones'), clock, logger });
  cluster.hide(tombstones);
  const undertaker = new Undertaker({ cluster, tombstones, clock, logger });
  const stops = await Stops.open({ records: store.records('stops'), clock, logger });
  const networking = await startNetworking({ ...options, cluster, placer, store, identity, stops, memory });
  const { networks, volumes } = networking;
  const lifecycle = new ContainerLifecycle(
    {
      cluster,
      placer,
      images: images.distribution,
      networks,
      volumes,
      tombstones,
      stops,
      clock,
      logger,
    },
    { createRetries: options.clusterOptions.createRetries },
  );
  const advertised = new AdvertisedApi(cluster);
  const events = new EventHub(cluster, clock);
  const imageList = new ImageListView(cluster);
  const info = new InfoView(cluster, {
    role: 'primary',
    id: identity?.id,
    rows: state.rows,
    strategy: options.scheduler.strategy.name,
    filters: options.scheduler.filters.map(({ name }) => name),
    problems: () => [
      ...(membership.problem === undefined ? [] : [`WARNING: discovery: ${membership.problem}`]),
      ...state.problems(),
      ...(memory?.problems() ?? []),
      ...networking.problems(),
    ],
  });
  const server = await startApiServer({
    listeners: options.listeners,
    allowHosts: options.allowHosts,
    tls: options.serverTls && { ...options.serverTls, verifyClients: options.serverTls.requestCert },
    services: {
      cluster,
      lifecycle,
      execs: new ExecRegistry(),
      events,
      info,
      images,
      imageList,
      containerList: new ContainerListView(cluster.containerList),
      networks,
      volumes,
      settling: () => membership.settling,
      forgetNode: (reference) => forgetNode(memory, reference),
      logger,
      clock,
      refresh: options.refresh ?? NO_REFRESH,
      advertisedApi: () => advertised.current,
    },
    handlers: HANDLERS,
    logger,
    version: VERSION,
  });
  membership.start();
  return {
    addresses: server.addresses,
    cluster,
    close: async () => {
      await server.close();
      await images.close();
      imageList.close();
      events.close();
      advertised.close();
      await networking.close();
      await undertaker.close();
      await membership.close();
      await memory?.close();
      await state.close();
    },
  };
}
