import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
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
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

interface RunningContainer {
  readonly Id: string;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, { readonly NetworkID?: string }>> | null };
}

/**
 * Connects running containers anew whose attachment to a cluster network the swarm does not hold (any more). After a new
 * quorum was made from one survivor, that survivor's attachments count as failed there: their addresses would be given
 * to others while the containers go on using them. Only such attachments are touched; nothing happens otherwise.
 */
export async function repairAttachments(request: RepairRequest): Promise<number> {
  const { manager, member, nodeId, logger, signal } = request;
  const running = await runningOnClusterNetworks(member.client, signal);
  if (running.length === 0) return 0;
  const held = await heldAttachments(manager.client, nodeId, signal);
  let repaired = 0;
  for (const { containerId, networkId } of running) {
    if (held.has(`${containerId} ${networkId}`)) continue;
    try {
      await reattach(member.client, containerId, networkId, signal);
      repaired += 1;
    } catch (error) {
      signal.throwIfAborted();
      logger.warn(
        { engine: member.name, container: containerId, reason: reasonOf(error) },
        'substrate: cannot re-attach',
      );
    }
  }
  if (repaired > 0) logger.info({ engine: member.name, repaired }, 'substrate: attachments repaired');
  return repaired;
}

/** Takes the endpoints of running containers in cluster networks away; what is gone already is no failure. */
export async function detachRunning({ client }: SubstrateMember, signal: AbortSignal): Promise<void> {
  for (const { containerId, networkId } of await runningOnClusterNetworks(client, signal)) {
    const body = JSON.stringify({ Container: containerId, Force: true });
    const path = `/networks/${networkId}/disconnect`;
    try {
      await client.json({ method: 'POST', path, body, signal, timeoutMs: 45_000 });
    } catch (error) {
      if (!(error instanceof EngineAnswerError)) throw error;
    }
  }
}

async function runningOnClusterNetworks(
  client: EngineClient,
  signal: AbortSignal,
): Promise<{ containerId: string; networkId: string }[]> {
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

/** Takes the endpoint away and gives the container a new one with the same aliases and wishes. */
async function reattach(
  client: EngineClient,
  containerId: string,
  networkId: string,
  signal: AbortSignal,
): Promise<void> {
  type Endpoint = {
    readonly NetworkID?: string;
    readonly Aliases?: readonly string[] | null;
    readonly IPAMConfig?: unknown;
    readonly Links?: unknown;
    readonly DriverOpts?: unknown;
  };
  const details = await client.json<{ NetworkSettings: { Networks: Readonly<Record<string, Endpoint>> } }>({
    method: 'GET',
    path: `/containers/${containerId}/json`,
    signal,
  });
  const endpoint = Object.values(details.NetworkSettings.Networks).find(({ NetworkID }) => NetworkID === networkId);
  const { Aliases, IPAMConfig, Links, DriverOpts } = endpoint ?? {};
  const change = async (action: string, body: object): Promise<void> => {
    const path = `/networks/${networkId}/${action}`;
    await client.json({ method: 'POST', path, body: JSON.stringify(body), signal, timeoutMs: 45_000 });
  };
  await change('disconnect', { Container: containerId, Force: true });
  await change('connect', { Container: containerId, EndpointConfig: { Aliases, IPAMConfig, Links, DriverOpts } });
}
