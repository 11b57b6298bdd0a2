import { failureOfAll, onEach } from '../common/every-node.ts';
import { ANSWERS, parseAnswer } from './answers.ts';
import type { ApiVersion } from './api-version.ts';
import type { EngineClient } from './client.ts';
import { EngineAnswerError, messageOf } from './exchange.ts';

/** Member of an engine's report that lists what went. */
export type PruneList = 'ImagesDeleted' | 'CachesDeleted' | 'ContainersDeleted' | 'NetworksDeleted';

/** A prune of one kind of thing. */
export interface PruneRequest<N> {
  /** With the client's query, without version. */
  readonly path: string;
  readonly list: PruneList;
  readonly api?: ApiVersion;
  /** Bound on one engine in milliseconds; 0 none. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Learns what a node has left; called for each node, also for one that failed. What it rejects with is ignored. */
  readonly afterwards?: (node: N) => Promise<void>;
}

/** What went on all nodes together. */
export interface Pruned {
  /** Entries as engines report them, each once. */
  readonly gone: readonly (string | object)[];
  readonly spaceBytes: number;
}

type Report = { readonly [list in PruneList]?: readonly (string | object)[] | null } & {
  readonly SpaceReclaimed?: number | null;
};

/** Has several engines prune. Rejects with every failure, by node; the other nodes are pruned all the same. */
export async function pruneEngines<N extends { readonly name: string; readonly client: EngineClient }>(
  nodes: readonly N[],
  { path, list, api, timeoutMs, signal, afterwards }: PruneRequest<N>,
): Promise<Pruned> {
  const shape = list === 'ImagesDeleted' ? ANSWERS.imageReport : ANSWERS.pruneReport;
  const outcomes = await onEach(nodes, async (node): Promise<Report> => {
    try {
      const answer = await node.client.request({ method: 'POST', path, api, body: '', signal, timeoutMs });
      if (answer.statusCode >= 300) throw new EngineAnswerError(messageOf(answer.body), answer.statusCode);
      return parseAnswer<Report>(answer.body, shape, path);
    } finally {
      await afterwards?.(node).catch(() => undefined);
    }
  });
  const failure = failureOfAll(outcomes, 'What is not used was removed');
  if (failure) throw failure;
  const gone = new Map<string, string | object>();
  let spaceBytes = 0;
  for (const report of outcomes.done.values()) {
    for (const item of report[list] ?? []) gone.set(JSON.stringify(item), item);
    spaceBytes += report.SpaceReclaimed ?? 0;
  }
  return { gone: [...gone.values()], spaceBytes };
}
