import type { PortClaim, Protocol } from './types.ts';

/**
 * The host ports taken on one node. Claims are counted, so two holders of one port (a stopped container and its
 * successor) can leave in any order. A claim on all addresses overlaps every claim on that port and protocol, one on all of a family
 * those of the family.
 */
export class PortTable {
  /** protocol and port → host IP → number of claims. */
  readonly #holders: Map<number, Map<string, number>> = new Map();

  /** Whether an overlapping claim is held. Walks the addresses of this very port, and allocates nothing. */
  uses(protocol: Protocol, ip: string, port: number): boolean {
    const holders = this.#holders.get(keyOf(protocol, port));
    if (holders === undefined) return false;
    const address = canonicalIp(ip);
    if (address === '' || holders.has('') || holders.has(address)) return true;
    const family = isIPv6(address) ? '::' : '0.0.0.0';
    if (address !== family) return holders.has(family);
    for (const held of holders.keys()) if (isIPv6(held) === isIPv6(address)) return true;
    return false;
  }

  add(claim: PortClaim): void {
    const key = keyOf(claim.protocol, claim.port);
    const holders = this.#holders.get(key) ?? new Map<string, number>();
    const ip = canonicalIp(claim.ip);
    holders.set(ip, (holders.get(ip) ?? 0) + 1);
    this.#holders.set(key, holders);
  }

  /** Undoes one {@link add} of an equal claim. */
  remove(claim: PortClaim): void {
    const key = keyOf(claim.protocol, claim.port);
    const holders = this.#holders.get(key);
    const ip = canonicalIp(claim.ip);
    const count = holders?.get(ip);
    if (holders === undefined || count === undefined) return;
    if (count > 1) holders.set(ip, count - 1);
    else holders.delete(ip);
    if (holders.size === 0) this.#holders.delete(key);
  }
}

/**
 * One spelling per host address. `''` is all addresses of both families, `0.0.0.0` and `::` are those of one: an engine binds each
 * family by itself.
 */
export function canonicalIp(ip: string): string {
  const bare = ip.startsWith('[') && ip.endsWith(']') ? ip.slice(1, -1) : ip;
  if (!isIPv6(bare)) return bare;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  const host = URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname : `[${bare.toLowerCase()}]`;
  return host.slice(1, -1);
}

/** Whether every host has this (canonical) address: all of its addresses, or the loopback's. */
export function isAnyHost(ip: string): boolean {
  return ['', '0.0.0.0', '::', '::1'].includes(ip) || ip.startsWith('127.');
}

function isIPv6(ip: string): boolean {
  return ip.includes(':');
}

function keyOf(protocol: Protocol, port: number): number {
  return port * 4 + (protocol === 'tcp' ? 0 : protocol === 'udp' ? 1 : 2);
}
