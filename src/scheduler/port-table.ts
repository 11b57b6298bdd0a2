import type { PortClaim, Protocol } from './types.ts';

/**
 * The host ports taken on one node. Claims are counted, so two holders of one port (a stopped container and its
 * successor) can leave in any order. A claim on all addresses overlaps every claim on that port and protocol.
 */
export class PortTable {
  /** protocol and port → host IP → number of claims. */
  readonly #holders: Map<number, Map<string, number>> = new Map();

  /** Whether anybody holds an overlapping claim. O(1), allocates nothing. */
  uses(protocol: Protocol, ip: string, port: number): boolean {
    const holders = this.#holders.get(keyOf(protocol, port));
    if (holders === undefined) return false;
    const address = canonicalIp(ip);
    return address === '' || holders.has('') || holders.has(address);
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

/** One spelling per host address; `''` is all of them. */
export function canonicalIp(ip: string): string {
  if (ip === '' || ip === '0.0.0.0' || ip === '::' || ip === '[::]') return '';
  const bare = ip.startsWith('[') && ip.endsWith(']') ? ip.slice(1, -1) : ip;
  return bare.toLowerCase();
}

function keyOf(protocol: Protocol, port: number): number {
  return port * 4 + (protocol === 'tcp' ? 0 : protocol === 'udp' ? 1 : 2);
}
