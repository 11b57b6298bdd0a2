import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { NodeMemory } from '../cluster/node-memory.ts';
import type { Stops } from '../cluster/stops.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { RecordView, TEXT_RECORDS } from '../kv/record-view.ts';
import { NetworkService } from '../networks/network-service.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { StateStore } from '../store/state-store.ts';
import { Substrate } from '../substrate/substrate.ts';
import type { ClusterIdentity } from '../substrate/types.ts';
import { GIVEN_HOMES, VOLUME_RECORDS } from '../volumes/records.ts';
import { type VolumeMemory, VolumeService } from '../volumes/volume-service.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { SubstrateRecord } from './substrate-record.ts';

/** What networks and volumes are started with. */
export interface NetworkingOptions {
  readonly cluster: Cluster;
  readonly placer: Placer<Node>;
  readonly clusterOptions: ClusterOptions;
  readonly store: StateStore;
  readonly stops: Stops;
  /** Tells this cluster's substrate from others'. */
  readonly identity: ClusterIdentity | undefined;
  /** What is remembered of nodes; undefined when nothing is kept. */
  readonly memory: NodeMemory | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Networks and volumes of a running manager. */
export interface Networking {
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  /** Engines that take no part in cluster networks, in words for `docker info`. */
  problems(): readonly string[];
  /** Idempotent; the engines keep their networks. */
  close(): Promise<void>;
}

/** Starts the substrate and the services that stand on it. */
export async function startNetworking(options: NetworkingOptions): Promise<Networking> {
  const { cluster, clock, logger, placer, store, identity } = options;
  const { substrate: mode, adoptSwarm, subnetPool: pool } = options.clusterOptions;
  const memory = new SubstrateRecord({ records: store.records('substrate'), clock, logger });
  const substrate = new Substrate(
    {
      members: cluster,
      clock,
      logger,
      memory,
      isStopped: (id) => options.stops.has(id),
    },
    { mode, adoptSwarm, pool, identity },
  );
  const networks = new NetworkService({ cluster, substrate, placer, clock, logger });
  const volumes = new VolumeService({
    cluster,
    placer,
    clock,
    records: await RecordView.open({ ...options, records: store.records('volumes') }, VOLUME_RECORDS),
    memory: await volumeMemory(options),
  });
  substrate.start();
  return {
    networks,
    volumes,
    problems: () => problemsOf(cluster, substrate),
    close: async () => {
      await networks.close();
      await substrate.close();
      memory.close();
    },
  };
}

function problemsOf({ nodes }: Cluster, { status }: Substrate): readonly string[] {
  const ofNodes = nodes.flatMap(({ id, name }) => {
    const problem = status.problems.get(id);
    return problem === undefined ? [] : [`WARNING: node ${name}: cluster networks: ${problem}`];
  });
  return [...status.notices.map((notice) => `WARNING: cluster networks: ${notice}`), ...ofNodes];
}

async function volumeMemory(options: NetworkingOptions): Promise<VolumeMemory | undefined> {
  const { memory, store } = options;
  if (!memory) return undefined;
  return {
    given: await RecordView.open({ ...options, records: store.records('homes') }, GIVEN_HOMES),
    released: await RecordView.open({ ...options, records: store.records('released') }, TEXT_RECORDS),
    absentVolume: (name) => memory.absentVolume(name),
    absentVolumes: () => memory.absentVolumes(),
    releaseAbsent: (name) => memory.releaseAbsent(name),
    releaseOn: (node, name) => memory.releaseOn(node, name),
  };
}
