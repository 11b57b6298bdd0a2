import type { EngineClient } from '../engine/client.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { hasEnded, readAttachmentTasks } from './attachment-tasks.ts';
import { isClusterNetworkId } from './swarm-networks.ts';
import type { SubstrateMember } from './types.ts';

/** Where and through whom attachments are compared. */
export interface RepairRequest {
  /** A substrate manager. */
  readonly manager: SubstrateMember;
  readonly member: SubstrateMember;
  /** The member's swarm node ID. */
  readonly nodeId: string;
  readonly signal: AbortSignal;
}

interface RunningContainer {
  readonly Id: string;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, { readonly NetworkID?: string }>> | null };
}

/**
 * Takes endpoints of running containers away whose attachment to a cluster network the swarm does not hold (any more), so that they can be
 * connected anew. After a new quorum was made from one survivor, that survivor's attachments count as failed there: their addresses would be
 * given to others while the containers go on using them. Only such attachments are touched, and nothing before `onLost` has noted them.
 */
export async function detachLost(request: RepairRequest, onLost: () => Promise<void>): Promise<void> {
  const { manager, member, nodeId, signal } = request;
  const running = await runningOnClusterNetworks(member.client, signal);
  if (running.length === 0) return;
  const held = await heldAttachments(manager.client, nodeId, signal);
  const lost = running.filter(({ containerId, networkId }) => !held.has(`${containerId} ${networkId}`));
  if (lost.length === 0) return;
  await onLost();
  await detach(member.client, lost, signal);
}

/** Takes the endpoints of running containers in cluster networks away; what is gone already is no failure. */
export async function detachRunning({ client }: SubstrateMember, signal: AbortSignal): Promise<void> {
  await detach(client, await runningOnClusterNetworks(client, signal), signal);
}

interface Attached {
  readonly containerId: string;
  readonly networkId: string;
}

async function detach(client: EngineClient, attached: readonly Attached[], signal: AbortSignal): Promise<void> {
  for (const { containerId, networkId } of attached) {
    const body = JSON.stringify({ Container: containerId, Force: true });
    const path = `/networks/${networkId}/disconnect`;
    try {
      await client.json({ method: 'POST', path, body, signal, timeoutMs: 45_000 });
    } catch (error) {
      if (!(error instanceof EngineAnswerError)) throw error;
    }
  }
}

async function runningOnClusterNetworks(client: EngineClient, signal: AbortSignal): Promise<readonly Attached[]> {
  const containers = await client.json<RunningContainer[]>({ method: 'GET', path: '/containers/json', signal });
  return containers.flatMap(({ Id, NetworkSettings }) =>
    Object.values(NetworkSettings?.Networks ?? {}).flatMap(({ NetworkID }) =>
      NetworkID !== undefined && isClusterNetworkId(NetworkID) ? { containerId: Id, networkId: NetworkID } : [],
    ),
  );
}

async function heldAttachments(
  client: EngineClient,
  nodeId: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  for (const { NodeID, Status, Spec } of await readAttachmentTasks(client, signal, nodeId)) {
    if (NodeID !== nodeId || hasEnded(Status)) continue;
    for (const { Target } of Spec?.Networks ?? []) held.add(`${Spec?.NetworkAttachmentSpec?.ContainerID} ${Target}`);
  }
  return held;
}
