import { join } from 'node:path';
import type { Clock } from '../common/clock.ts';
import { ConflictError, UsageError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { retry } from '../common/retry.ts';
import type { DiscoveryBackend } from '../discovery/backend.ts';
import type { Entry } from '../discovery/entry.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { openEmbeddedStore } from '../kv/embedded.ts';
import { type Choice, chooseCluster } from '../store/choose-cluster.ts';
import {
  discoveryKey,
  isClusterId,
  type KnownCluster,
  knownClusters,
  newCluster,
  saveCluster,
  titleOf,
} from '../store/known-cluster.ts';
import { openStateStore, type StateStore } from '../store/state-store.ts';
import { peekEngines, peekEntries } from './peek.ts';

export interface FindOptions {
  /** Where the clusters' states are. */
  readonly stateFolder: string;
  /** The discovery argument. */
  readonly discovery: string;
  /** `--cluster`. */
  readonly asked: string | undefined;
  /** The store that the managers of the cluster share. */
  readonly shared?:
    | { readonly name: string /** The cluster’s ID there, if it has one. */; readonly id: string | undefined }
    | undefined;
  readonly backend: DiscoveryBackend;
  readonly connect: (entry: Entry) => Promise<Connector>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The cluster a manager serves. */
export interface FoundCluster {
  readonly cluster: KnownCluster;
  /** `found by …` or `new: …`. */
  readonly why: string;
  /** Its store, open. */
  readonly store: StateStore;
  /** What a person should know of the choice, for the log and `docker info`. */
  readonly doubts: readonly string[];
  /** The other clusters that have a state here. */
  readonly others: readonly KnownCluster[];
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
/** Choosing takes at most some ten seconds; another manager that starts here waits for its end. */
const TURNS = 60;
const TURN_MS = 250;

/** Throws a {@link UsageError} for a text that can be no name of a cluster. */
export function assertClusterName(name: string): void {
  if (NAME.test(name)) return;
  throw new UsageError(
    `--cluster "${name}": a name has 1 to 63 letters, digits, "-", "_" and ".", and begins with a letter or digit`,
  );
}

/**
 * Finds the cluster's state, or begins a new one, and writes what it will be found again by. Takes some ten seconds at most,
 * and none for the usual restart. Throws one clear line when several clusters are meant, or another is than `--cluster` says.
 */
export async function findCluster(options: FindOptions): Promise<FoundCluster> {
  const { stateFolder, logger } = options;
  const turn = await takeTurn(join(stateFolder, 'clusters', '.starting'), options.clock);
  try {
    const clusters = await knownClusters(stateFolder);
    const found = await choose(options, clusters);
    const { why, doubts } = found;
    const cluster = withStore(found.cluster, options.shared);
    const store = await openStateStore(cluster.folder);
    await saveCluster(cluster).catch(async (error: unknown) => {
      await store.close();
      throw error;
    });
    logger.info({ folder: cluster.folder }, `state: cluster ${titleOf(cluster)}, ${why}`);
    for (const doubt of doubts) logger.warn(`state: ${doubt}`);
    return { ...found, cluster, store, others: clusters.filter(({ folder }) => folder !== cluster.folder) };
  } finally {
    await turn.close();
  }
}

/** The cluster that is meant, found as a manager finds it; undefined when none has a state here. Begins and writes nothing. */
export async function knownCluster(options: FindOptions): Promise<KnownCluster | undefined> {
  const clusters = await knownClusters(options.stateFolder);
  const { cluster } = await choose(options, clusters);
  return clusters.some(({ folder }) => folder === cluster.folder) ? cluster : undefined;
}

/** One manager chooses at a time: two that start together must not begin two states for one cluster. */
async function takeTurn(folder: string, clock: Clock): Promise<{ close(): Promise<void> }> {
  return retry(clock, () => openEmbeddedStore(folder), {
    backoff: (failures) => (failures < TURNS ? TURN_MS : undefined),
    passes: (error) => (error as { readonly code?: string }).code === 'STATE_LOCKED',
  });
}

type Chosen = Pick<FoundCluster, 'cluster' | 'why' | 'doubts'>;

async function choose(options: FindOptions, clusters: readonly KnownCluster[]): Promise<Chosen> {
  const { asked, shared } = options;
  const discovery = discoveryKey(options.discovery);
  if (shared?.id !== undefined) return ofStore({ name: shared.name, id: shared.id }, options, clusters);
  const named = asked === undefined ? undefined : byReference(clusters, asked);
  if (named) return { cluster: { ...named, discovery }, why: 'found by --cluster', doubts: [] };
  const choice = await byClues(options, clusters, discovery);
  const doubts = choice.doubt === undefined ? [] : [choice.doubt];
  if (choice.kind === 'known') {
    return { cluster: { ...nameAs(choice.cluster, asked), discovery }, why: `found by ${choice.why}`, doubts };
  }
  const isId = asked !== undefined && isClusterId(asked);
  const made = newCluster(options.stateFolder, isId ? asked : undefined);
  const why = `new: ${isId ? 'its ID was given with --cluster' : choice.why}`;
  return { cluster: { ...made, discovery, ...(isId ? {} : { name: asked }) }, why, doubts };
}

/** The cluster that a shared store belongs to. Throws when the same discovery argument was another cluster's here. */
function ofStore(
  shared: { readonly name: string; readonly id: string },
  { asked, stateFolder, discovery }: FindOptions,
  clusters: readonly KnownCluster[],
): Chosen {
  const key = discoveryKey(discovery);
  const known = clusters.find(({ id }) => id === shared.id);
  const other = known ? undefined : clusters.find((cluster) => cluster.discovery === key);
  const meant = asked === undefined ? undefined : byReference(clusters, asked);
  const isOther = meant ? meant.id !== shared.id : asked !== undefined && asked !== shared.id && isClusterId(asked);
  if (isOther || (other && asked !== shared.id))
    throw new ConflictError(
      `${shared.name} has the records of cluster ${shared.id}, not of ${titleOr(meant ?? other, asked)}. Give another prefix, or --cluster ${shared.id} to serve that one`,
      'CLUSTER_AMBIGUOUS',
    );
  const cluster = known ?? newCluster(stateFolder, shared.id);
  const name = cluster.name ?? (asked !== undefined && !isClusterId(asked) ? asked : undefined);
  return { cluster: { ...cluster, name, discovery: key }, why: `of ${shared.name}`, doubts: [] };
}

function titleOr(cluster: KnownCluster | undefined, asked: string | undefined): string {
  return cluster ? titleOf(cluster) : `${asked}`;
}

/** Notes where the records are. Throws when they are to be looked for elsewhere. */
function withStore(cluster: KnownCluster, shared: FindOptions['shared']): KnownCluster {
  if (shared) {
    if (cluster.shared !== undefined && shared.id === undefined)
      throw new ConflictError(
        `the records of cluster ${titleOf(cluster)} were in ${cluster.shared}, and ${shared.name} has none: give the store that has them`,
        'STORE_EMPTY',
      );
    return cluster;
  }
  if (cluster.shared === undefined) return cluster;
  throw new ConflictError(
    `the records of cluster ${titleOf(cluster)} are in ${cluster.shared}, which its managers share: start this one with --replication and that store, or give another --state-dir`,
    'STATE_SHARED',
  );
}

async function byClues(
  { backend, connect, clock }: FindOptions,
  clusters: readonly KnownCluster[],
  discovery: string,
): Promise<Exclude<Choice, { kind: 'ask-engines' }>> {
  const found = clusters.length === 0 ? [] : await peekEntries(backend, clock);
  const entries = found.map(({ canonical }) => canonical);
  const choice = chooseCluster(clusters, { discovery, entries, seen: undefined });
  if (choice.kind !== 'ask-engines') return choice;
  const seen = await peekEngines(found, { connect, clock });
  return chooseCluster(clusters, { discovery, entries, seen }) as Exclude<Choice, { kind: 'ask-engines' }>;
}

/** The cluster with this name, ID, earlier mark or beginning of an ID. Throws when several have it. */
function byReference(clusters: readonly KnownCluster[], asked: string): KnownCluster | undefined {
  const exact = clusters.filter(({ id, name, marks }) => id === asked || name === asked || marks.includes(asked));
  const found = exact.length > 0 ? exact : clusters.filter(({ id }) => asked.length >= 4 && id.startsWith(asked));
  if (found.length < 2) return found[0];
  throw new UsageError(`--cluster ${asked} means several clusters: ${found.map(titleOf).join(', ')}. Give the ID`);
}

/** What `--cluster` said is new here: an ID is one more mark of the cluster that was found, a name its name if it has none. */
function nameAs(cluster: KnownCluster, asked: string | undefined): KnownCluster {
  if (asked === undefined) return cluster;
  if (isClusterId(asked)) return { ...cluster, marks: [...cluster.marks, asked] };
  if (cluster.name === undefined) return { ...cluster, name: asked };
  throw new ConflictError(
    `--cluster ${asked}: these engines are those of cluster ${titleOf(cluster)}. Give --cluster ${cluster.name}, or another --state-dir for a cluster of its own`,
    'CLUSTER_AMBIGUOUS',
  );
}
