import type { Node } from '../cluster/node.ts';
import { failureOfAll, onEach } from '../common/every-node.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';

/** A prune as the client asked for it. */
export interface PruneRequest {
  readonly nodes: readonly Node[];
  /** The client's query with its `?`, or empty. */
  readonly search: string;
  /** After the engines' answers, also when some failed: what the networks are now. */
  readonly afterwards: (node: Node) => Promise<void>;
  readonly signal: AbortSignal;
}

const PRUNE_MS = 60_000;

/** Removes unused networks on these nodes; resolves with their names as engines have them. Rejects with every failure, by node. */
export async function pruneNetworks({ nodes, search, afterwards, signal }: PruneRequest): Promise<readonly string[]> {
  const path = `/networks/prune${search}`;
  const outcomes = await onEach(nodes, async ({ client }) => {
    const request = { method: 'POST', path, signal, timeoutMs: PRUNE_MS };
    return (await askEngine(client, request, ANSWERS.pruneReport)).NetworksDeleted ?? [];
  });
  signal.throwIfAborted();
  await onEach(nodes, afterwards);
  const failure = failureOfAll(outcomes, 'Unused networks were removed');
  if (failure) throw failure;
  return [...outcomes.done.values()].flat();
}
