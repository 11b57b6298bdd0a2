import type { Node } from '../cluster/node.ts';
import type { KnownNode } from '../cluster/node-directory.ts';
import { ConflictError } from '../common/errors.ts';
import type { Call } from './call.ts';

/** A node that is in the cluster. */
export type PresentNode = KnownNode & { readonly node: Node };

/** The nodes of the cluster that names, IDs or addresses mean, each once. Throws 404 for an unknown one, 409 for one that left. */
export function presentNodes({ services }: Call, references: readonly string[]): readonly PresentNode[] {
  const found = references.map((reference) => assertPresent(services.nodes.find(reference)));
  return [...new Map(found.map((each) => [each.id, each])).values()];
}

/** The node itself. Throws 409 when it left. */
export function assertPresent(known: KnownNode): PresentNode {
  const { name, reason, node } = known;
  if (!node) throw new ConflictError(`node ${name} is not in the cluster: ${reason}`, 'NODE_LEFT');
  return { ...known, node };
}
