import { lookup } from 'node:dns/promises';
import net, { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ADDRESS_LABEL, type SubstrateMember } from './types.ts';

/** Tells the manager's own address. */
export type OwnAddress = () => string | undefined;

/** The manager's own address, asked of the system once at most: listing the interfaces costs more than all else here. */
export function ownAddressOnce(): OwnAddress {
  let asked: { readonly address: string | undefined } | undefined;
  return () => {
    asked ??= { address: externalAddress() };
    return asked.address;
  };
}

/**
 * IP address under which the other engines reach a member: its engine label, else what the manager reaches it under.
 * An engine on the manager's own machine (loopback, unix socket) has that machine's address. Undefined when unknown.
 */
export async function advertisedAddress(
  member: Pick<SubstrateMember, 'address' | 'labels'>,
  ownAddress: OwnAddress,
): Promise<string | undefined> {
  const address = member.labels.get(ADDRESS_LABEL) ?? member.address;
  if (isIP(address) === 0) return resolved(address, ownAddress);
  return isLoopback(address) ? ownAddress() : address;
}

/** Whether {@link advertisedAddress} must ask a name server for this member. */
export function isNamed(member: Pick<SubstrateMember, 'address' | 'labels'>): boolean {
  return isIP(member.labels.get(ADDRESS_LABEL) ?? member.address) === 0;
}

/** Candidates for the pool that cluster networks take their subnets from; each has room for 4096 networks. */
export const POOL_CANDIDATES = [
  '10.208.0.0/12',
  '10.176.0.0/12',
  '10.144.0.0/12',
  '10.112.0.0/12',
  '10.80.0.0/12',
] as const;

/**
 * A pool that overlaps nothing the engines use: addresses count with the /16 around them (the network they lie in is
 * not known), CIDRs as they are. The first candidate when all overlap.
 */
export function chooseAddressPool(used: readonly string[]): string {
  const free = POOL_CANDIDATES.find((pool) => !used.some((each) => overlaps(pool, withinNetwork(each))));
  return free ?? POOL_CANDIDATES[0];
}

function withinNetwork(address: string): string {
  return address.includes('/') ? address : `${address}/16`;
}

function overlaps(a: string, b: string): boolean {
  const [addressA = '', bitsA = ''] = a.split('/');
  const [addressB = '', bitsB = ''] = b.split('/');
  if (!net.isIPv4(addressA) || !net.isIPv4(addressB)) return false;
  const bits = Math.min(Number(bitsA), Number(bitsB));
  const list = new BlockList();
  list.addSubnet(addressA, bits);
  return list.check(addressB);
}

async function resolved(host: string, ownAddress: OwnAddress): Promise<string | undefined> {
  try {
    const { address } = await lookup(host, { family: 4 });
    return isLoopback(address) ? ownAddress() : address;
  } catch {
    return undefined;
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

function externalAddress(): string | undefined {
  const external = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal),
  );
  return external[0]?.address;
}
