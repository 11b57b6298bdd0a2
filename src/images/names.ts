import type { ImageIndex, ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { compareApi } from '../engine/api-version.ts';

/** Under which names the cluster knows an image. */
export interface ImageNames {
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

/**
 * The names of an image on all healthy nodes together, sorted. A tag that means another image for the cluster by now
 * is stale where it still stands: no tag belongs to two images.
 */
export function namesOfImage(images: ImageIndex, record: ImageRecord): ImageNames {
  const tags = new Set<string>();
  const digests = new Set<string>();
  for (const [node, summary] of record.holders) {
    if (!node.isHealthy) continue;
    for (const tag of summary.RepoTags ?? []) tags.add(tag);
    for (const digest of summary.RepoDigests ?? []) digests.add(digest);
  }
  const isOurs = (name: string): boolean => !name.startsWith('<none>') && images.find(name)?.id === record.id;
  return { tags: [...tags].filter(isOurs).sort(), digests: [...digests].filter(isOurs).sort() };
}

/** The healthy nodes that hold an image. */
export function holdersOf(record: ImageRecord): Node[] {
  return [...record.holders.keys()].filter((node) => node.isHealthy);
}

/** Where a call about one image goes: the holder with the newest API, always the same one while it is healthy and not excluded. */
export function spokesmanOf(record: ImageRecord, excluded: ReadonlySet<Node>): Node | undefined {
  let best: Node | undefined;
  for (const node of record.holders.keys()) {
    if (node.isHealthy && !excluded.has(node) && (!best || isBefore(node, best))) best = node;
  }
  return best;
}

function isBefore(a: Node, b: Node): boolean {
  const byApi = compareApi(a.client.api.max, b.client.api.max);
  return byApi === 0 ? a.id < b.id : byApi > 0;
}
