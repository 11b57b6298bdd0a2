import { networkInterfaces } from 'node:os';
import type { Clock } from '../common/clock.ts';
import { isLoopback } from '../common/listen-address.ts';

/** How long the addresses of this machine are believed to stay, in milliseconds. */
const FRESH_MS = 10_000;

/** An address as hosts are known by: of IPv4 where a socket of both families shows it as one of IPv6, and without the interface of a link-local one. */
export function bareAddress(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '');
}

/** Tells which hosts are the machine that this runs on: engines there open published ports here themselves. */
export function ownHost(clock: Clock): (host: { readonly address: string }) => boolean {
  let addresses: ReadonlySet<string> = new Set();
  let readMs = Number.NEGATIVE_INFINITY;
  return (host) => {
    const address = bareAddress(host.address);
    if (isLoopback(address)) return true;
    if (clock.elapsed() >= readMs + FRESH_MS) {
      addresses = new Set(Object.values(networkInterfaces()).flatMap((own) => (own ?? []).map((each) => each.address)));
      readMs = clock.elapsed();
    }
    return addresses.has(address);
  };
}
