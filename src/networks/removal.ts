import type { Clock } from '../common/clock.ts';
import { ClusterError, reasonOf } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { Substrate } from '../substrate/substrate.ts';
import type { SubstrateMember } from '../substrate/types.ts';
import type { NetworkEndpoint } from './inspection.ts';

/** How long the swarm may take to see that the last container went, in milliseconds. */
const RELEASE_LIMIT_MS = 15_000;
const WAITS = { baseMs: 50, maxMs: 1_000 } as const;
/** Attempts after which it is looked again whether a container was connected meanwhile. */
const LOOK_AFTER = 5;

/** What removing a cluster network needs. */
export interface RemovalRequest {
  readonly network: { readonly name: string; readonly raw: { readonly Id: string } };
  readonly substrate: Substrate;
  readonly members: readonly SubstrateMember[];
  /** The containers connected now, by ID. */
  readonly connected: () => Promise<Readonly<Record<string, NetworkEndpoint>>>;
  /** Called once, when no container is connected and before an engine is asked. */
  readonly onBegin?: () => Promise<void>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Removes a cluster network. The swarm learns late that a container went, and never that a dead engine's did: while no
 * container is connected, its refusals are waited out for some 15 s, and attachments of engines that are down are ended.
 */
export async function removeClusterNetwork(request: RemovalRequest): Promise<void> {
  const { network, substrate, clock, signal } = request;
  const attempt = async (count: number): Promise<void> => {
    if (count === 1 || count > LOOK_AFTER) assertUnconnected(network, await request.connected());
    if (count === 1) await request.onBegin?.();
    const manager = await substrate.manager(signal);
    try {
      await manager.client.json({ method: 'DELETE', path: `/networks/${network.raw.Id}`, signal });
    } catch (error) {
      if (isGone(error)) return;
      if (isInUse(error)) await releaseDead(request, manager, reasonOf(error));
      throw error;
    }
  };
  const deadline = clock.now() + RELEASE_LIMIT_MS;
  try {
    await retry(clock, attempt, { backoff: WAITS, passes: isInUse, deadline, signal });
  } catch (error) {
    throw inEngineWords(error, network);
  }
}

/** Throws 403, in an engine's words, when containers are connected. */
export function assertUnconnected(
  network: RemovalRequest['network'],
  endpoints: Readonly<Record<string, NetworkEndpoint>>,
): void {
  const connected = Object.entries(endpoints);
  if (connected.length === 0) return;
  const names = connected.slice(0, 5).map(([id, { Name }]) => `name:"${Name ?? ''}" id:"${id.slice(0, 12)}"`);
  const more = connected.length > names.length ? ', …' : '';
  throw new ClusterError(
    `error while removing network: network ${network.name} has active endpoints (${names.join(', ')}${more})`,
    { code: 'NETWORK_IN_USE', status: 403 },
  );
}

/** Swarm nodes that are down keep their attachments for a day: they are let go of, and join again when they return. */
async function releaseDead(
  { substrate, members, signal }: RemovalRequest,
  manager: SubstrateMember,
  reason: string,
): Promise<void> {
  const taskId = /in use by task (\S+)/.exec(reason)?.[1];
  if (taskId === undefined || members.every(({ isHealthy }) => isHealthy)) return;
  const path = `/tasks/${taskId}`;
  const task = await manager.client
    .json<{ readonly NodeID?: string }>({ method: 'GET', path, signal, timeoutMs: 5_000 })
    .catch(() => undefined); // The task just went: the next attempt tells.
  const holder = task?.NodeID === undefined ? undefined : substrate.memberOf(task.NodeID);
  if (holder && !holder.isHealthy) await substrate.release(holder, signal);
}

function isInUse(error: unknown): boolean {
  return error instanceof EngineAnswerError && /in use by task|in use by service|active endpoints/i.test(error.message);
}

function isGone(error: unknown): boolean {
  // 404 when it was looked up, 500 when it vanished between look-up and removal.
  return error instanceof EngineAnswerError && /network \S+ not found/i.test(error.message);
}

function inEngineWords(error: unknown, { name }: RemovalRequest['network']): unknown {
  if (!isInUse(error)) return error;
  return new ClusterError(`error while removing network: network ${name} has active endpoints (${reasonOf(error)})`, {
    code: 'NETWORK_IN_USE',
    status: 403,
    cause: error,
  });
}
