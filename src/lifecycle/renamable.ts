import type { Container } from '../cluster/container.ts';
import { ConflictError } from '../common/errors.ts';
import type { ContainerNetworks } from './deps.ts';

const UP: ReadonlySet<string> = new Set(['running', 'paused', 'restarting']);

/**
 * Throws a 409 for a container that is up on cluster networks: every engine takes its names out of them, finds then that it cannot put the new ones
 * in (moby issue 42351; 20.10 to 28.5), and leaves it without any.
 */
export function requireRenamable(container: Container, networks: Pick<ContainerNetworks, 'spans'>): void {
  const { name, state } = container;
  if (!UP.has(state)) return;
  const spanning = Object.keys(container.entry().NetworkSettings?.Networks ?? {}).filter((each) =>
    networks.spans([each]),
  );
  if (spanning.length === 0) return;
  const where = spanning.length === 1 ? `cluster network ${spanning[0]}` : `cluster networks ${spanning.join(', ')}`;
  throw new ConflictError(
    `container ${name} is up on ${where}, where engines lose its name when they rename it: stop it first (docker stop ${name}), and start it under its new name`,
    'RENAME_RUNNING',
  );
}
