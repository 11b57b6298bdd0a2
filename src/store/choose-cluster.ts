import { ConflictError } from '../common/errors.ts';
import { isUnserved, type KnownCluster, titleOf } from './known-cluster.ts';

/** An engine that answered before the cluster was chosen. */
export interface SeenEngine {
  readonly entry: string;
  readonly id: string;
  /** Its host name: cloned machines have one ID. */
  readonly name: string;
  /** The mark on the swarm it manages, if it does. */
  readonly mark: string | undefined;
}

/** What is known when a manager starts. */
export interface Clues {
  /** Key of the discovery argument. */
  readonly discovery: string;
  /** The entries discovery knows now; none when it does not answer. */
  readonly entries: readonly string[];
  /** Engines that answered; undefined when none was asked yet. */
  readonly seen: readonly SeenEngine[] | undefined;
}

/** Which cluster a manager serves. */
export type Choice =
  | {
      readonly kind: 'known';
      readonly cluster: KnownCluster;
      readonly why: string;
      readonly doubt?: string | undefined;
    }
  | { readonly kind: 'new'; readonly why: string; readonly doubt?: string | undefined }
  /** It depends on which engines answer under the entries. */
  | { readonly kind: 'ask-engines' };

/**
 * Finds the cluster that discovery means among those that have a state here. An engine's own ID and its swarm's mark weigh
 * more than an address, which another machine may have now, and an address more than the words of the discovery argument.
 * Throws a 409 that names the clusters when several are meant alike.
 */
export function chooseCluster(clusters: readonly KnownCluster[], clues: Clues): Choice {
  if (clusters.length === 0) return { kind: 'new', why: 'the state folder has no cluster yet' };
  const remembered = countByAddress(clusters, clues.entries);
  const named = namedBy(clusters, clues.discovery, remembered);
  if (clues.seen === undefined) return beforeAsking(named, clues, remembered);
  const votes = countByEngine(clusters, clues.seen);
  if (votes.size > 0) return byEngines(votes, named);
  if (named) return byArgument(named, clues.seen, remembered);
  return byAddress(clusters, clues.entries, clues.seen);
}

type Counts = ReadonlyMap<KnownCluster, number>;

/** The usual restart needs no engine: the same argument, and engines where they were. */
function beforeAsking(named: KnownCluster | undefined, { entries }: Clues, remembered: Counts): Choice {
  const isPlain = named !== undefined && (entries.length === 0 || named.engines.length === 0 || remembered.has(named));
  const others = [...remembered.keys()].filter((cluster) => cluster !== named);
  return isPlain && others.length === 0 ? known(named, 'the discovery argument') : { kind: 'ask-engines' };
}

function byEngines(votes: Counts, named: KnownCluster | undefined): Choice {
  const chosen = named && votes.has(named) ? named : leaderOf(votes);
  if (!chosen) throw ambiguous([...votes.keys()], 'the engines belong to');
  const others = [...votes.keys()].filter((cluster) => cluster !== chosen);
  const doubt =
    others.length === 0
      ? undefined
      : `${others.map((other) => `${votes.get(other)} of these engines belonged to cluster ${titleOf(other)}`).join(', ')}; to serve that one give --cluster ${others[0]?.id}`;
  return known(chosen, `${votes.get(chosen)} of its engines`, doubt);
}

/** No engine is known. The argument counts unless its engines are all gone and strangers answer instead. */
function byArgument(named: KnownCluster, seen: readonly SeenEngine[], remembered: Counts): Choice {
  const isReplaced = named.engines.length > 0 && !remembered.has(named) && seen.length > 0;
  if (!isReplaced) return known(named, 'the discovery argument');
  return {
    kind: 'new',
    why: 'none of the engines is known here',
    doubt: `the discovery argument was that of cluster ${titleOf(named)}, but none of its engines is there any more; to serve that one give --cluster ${named.id}`,
  };
}

/** Another argument and no engine that is known: only engines that do not answer can still be the remembered ones. */
function byAddress(clusters: readonly KnownCluster[], entries: readonly string[], seen: readonly SeenEngine[]): Choice {
  const answered = new Set(seen.map(({ entry }) => entry));
  const silent = countByAddress(
    clusters,
    entries.filter((entry) => !answered.has(entry)),
  );
  if (silent.size === 0) return { kind: 'new', why: 'none of the engines is known here' };
  const chosen = leaderOf(silent);
  if (!chosen) throw ambiguous([...silent.keys()], 'the addresses are those of engines of');
  return known(chosen, `the addresses of ${silent.get(chosen)} of its engines, which do not answer yet`);
}

function known(cluster: KnownCluster, why: string, doubt?: string): Choice {
  return { kind: 'known', cluster, why, ...(doubt === undefined ? {} : { doubt }) };
}

/** The cluster the argument was last used for; of several the one with engines there. */
function namedBy(clusters: readonly KnownCluster[], discovery: string, remembered: Counts): KnownCluster | undefined {
  const named = clusters.filter((cluster) => cluster.discovery === discovery);
  const present = named.filter((cluster) => remembered.has(cluster));
  if (present.length === 1) return present[0];
  return named.length === 1 ? named[0] : undefined;
}

function countByAddress(clusters: readonly KnownCluster[], entries: readonly string[]): Counts {
  const counts = new Map<KnownCluster, number>();
  const listed = new Set(entries);
  for (const cluster of clusters) {
    const count = cluster.engines.filter(({ entry }) => entry !== undefined && listed.has(entry)).length;
    if (count > 0) counts.set(cluster, count);
  }
  return counts;
}

/**
 * A swarm's mark says whose an engine is now; the ID says whose it has been. Earlier versions left several states for the
 * same engines; the one that was served since counts.
 */
function countByEngine(clusters: readonly KnownCluster[], seen: readonly SeenEngine[]): Counts {
  const counts = new Map<KnownCluster, number>();
  const holders = clusters.map((cluster) => ({ cluster, names: new Map(cluster.engines.map((e) => [e.id, e.name])) }));
  for (const { id, name, mark } of seen) {
    const marked = clusters.filter(({ marks }) => mark !== undefined && marks.includes(mark));
    const isHere = (names: ReadonlyMap<string, string | undefined>): boolean =>
      names.has(id) && (names.get(id) ?? name) === name;
    const meant = marked.length > 0 ? marked : holders.flatMap(({ cluster, names }) => (isHere(names) ? cluster : []));
    const served = meant.filter((cluster) => !isUnserved(cluster));
    for (const cluster of served.length > 0 ? served : meant) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
  }
  return counts;
}

/** The one with more than every other; undefined when two share the lead. */
function leaderOf(counts: Counts): KnownCluster | undefined {
  const [first, second] = [...counts].sort(([, a], [, b]) => b - a);
  return first !== undefined && first[1] > (second?.[1] ?? 0) ? first[0] : undefined;
}

function ambiguous(clusters: readonly KnownCluster[], what: string): ConflictError {
  const titles = clusters.map((cluster) => `${titleOf(cluster)} with ${cluster.engines.length} engines`).join(', ');
  return new ConflictError(
    `${what} several clusters that have a state here: ${titles}. Choose one with --cluster NAME|ID`,
    'CLUSTER_AMBIGUOUS',
  );
}
