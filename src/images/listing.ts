import type { ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { onEach } from '../common/every-node.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import type { ImageSummary } from '../engine/types.ts';

export interface ListingRequest {
  /** Query of `GET /images/json` with its `?`, or empty. */
  readonly search: string;
  readonly api: ApiVersion;
  readonly signal: AbortSignal;
}

/** Bound on one engine, in milliseconds; one that needs longer is left out of the list. */
const LIST_MS = 10_000;

/** What the engines list, merged by image. Throws the first failure when no node answers. */
export async function listOnNodes(
  nodes: readonly Node[],
  { search, api, signal }: ListingRequest,
): Promise<{ readonly records: readonly ImageRecord[]; readonly failed: ReadonlyMap<Node, unknown> }> {
  const request = { method: 'GET', path: `/images/json${search}`, api, signal, timeoutMs: LIST_MS };
  const { done, failed } = await onEach(nodes, ({ client }) => askEngine(client, request, ANSWERS.images));
  const [error] = failed.values();
  if (done.size === 0 && error !== undefined) throw error;
  const records = new Map<string, { readonly id: string; readonly holders: Map<Node, ImageSummary> }>();
  for (const [node, summaries] of done) {
    for (const summary of summaries) {
      const record = records.get(summary.Id) ?? { id: summary.Id, holders: new Map() };
      record.holders.set(node, summary);
      records.set(summary.Id, record);
    }
  }
  return { records: [...records.values()], failed };
}
