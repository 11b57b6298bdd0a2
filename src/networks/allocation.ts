import { overlap, parseCidr } from '../common/cidr.ts';
import type { Clock } from '../common/clock.ts';
import { ClusterError } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import type { EngineClient } from '../engine/client.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { inspectNetwork } from './inspection.ts';

/** How long the swarm may take to give a network its driver and addresses, in milliseconds. */
const ALLOCATION_LIMIT_MS = 10_000;
/** After this long the swarm's pool is looked at: it never says that it is exhausted. */
const SUSPICIOUS_MS = 1_000;
const WAITS = { baseMs: 20, maxMs: 500 } as const;
/** Bound on the removal of a network that got no addresses, in milliseconds. */
const REMOVE_MS = 5_000;

/** What waiting for an allocation needs. */
export interface AllocationRequest {
  readonly substrate: Substrate;
  readonly clock: Clock;
  /** Whether the client chose the subnets. */
  readonly hasSubnets: boolean;
  readonly signal: AbortSignal;
}

/**
 * Resolves with a network that was just created when it has its driver and addresses. One that gets none is removed again: rejects with
 * what an engine says when it finds no free pool.
 */
export async function awaitAllocation(id: string, request: AllocationRequest): Promise<NetworkSummary> {
  const { substrate, clock, hasSubnets, signal } = request;
  const startMs = clock.elapsed();
  const look = async (): Promise<NetworkSummary> => {
    const { client } = await substrate.manager(signal);
    const { Containers: _, ...details } = await inspectNetwork(client, id, '', signal);
    const summary = details as object as NetworkSummary;
    const isSuspicious = !hasSubnets && clock.elapsed() - startMs >= SUSPICIOUS_MS;
    if (!isAllocated(summary) && isSuspicious && (await isExhausted(client, signal))) throw noPool();
    return summary;
  };
  const deadline = clock.now() + ALLOCATION_LIMIT_MS;
  try {
    const summary = await retry(clock, look, { backoff: WAITS, until: isAllocated, passes: never, deadline, signal });
    if (isAllocated(summary)) return summary;
    throw hasSubnets ? poolOverlaps() : noPool();
  } catch (error) {
    await removeAgain(id, substrate);
    throw error;
  }
}

/** The swarm names a network's driver only when it has allocated it. */
function isAllocated({ Driver }: NetworkSummary): boolean {
  return Driver !== '';
}

const never = (): boolean => false;

/** Also when the client has left: no client knows the network then. */
async function removeAgain(id: string, substrate: Substrate): Promise<void> {
  try {
    const { client } = await substrate.manager(new AbortController().signal, REMOVE_MS);
    await client.json({ method: 'DELETE', path: `/networks/${id}`, timeoutMs: REMOVE_MS });
  } catch {
    // It stays without addresses, and is listed after a minute so that a client can remove it.
  }
}

/** Whether every subnet of the swarm's pools is in use. */
async function isExhausted(client: EngineClient, signal: AbortSignal): Promise<boolean> {
  type Pools = { readonly DefaultAddrPool?: readonly string[] | null; readonly SubnetSize?: number };
  const swarm = await client.json<Pools>({ method: 'GET', path: '/swarm', signal, timeoutMs: 5_000 });
  const networks = await client.json<NetworkSummary[]>({ method: 'GET', path: '/networks', signal, timeoutMs: 5_000 });
  const used = networks.flatMap(({ Scope, IPAM }) => (Scope === 'swarm' ? (IPAM?.Config ?? []) : []));
  const subnets = used.flatMap(({ Subnet }) => parseCidr(Subnet ?? '') ?? []);
  return (swarm.DefaultAddrPool ?? []).every((text) => {
    const pool = parseCidr(text);
    if (!pool) return true;
    const size = 1n << BigInt(pool.width - (swarm.SubnetSize ?? 24));
    const taken = subnets.reduce((sum, subnet) => {
      if (!overlap(pool, subnet)) return sum;
      const slots = (subnet.last - subnet.first + size) / size;
      return sum + slots;
    }, 0n);
    return taken >= (pool.last - pool.first + 1n) / size;
  });
}

function poolOverlaps(): ClusterError {
  const message = 'invalid pool request: Pool overlaps with other one on this address space';
  return new ClusterError(message, { code: 'SUBNET_TAKEN', status: 403 });
}

function noPool(): ClusterError {
  return new ClusterError(
    'all predefined address pools have been fully subnetted (enxame.subnet-pool): choose a --subnet',
    {
      code: 'NO_SUBNET_LEFT',
      status: 400,
    },
  );
}
