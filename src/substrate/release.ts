import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import { canStepDown } from './roles.ts';
import { unavailable } from './status-board.ts';
import { readSwarmNodes, removeSwarmNode, setRole } from './swarm-api.ts';
import type { SubstrateMember, SwarmNode } from './types.ts';

/** How long a demotion may take to be in effect, in milliseconds; it takes some 100 with a quorum. */
const DEMOTION_MS = 5_000;
const LOOK_MS = 100;

/**
 * Takes a node that is down out of the swarm: one that managed steps down first, because the swarm removes no manager.
 * Nothing happens when the swarm does not have it (any more). Rejects with 503, having changed nothing, when the managers that are
 * left would be no quorum.
 */
export async function releaseNode(
  manager: SubstrateMember,
  nodeId: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { client } = manager;
  const nodes = await readSwarmNodes(client, signal);
  const node = nodes.find((each) => each.nodeId === nodeId);
  if (!node) return;
  if (manages(node)) {
    if (!canStepDown({ nodes }, nodeId))
      throw unavailable("the lost engine manages the cluster's networks, and too few other managers answer");
    await setRole(client, nodeId, 'worker', signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw unavailable(
        `the lost engine manages the cluster's networks, and too few other managers are left: ${reasonOf(error)}`,
      );
    });
  }
  const look = async (): Promise<SwarmNode | undefined> =>
    (await readSwarmNodes(client, signal)).find((each) => each.nodeId === nodeId);
  const last = !manages(node)
    ? node
    : await retry(clock, look, {
        until: (found) => !found || !manages(found),
        passes: () => false,
        backoff: LOOK_MS,
        deadline: clock.now() + DEMOTION_MS,
        signal,
      });
  if (!last) return;
  if (manages(last))
    throw unavailable("the lost engine still counts as a manager of the cluster's networks; try again");
  await removeSwarmNode(client, nodeId, signal);
}

/** Whether it counts in the managers' quorum. */
function manages({ reachability }: SwarmNode): boolean {
  return reachability !== undefined;
}
