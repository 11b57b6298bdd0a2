import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import { unavailable } from './status-board.ts';
import { isSwarmManager, removeSwarmNode, setRole } from './swarm-api.ts';
import type { SubstrateMember } from './types.ts';

/** How long a demotion may take to be in effect, in milliseconds; it takes some 100 with a quorum. */
const DEMOTION_MS = 5_000;
const LOOK_MS = 100;

/**
 * Takes a node that is down out of the swarm: one that managed steps down first, because the swarm removes no manager.
 * Nothing happens when the swarm does not have it (any more).
 */
export async function releaseNode(
  manager: SubstrateMember,
  nodeId: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { client } = manager;
  const isManager = await isSwarmManager(client, nodeId, signal);
  if (isManager === undefined) return;
  if (isManager) {
    await setRole(client, nodeId, 'worker', signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw unavailable(
        `the lost engine manages the cluster's networks, and too few other managers are left: ${reasonOf(error)}`,
      );
    });
  }
  const managesStill = await retry(clock, () => isSwarmManager(client, nodeId, signal), {
    until: (manages) => !manages,
    passes: () => false,
    backoff: LOOK_MS,
    deadline: clock.now() + DEMOTION_MS,
    signal,
  });
  if (managesStill) throw unavailable("the lost engine still counts as a manager of the cluster's networks; try again");
  await removeSwarmNode(client, nodeId, signal);
}
