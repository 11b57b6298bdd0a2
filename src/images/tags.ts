import type { Node } from '../cluster/node.ts';
import { asImageIdPrefix, parseReference } from '../common/image-reference.ts';

/** A reference for a path: slashes stay, as engines expect them, and everything else is encoded. */
export function encodeReference(reference: string): string {
  return reference.split('/').map(encodeURIComponent).join('/');
}

/** Gives an image of a node a name there. The model does not show it before the images are listed again. */
export async function tagOn(node: Node, imageId: string, reference: string, signal?: AbortSignal): Promise<void> {
  const { repository, tag } = parseReference(reference);
  const query = new URLSearchParams({ repo: repository, tag: tag ?? 'latest' });
  await node.client.json<unknown>({ method: 'POST', path: `/images/${imageId}/tag?${query}`, signal });
}

/** Whether a reference is a name that can be given to an image: no ID, no digest. */
export function isTag(reference: string): boolean {
  return !reference.includes('@') && asImageIdPrefix(reference)?.length !== 64;
}
