import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { NodeMemory } from '../cluster/node-memory.ts';
import type { Stops } from '../cluster/stops.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { NetworkService } from '../networks/network-service.ts';
import { parsePlacement } from '../scheduler/placement.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { StateStore } from '../store/state-store.ts';
import { Substrate } from '../substrate/substrate.ts';
import type { ClusterIdentity, KnownSubstrate, SubstrateMemory } from '../substrate/types.ts';
import type { VolumeRecord } from '../volumes/records.ts';
import { type VolumeMemory, VolumeService } from '../volumes/volume-service.ts';
import type { ClusterOptions } from './cluster-options.ts';

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
  const { cluster, clock, logger, store, identity } = options;
  const { substrate: mode, adoptSwarm, subnetPool: pool } = options.clusterOptions;
  const substrate = new Substrate(
    {
      members: cluster,
      clock,
      logger,
      memory: substrateMemory(store, logger),
      isStopped: (id) => options.stops.has(id),
    },
    { mode, adoptSwarm, pool, identity },
  );
  const place = (labels: Readonly<Record<string, string>>): Node =>
    options.placer.choose(parsePlacement({ Labels: labels }).request);
  const networks = new NetworkService({ cluster, substrate, place, clock, logger });
  const volumes = new VolumeService({
    cluster,
    place,
    clock,
    records: volumeRecords(store),
    memory: volumeMemory(options),
  });
  await volumes.start();
  substrate.start();
  return {
    networks,
    volumes,
    problems: () => problemsOf(cluster, substrate),
    close: async () => {
      await networks.close();
      await substrate.close();
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

const MEMORY_KEY = 'known';

/** Pause before what could not be written is tried again, in milliseconds. */
const RETRY_MS = 30_000;

/** The substrate is looked after whether or not its memory can be written (a full disk); it is written when that passes. */
function substrateMemory(store: StateStore, logger: Logger): SubstrateMemory {
  const records = store.records('substrate');
  let retry: NodeJS.Timeout | undefined;
  const save = async (known: KnownSubstrate): Promise<void> => {
    clearTimeout(retry);
    await records.put(MEMORY_KEY, JSON.stringify(known)).catch((error: unknown) => {
      logger.warn({ reason: reasonOf(error) }, 'state: the substrate’s members could not be noted');
      retry = setTimeout(() => void save(known), RETRY_MS).unref();
    });
  };
  return {
    load: async () => {
      const text = records.list().get(MEMORY_KEY);
      return text === undefined ? undefined : (JSON.parse(text) as KnownSubstrate);
    },
    save,
  };
}

function volumeMemory({ memory, store }: NetworkingOptions): VolumeMemory | undefined {
  if (!memory) return undefined;
  return {
    given: store.records('homes'),
    released: store.records('released'),
    absentVolume: (name) => memory.absentVolume(name),
    absentVolumes: () => memory.absentVolumes(),
    releaseAbsent: (name) => memory.releaseAbsent(name),
    releaseOn: (node, name) => memory.releaseOn(node, name),
  };
}

function volumeRecords(store: StateStore): ConstructorParameters<typeof VolumeService>[0]['records'] {
  const records = store.records('volumes');
  return {
    put: (record) => records.put(record.name, JSON.stringify(record)),
    delete: (name) => records.delete(name),
    list: async () => [...records.list().values()].map((text) => JSON.parse(text) as VolumeRecord),
  };
}
