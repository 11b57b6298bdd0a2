import { ConflictError } from '../common/errors.ts';
import type { EngineInfo } from '../engine/types.ts';
import type { Node } from './node.ts';

/**
 * The ID of a node whose engine's own ID `holder` has so far, if any. A clone (same ID, other host name) is told apart by
 * its address; an engine that moved to another address takes its ID along. Throws when one engine is in the cluster under
 * two entries.
 */
export function nodeIdFor(node: Node, info: EngineInfo, holder: Node | undefined): string {
  if (!holder || holder === node) return info.ID;
  if (holder.name !== info.Name) return `${info.ID}|${node.entry}`;
  if (!holder.isHealthy) return info.ID;
  throw new ConflictError(
    `engine ${info.ID} (${info.Name}) is already in the cluster as ${holder.entry}: remove one of the two entries, or give a cloned machine an ID and host name of its own`,
    'DUPLICATE_ENGINE',
  );
}
