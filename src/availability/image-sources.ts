import type { Cluster } from '../cluster/cluster.ts';
import { parseReference } from '../common/image-reference.ts';
import { registryRepositoriesOf } from '../images/origin.ts';

/** What a successor is made from, by name and, where that name does not mean it any more, by ID and digests. */
export interface WantedImage {
  readonly name: string;
  readonly recorded: readonly string[];
}

/**
 * Why an image cannot be had, in words: no node that answers has it, and it is not known to have come from a registry. Undefined when it can.
 *
 * @param isGone whether a node that answers is not to be counted on
 */
export function missingImage(
  { images }: Pick<Cluster, 'images'>,
  { name, recorded }: WantedImage,
  isGone: (nodeId: string) => boolean,
): string | undefined {
  const away = new Set<string>();
  for (const reference of recorded.length === 0 ? [name] : recorded) {
    const { digest, repository } = parseReference(reference);
    if (digest !== undefined) return undefined;
    const record = images.find(reference);
    const same = record ? [...images.sameAs(record.id)].flatMap((id) => images.get(id) ?? []) : [];
    const holders = same.flatMap((each) => [...each.holders]);
    for (const [node] of holders) {
      if (node.isHealthy && !isGone(node.id)) return undefined;
      away.add(node.name);
    }
    if (holders.some(([, summary]) => registryRepositoriesOf(summary).includes(repository))) return undefined;
  }
  const where = away.size === 0 ? 'no node that answers has' : `only ${[...away].sort().join(', ')} had`;
  return `${where} its image ${name}, and no registry is known to have it`;
}
