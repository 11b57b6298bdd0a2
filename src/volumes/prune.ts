import type { Node } from '../cluster/node.ts';
import type { ClusterError } from '../common/errors.ts';
import { failureOfAll, onEach } from '../common/every-node.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import { type ApiVersion, compareApi } from '../engine/api-version.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { VolumeSummary } from '../engine/types.ts';
import { ANONYMOUS_LABEL } from './names.ts';

/** What an engine says it pruned. */
interface PruneAnswer {
  readonly VolumesDeleted?: readonly string[] | null;
  readonly SpaceReclaimed?: number | null;
}

/** A prune as the client asked for it. */
export interface VolumePrune {
  /** Filters by name, as the client sent them. */
  readonly filters: ReadonlyMap<string, readonly string[]>;
  /** Whether the filters on labels take this volume. */
  readonly matches: (volume: VolumeSummary) => boolean;
  /** Whether named volumes go too: asked for by `all`, or by a client from before API 1.42. */
  readonly isAll: boolean;
  readonly api: ApiVersion;
}

/** Since this API pruning spares named volumes unless the filter `all` is set; older engines prune both. */
export const SPARES_NAMED_API: ApiVersion = '1.42';
/** Names that engines give to anonymous volumes; before API 1.42 nothing else tells them. */
const GIVEN_NAME = /^[0-9a-f]{64}$/;
const PRUNE_MS = 120_000;

/** What a prune came to on several nodes. */
export interface PrunedVolumes {
  readonly names: readonly string[];
  readonly spaceBytes: number;
  /** Every failure, by node; undefined without one. */
  readonly failure: ClusterError | undefined;
}

/** Whether a volume without users goes: one that was given no name, or any. */
export function isPrunable(volume: VolumeSummary, { matches, isAll }: VolumePrune): boolean {
  return (isAll || Object.hasOwn(volume.Labels ?? {}, ANONYMOUS_LABEL)) && matches(volume);
}

/** Prunes unused volumes on each node; one that fails does not keep the others from it. Rejects only when the signal is aborted. */
export async function pruneVolumesOnEach(
  nodes: readonly Node[],
  prune: VolumePrune,
  signal: AbortSignal,
): Promise<PrunedVolumes> {
  const outcomes = await onEach(nodes, (node) => pruneVolumesOn(node, prune, signal));
  signal.throwIfAborted();
  const answers = [...outcomes.done.values()];
  return {
    names: answers.flatMap(({ VolumesDeleted }) => VolumesDeleted ?? []),
    spaceBytes: answers.reduce((sum, { SpaceReclaimed }) => sum + (SpaceReclaimed ?? 0), 0),
    failure: failureOfAll(outcomes, 'Unused volumes were removed'),
  };
}

/** Prunes one node's unused volumes; an engine that would take named ones as well is asked volume by volume. */
async function pruneVolumesOn(node: Node, prune: VolumePrune, signal: AbortSignal): Promise<PruneAnswer> {
  const isOld = compareApi(node.client.api.max, SPARES_NAMED_API) < 0;
  const isByVolume = isOld && !prune.isAll;
  const answer = isByVolume ? await pruneUnnamed(node, prune, signal) : await pruneOn(node, prune, isOld, signal);
  await node.refreshVolumes();
  return answer;
}

function pruneOn(node: Node, { filters, api }: VolumePrune, isOld: boolean, signal: AbortSignal): Promise<PruneAnswer> {
  const kept = [...filters].filter(([name]) => !(isOld && name === 'all'));
  const path = `/volumes/prune?filters=${encodeURIComponent(JSON.stringify(Object.fromEntries(kept)))}`;
  return askEngine(node.client, { method: 'POST', path, api, signal, timeoutMs: PRUNE_MS }, ANSWERS.pruneReport);
}

async function pruneUnnamed(node: Node, { filters }: VolumePrune, signal: AbortSignal): Promise<PruneAnswer> {
  const wanted = { dangling: ['true'], ...(filters.has('label') && { label: filters.get('label') }) };
  const path = `/volumes?filters=${encodeURIComponent(JSON.stringify(wanted))}`;
  const { Volumes } = await askEngine(node.client, { method: 'GET', path, signal }, ANSWERS.volumes);
  const deleted: string[] = [];
  for (const { Name } of Volumes ?? []) {
    if (GIVEN_NAME.test(Name) && (await removeUnused(node, Name, signal))) deleted.push(Name);
  }
  return { VolumesDeleted: deleted, SpaceReclaimed: 0 };
}

async function removeUnused(node: Node, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await node.client.json({ method: 'DELETE', path: `/volumes/${encodeURIComponent(name)}`, signal });
    return true;
  } catch (error) {
    // A container took it meanwhile, or it is gone.
    if (error instanceof EngineAnswerError) return false;
    throw error;
  }
}
