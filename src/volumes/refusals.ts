import type { Node } from '../cluster/node.ts';
import { ClusterError, ConflictError, NotFoundError, SchedulingError } from '../common/errors.ts';
import type { LostHome } from './homes.ts';

/** 404 in the engine's words. */
export function noSuchVolume(name: string): NotFoundError {
  return new NotFoundError(`get ${name}: no such volume`, 'NO_SUCH_VOLUME');
}

/** 409 for a volume whose first container is being created. */
export function volumeInUse(name: string): ConflictError {
  return new ConflictError(`remove ${name}: volume is in use - [a container that is being created]`, 'VOLUME_IN_USE');
}

/** For a volume that cannot be used where it lives. */
export function lostHome(name: string, { nodeName, why }: LostHome, status: number): SchedulingError {
  return new SchedulingError(
    `volume ${name} lives on node ${nodeName}, which ${why}. Bring the node back, or give the volume up with docker volume rm -f ${name}`,
    'VOLUME_HOME_LOST',
    status,
  );
}

/** 503 for a volume with holders that are away. */
export function holdersAway(name: string, away: readonly Node[]): ClusterError {
  const where = away.map((node) => `${node.name}, which is not healthy: ${node.reason}`).join('; and on ');
  return new ClusterError(`volume ${name} lives on ${where}`, { code: 'NODE_UNHEALTHY', status: 503 });
}
