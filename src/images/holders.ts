import type { ImageIndex, ImageRecord, NodeChoice } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { compareApi } from '../engine/api-version.ts';

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

/** The node's own ID for an image, undefined when it does not hold it. */
export function heldAs(images: ImageIndex, node: Node, id: string): string | undefined {
  const held = images.of(node);
  if (held.has(id)) return id;
  return [...images.sameAs(id)].find((other) => held.has(other));
}

/** The nodes that run the same images as this one. */
export function likePlatformOf(node: Node): NodeChoice {
  const { ostype, architecture } = node.builtins;
  return (other) => other.builtins.ostype === ostype && other.builtins.architecture === architecture;
}
