import type { Container } from '../cluster/container.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';

/**
 * Lists a container after a write. The write is done whatever comes of this; when it fails the monitor lists everything anew.
 *
 * @param hasStopped whether the engine has said that it stopped
 */
export async function refreshAfter(
  { logger }: { readonly logger: Logger },
  { node, engineId }: Container,
  hasStopped: boolean = false,
): Promise<void> {
  const refreshed = hasStopped ? node.refreshStopped(engineId) : node.refreshContainers([engineId]);
  await refreshed.catch((error: unknown) => {
    logger.warn({ node: node.name, reason: reasonOf(error) }, 'listing after a write failed');
  });
}
