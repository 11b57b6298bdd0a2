import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import { onEach } from '../common/every-node.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import type { VolumeSummary } from '../engine/types.ts';
import type { VolumeHomes } from './homes.ts';
import type { VolumeMemory } from './kept-homes.ts';
import type { KeptSource, KeptSources } from './kept-sources.ts';
import type { PendingVolumes } from './pending-volumes.ts';

/** Which volumes a listing is about. */
export interface VolumeQuery {
  readonly matches: (volume: VolumeSummary) => boolean;
  /** Unused volumes alone, or used ones alone; only the engines can tell. Undefined means both. */
  readonly isDangling: boolean | undefined;
}

export interface VolumeListing {
  readonly volumes: readonly VolumeSummary[];
  /** For the answer's `Warnings`: names that several nodes have, and nodes that did not tell what is unused. */
  readonly warnings: readonly string[];
}

export interface ListingDeps {
  readonly cluster: Cluster;
  readonly homes: VolumeHomes;
  readonly pending: PendingVolumes;
  readonly memory?: Pick<VolumeMemory, 'absentVolumes'> | undefined;
  readonly sources?: Pick<KeptSources, 'get'> | undefined;
}

/** Engines that need longer are left out of a listing by use, in milliseconds. */
const UNUSED_MS = 10_000;
const UNUSED_PATH = `/volumes?filters=${encodeURIComponent(JSON.stringify({ dangling: ['true'] }))}`;

/** Volumes that are asked for, as clients see them. Rejects only when the signal is aborted. */
export async function listVolumes(
  deps: ListingDeps,
  { matches, isDangling }: VolumeQuery,
  signal: AbortSignal,
): Promise<VolumeListing> {
  const found = allVolumes(deps).filter(matches);
  const copies = warningsOfCopies(deps);
  if (isDangling === undefined) return { volumes: found, warnings: copies };
  const unused = await unusedOn(deps.cluster.healthyNodes(), signal);
  for (const { Name } of deps.pending.summaries()) unused.names.add(Name);
  const volumes = found.filter(({ Name }) => unused.names.has(Name) === isDangling);
  return { volumes, warnings: [...copies, ...unused.warnings] };
}

/** Every volume once, at its home; those without node and those of nodes that left included. */
function allVolumes({ cluster: { volumes }, homes, pending, memory }: ListingDeps): readonly VolumeSummary[] {
  const listed: VolumeSummary[] = [];
  for (const { key, holders } of volumes.list()) {
    const home = holders.size > 1 ? homes.homeOf(key) : undefined;
    const summary = (home && holders.get(home)) ?? holders.values().next().value;
    if (summary) listed.push(summary);
  }
  for (const each of pending.summaries()) if (!volumes.get(each.Name)) listed.push(each);
  for (const absent of memory?.absentVolumes() ?? [])
    if (!volumes.get(absent.Name) && !pending.has(absent.Name)) listed.push(absent);
  return listed;
}

function warningsOfCopies({ cluster, homes, sources }: ListingDeps): readonly string[] {
  const warnings: string[] = [];
  for (const { key, holders } of cluster.volumes.list()) {
    const all = holders.size > 1 ? homes.holders(key) : [];
    if (all.length < 2) continue;
    const home = homes.homeOf(key);
    const isCopy = (node: Node): boolean => node === home || !homes.isOfMove(node, key);
    for (const node of all) {
      const kept = isCopy(node) ? undefined : sources?.get(node.id, key);
      if (kept && kept.untilMs > 0)
        warnings.push(
          `volume ${key} moved to ${home?.name}: what it was on ${node.name} is kept until ${timeOf(kept)}`,
        );
    }
    const copies = all.filter(isCopy);
    if (copies.length < 2) continue;
    const names = copies.map(({ name }) => name).join(', ');
    warnings.push(`volume ${key} exists on ${names}: the one on ${home?.name} is used`);
  }
  return warnings;
}

function timeOf({ untilMs }: KeptSource): string {
  return new Date(untilMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Names of volumes without user; those of an engine that does not answer count as used. */
async function unusedOn(
  nodes: readonly Node[],
  signal: AbortSignal,
): Promise<{ readonly names: Set<string>; readonly warnings: readonly string[] }> {
  const request = { method: 'GET', path: UNUSED_PATH, signal, timeoutMs: UNUSED_MS };
  const { done, failed } = await onEach(nodes, ({ client }) => askEngine(client, request, ANSWERS.volumes));
  signal.throwIfAborted();
  const names = [...done.values()].flatMap(({ Volumes }) => (Volumes ?? []).map(({ Name }) => Name));
  const warnings = [...failed].map(
    ([{ name }, error]) => `node ${name} did not tell its unused volumes, they count as used: ${reasonOf(error)}`,
  );
  return { names: new Set(names), warnings };
}
