import { ConflictError } from '../common/errors.ts';
import type { EngineInfo } from '../engine/types.ts';
import type { Node } from './node.ts';

/**
 * The ID of a node whose engine's own ID `holder` has so far, if any. A clone (same ID, other host name) is told apart by
 * its address; an engine that moved to another address takes its ID along, and so does a site that is reached by another of its managers. Throws when one engine is in the cluster under
 * two entries.
 */
export function nodeIdFor(node: Node, info: EngineInfo, holder: Node | undefined): string {
  if (!holder || holder === node) return info.ID;
  if (holder.name !== info.Name && !info.Enxame) return `${info.ID}|${node.entry}`;
  if (!holder.isHealthy) return info.ID;
  if (info.Enxame)
    throw new ConflictError(
      `${node.entry} is another manager of site ${info.Name}, which is in the cluster as ${holder.entry}: one entry for each site is enough`,
      'DUPLICATE_ENGINE',
    );
  throw new ConflictError(
    `engine ${info.ID} (${info.Name}) is already in the cluster as ${holder.entry}: remove one of the two entries, or give a cloned machine an ID and host name of its own`,
    'DUPLICATE_ENGINE',
  );
}
