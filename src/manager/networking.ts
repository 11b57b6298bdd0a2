import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { RecordView, TEXT_RECORDS } from '../kv/record-view.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { NetworkRecords } from '../networks/network-records.ts';
import { NetworkService } from '../networks/network-service.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { StateStore } from '../store/state-store.ts';
import type { SubstrateStatus } from '../substrate/status-board.ts';
import { Substrate } from '../substrate/substrate.ts';
import type { ClusterIdentity, MemberMesh, SubstrateMembers } from '../substrate/types.ts';
import type { VolumeMemory } from '../volumes/kept-homes.ts';
import { KeptSources } from '../volumes/kept-sources.ts';
import { GIVEN_HOMES, VOLUME_RECORDS } from '../volumes/records.ts';
import { VolumeService } from '../volumes/volume-service.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { Duty } from './duties.ts';
import { agentIn } from './mesh-nodes.ts';
import type { ClusterModel } from './model.ts';
import { EndpointRecords, SubstrateRecord } from './substrate-record.ts';

export interface NetworkingDeps {
  readonly model: ClusterModel;
  readonly mesh: Pick<Mesh, 'addressOf' | 'subscribe'>;
  readonly placer: Placer<Node>;
  readonly store: StateStore;
  /** Tells this cluster's substrate from others'. */
  readonly identity: ClusterIdentity | undefined;
  /** Why no new quorum of the substrate may be made now; see `SubstrateDeps`. */
  readonly objection: (signal: AbortSignal) => Promise<string | undefined>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Networks and volumes of a manager. */
export interface Networking {
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  /** In the order of their start; not started. */
  readonly duties: readonly Duty[];
  readonly substrateStatus: () => SubstrateStatus;
  readonly seesLeader: (signal: AbortSignal) => Promise<boolean>;
  /** Engines that take no part in cluster networks, in words for `docker info`. */
  problems(): readonly string[];
  /** Idempotent; the engines keep their networks. */
  close(): Promise<void>;
}

/** The substrate and the services that stand on it. */
export async function openNetworking(deps: NetworkingDeps, options: ClusterOptions): Promise<Networking> {
  const { model, clock, logger, placer, store, identity } = deps;
  const { cluster } = model;
  const { substrate: mode, adoptSwarm, subnetPool: pool } = options;
  const record = new SubstrateRecord({ records: store.records('substrate'), clock, logger });
  const substrate = new Substrate(
    {
      members: engines(cluster),
      mesh: meshOfNodes(cluster, deps.mesh),
      clock,
      logger,
      memory: record,
      endpoints: new EndpointRecords(store.records('substrate-endpoints')),
      isStopped: (id) => model.stops.has(id),
      objection: deps.objection,
    },
    { mode, adoptSwarm, pool, identity, spreadBy: cluster.domains.labels },
  );
  const lookAfter: Duty = {
    start: () => substrate.start(),
    stop: async () => {
      await substrate.stop();
      record.handOver();
    },
  };
  const records = await NetworkRecords.open({ ...deps, records: store.records('networks') });
  const networks = new NetworkService({ cluster, records, substrate, placer, clock, logger });
  const { memory } = model;
  const sources = memory && (await KeptSources.open({ ...deps, cluster, records: store.records('kept-sources') }));
  const volumes = new VolumeService({
    cluster,
    placer,
    clock,
    records: await RecordView.open({ ...deps, records: store.records('volumes') }, VOLUME_RECORDS),
    memory: await volumeMemory(deps),
    sources,
  });
  model.memory?.follow(volumes);
  return {
    networks,
    volumes,
    substrateStatus: () => substrate.status,
    seesLeader: (signal) => substrate.seesLeader(signal),
    duties: [lookAfter, networks.restoration, ...(sources ? [sources] : [])],
    problems: () => [
      ...problemsOf(cluster, substrate),
      ...networks.restoration.problems().map((problem) => `WARNING: cluster networks: ${problem}`),
    ],
    close: async () => {
      await networks.close();
      await records.close();
      await substrate.close();
      record.close();
    },
  };
}

/** Nodes that networks of this cluster may span: no sites, whose swarm mode is their managers'. */
function engines(cluster: Cluster): SubstrateMembers {
  return {
    get nodes() {
      return cluster.nodes.filter(({ isSite }) => !isSite);
    },
    subscribe: (listener) =>
      cluster.subscribe((event) => {
        if (!event.node.isSite) listener(event);
      }),
  };
}

/** Nodes are in the mesh by their agents' names, which their entries say. */
function meshOfNodes(cluster: Cluster, mesh: NetworkingDeps['mesh']): MemberMesh {
  return {
    addressOf: ({ id }) => {
      const agent = agentIn(cluster.node(id)?.entry ?? '');
      return agent === undefined ? undefined : mesh.addressOf(agent);
    },
    subscribe: (listener) => mesh.subscribe(listener),
  };
}

function problemsOf({ nodes }: Cluster, { status }: Substrate): readonly string[] {
  const ofNodes = nodes.flatMap(({ id, name }) => {
    const problem = status.problems.get(id);
    return problem === undefined ? [] : [`WARNING: node ${name}: cluster networks: ${problem}`];
  });
  return [...status.notices.map((notice) => `WARNING: cluster networks: ${notice}`), ...ofNodes];
}

async function volumeMemory(deps: NetworkingDeps): Promise<VolumeMemory | undefined> {
  const { store } = deps;
  const { memory } = deps.model;
  if (!memory) return undefined;
  return {
    given: await RecordView.open({ ...deps, records: store.records('homes') }, GIVEN_HOMES),
    released: await RecordView.open({ ...deps, records: store.records('released') }, TEXT_RECORDS),
    absentVolume: (name) => memory.absentVolume(name),
    absentVolumes: () => memory.absentVolumes(),
    releaseAbsent: (name) => memory.releaseAbsent(name),
    releaseOn: (node, name) => memory.releaseOn(node, name),
    flush: () => memory.flush(),
  };
}
