import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Timer } from '../common/timer.ts';
import type { DiscoveryBackend } from '../discovery/backend.ts';
import type { Entry } from '../discovery/entry.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { type KnownCluster, type KnownEngine, saveCluster, titleOf } from '../store/known-cluster.ts';
import { openStateStore, type StateStore } from '../store/state-store.ts';
import type { ClusterIdentity } from '../substrate/types.ts';
import { type FoundCluster, findCluster } from './find-cluster.ts';
import { findSharedCluster, type SharedStoreOptions, withoutFolder } from './shared-cluster.ts';

/** What a manager keeps between its lives, and whose it is. */
export interface ClusterState {
  readonly store: StateStore;
  /** Undefined when nothing durable says which cluster this is. */
  readonly identity: ClusterIdentity | undefined;
  /** What its operator calls the cluster. */
  readonly name?: string | undefined;
  /** Whether the next manager with this state knows the cluster's ID and what its nodes held. */
  readonly isLasting: boolean;
  /** Rows for `docker info`. */
  readonly rows: readonly (readonly [string, string])[];
  /** Notes the engines of the cluster from now on, so that the state is found through them. To be called once. */
  follow(cluster: Cluster): void;
  /** What a person should know of the state, in words. */
  problems(): readonly string[];
  /** Frees the folder. Idempotent. */
  close(): Promise<void>;
}

/** See `ManagerOptions`. */
export interface ClusterStateOptions {
  readonly stateFolder: string | undefined;
  readonly discovery: string;
  readonly cluster: string | undefined;
  readonly backend: DiscoveryBackend;
  readonly connect: (entry: Entry) => Promise<Connector>;
  /** The store of the records, when several managers share them. */
  readonly shared?: SharedStoreOptions | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Finds and opens the cluster's state; without a folder nothing is kept, and only `--cluster` can say which cluster it is. */
export async function openClusterState(options: ClusterStateOptions): Promise<ClusterState> {
  const { stateFolder, cluster: asked, shared, ...rest } = options;
  if (shared)
    return stateFolder === undefined
      ? bareState(await withoutFolder(shared, { ...rest, asked }))
      : new KeptState(await findSharedCluster(shared, { ...rest, stateFolder, asked }), options);
  if (stateFolder !== undefined) return new KeptState(await findCluster({ ...rest, stateFolder, asked }), options);
  const store = await openStateStore(undefined);
  return {
    store,
    identity: asked === undefined ? undefined : { id: asked, marks: new Set([asked]) },
    isLasting: false,
    rows: asked === undefined ? [] : [['Cluster', asked]],
    follow: () => undefined,
    problems: () => [],
    close: () => store.close(),
  };
}

/** The state of a manager that shares its records, and keeps nothing itself. */
function bareState({ id, store, name }: { id: string; store: StateStore; name: string }): ClusterState {
  return {
    store,
    identity: { id, marks: new Set([id]) },
    isLasting: store.notes !== undefined,
    rows: [
      ['Cluster', id],
      ['State', name],
    ],
    follow: () => undefined,
    problems: () => [],
    close: () => store.close(),
  };
}

/** How long news of engines are gathered before the cluster's file is written, in milliseconds; and the pause after a failure. */
const GATHER_MS = 1_000;
const RETRY_MS = 30_000;

class KeptState implements ClusterState {
  readonly store: StateStore;
  readonly identity: ClusterIdentity;
  readonly name: string | undefined;
  readonly isLasting = true;
  readonly rows: readonly (readonly [string, string])[];
  readonly #facts: KnownCluster;
  readonly #logger: Logger;
  readonly #doubts: readonly string[];
  /** Engines that another cluster with a state here has noted, by ID and name. */
  readonly #others = new Map<string, string>();
  readonly #engines = new Map<string, KnownEngine>();
  #cluster: Cluster | undefined;
  #unsubscribe: () => void = () => undefined;
  readonly #saving: Timer;
  #isDue = false;
  #saved: Promise<void> = Promise.resolve();
  #failure: string | undefined;

  constructor(
    { cluster, why, doubts, others, store }: FoundCluster,
    { clock, logger }: Pick<ClusterStateOptions, 'clock' | 'logger'>,
  ) {
    this.store = store;
    this.identity = { id: cluster.id, marks: new Set(cluster.marks) };
    this.name = cluster.name;
    this.rows = [
      ['Cluster', titleOf(cluster)],
      ['State', `${cluster.shared ?? cluster.folder} (${why})`],
    ];
    this.#facts = cluster;
    this.#logger = logger;
    this.#saving = clock.timer(() => this.#save());
    this.#doubts = store.damage === undefined ? doubts : [store.damage, ...doubts];
    if (store.damage !== undefined) logger.error({ damage: store.damage }, 'state: damaged');
    for (const engine of cluster.engines) this.#engines.set(keyOf(engine), engine);
    for (const other of others) {
      for (const engine of other.engines) {
        if (!this.#engines.has(keyOf(engine))) this.#others.set(keyOf(engine), titleOf(other));
      }
    }
  }

  follow(cluster: Cluster): void {
    this.#cluster = cluster;
    this.#unsubscribe = cluster.subscribe((event) => {
      if (event.kind === 'node-state' && event.to === 'Healthy') this.#note(event.node);
      else if (event.kind === 'node-removed') this.#forget(event.node);
    });
  }

  problems(): readonly string[] {
    const failure = this.#failure === undefined ? [] : [`WARNING: state: ${this.#failure}`];
    const strangers = (this.#cluster?.nodes ?? []).flatMap((node) => {
      const owner = node.info && this.#others.get(keyOf(toKnown(node)));
      return owner === undefined
        ? []
        : [
            `WARNING: node ${node.name} belonged to cluster ${owner}, which has a state here too; this is ${this.rows[0]?.[1]}`,
          ];
    });
    return [...failure, ...this.#doubts.map((doubt) => `WARNING: state: ${doubt}`), ...strangers];
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    if (this.#isDue) this.#save();
    await this.#saved;
    this.#saving.stop();
    await this.store.close();
  }

  #note(node: Node): void {
    const engine = toKnown(node);
    const before = this.#engines.get(keyOf(engine));
    if (before?.entry === engine.entry) return;
    // What was noted without a name (by an earlier version) is this one.
    this.#engines.delete(keyOf({ id: engine.id }));
    this.#engines.set(keyOf(engine), engine);
    this.#saveSoon(GATHER_MS);
  }

  #forget(node: Node): void {
    if (this.#engines.delete(keyOf(toKnown(node)))) this.#saveSoon(GATHER_MS);
  }

  #saveSoon(delayMs: number): void {
    if (!this.#isDue) this.#saving.start(delayMs);
    this.#isDue = true;
  }

  #save(): void {
    this.#isDue = false;
    this.#saving.stop();
    this.#saved = this.#saved.then(async () => {
      try {
        await saveCluster({ ...this.#facts, engines: [...this.#engines.values()] });
        this.#failure = undefined;
      } catch (error) {
        const failure = reasonOf(error);
        if (failure !== this.#failure)
          this.#logger.warn({ reason: failure }, 'state: the cluster’s engines could not be noted');
        this.#failure = failure;
        this.#saveSoon(RETRY_MS);
      }
    });
  }
}

function toKnown({ info, entry, name }: Node): KnownEngine {
  return { id: info?.ID ?? '', name, entry };
}

function keyOf({ id, name }: Pick<KnownEngine, 'id' | 'name'>): string {
  return name === undefined ? id : `${id} ${name}`;
}
