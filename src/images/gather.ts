import type { Cluster } from '../cluster/cluster.ts';
import type { ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { type ImageDistribution, noSuchImage } from './distribution.ts';
import { holdersOf } from './holders.ts';

/** Images that are wanted together, each by the reference an engine is asked for. */
export interface Gathered {
  readonly node: Node;
  readonly references: readonly string[];
}

/**
 * A healthy node that has all the images under these names; what it lacks is copied there first. A repository without tag
 * means all its tags, as `docker save` has it. Throws 404 when one is unknown.
 */
export async function gather(
  cluster: Cluster,
  distribution: ImageDistribution,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<Gathered> {
  const images = wanted.flatMap((reference) => expand(cluster, reference));
  const counts = new Map<Node, number>();
  for (const { record, reference } of images) {
    for (const node of holdersOf(record)) {
      if (!knows(cluster, node, record, reference)) continue;
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  const node = best?.[0] ?? holdersOf(images[0]?.record ?? NOTHING)[0];
  if (!node) throw noSuchImage(wanted.join(', '), ' (no reachable node has it)');
  const references: string[] = [];
  for (const { reference } of images) {
    references.push((await distribution.ensureOn(node, reference, { signal })).reference);
  }
  return { node, references };
}

const NOTHING: ImageRecord = { id: '', holders: new Map() };

interface Wanted {
  readonly reference: string;
  readonly record: ImageRecord;
}

function expand({ images }: Cluster, reference: string): Wanted[] {
  const found: Wanted[] = [];
  for (const tag of images.tagsOf(reference)) {
    const record = images.find(tag);
    if (record) found.push({ reference: tag, record });
  }
  if (found.length > 0) return found;
  const record = images.find(reference);
  if (!record) throw noSuchImage(reference);
  return [{ reference, record }];
}

function knows({ images }: Cluster, node: Node, record: ImageRecord, reference: string): boolean {
  const meanings = images.meanings(reference);
  return meanings.size === 0 || meanings.get(node) === record.id;
}
