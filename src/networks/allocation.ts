import type { Clock } from '../common/clock.ts';
import { ClusterError } from '../common/errors.ts';
import type { EngineClient } from '../engine/client.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { overlap, parseCidr } from './cidr.ts';
import { inspectNetwork } from './inspection.ts';

/** How long the swarm may take to give a network its driver and addresses, in milliseconds. */
const ALLOCATION_LIMIT_MS = 10_000;
/** After this long the swarm's pool is looked at: it never says that it is exhausted. */
const SUSPICIOUS_MS = 1_000;
const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 500;

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
  const startMs = clock.now();
  try {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      const { client } = await substrate.manager(signal);
      const { Containers: _, ...details } = await inspectNetwork(client, id, '', signal);
      const summary = details as object as NetworkSummary;
      if (summary.Driver !== '') return summary;
      const waitedMs = clock.now() - startMs;
      if (waitedMs >= ALLOCATION_LIMIT_MS) throw hasSubnets ? poolOverlaps() : noPool();
      if (!hasSubnets && waitedMs >= SUSPICIOUS_MS && (await isExhausted(client, signal))) throw noPool();
      await clock.sleep(waitMs, signal);
    }
  } catch (error) {
    await removeAgain(id, substrate);
    throw error;
  }
}

/** Also when the client left meanwhile: nobody knows the network. */
async function removeAgain(id: string, substrate: Substrate): Promise<void> {
  const signal = AbortSignal.timeout(5_000);
  try {
    const { client } = await substrate.manager(signal);
    await client.json({ method: 'DELETE', path: `/networks/${id}`, signal });
  } catch {
    // It stays without addresses, and is listed after a minute so that somebody can remove it.
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
