import type { ImageIndex, ImageRecord } from '../cluster/images.ts';

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
