import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isLoopback } from '../common/listen-address.ts';
import { isWithin, subnets } from '../common/subnets.ts';
import type { Entry } from './entry.ts';

/** Which entries count as hosts that others can reach. */
export interface Reach {
  /** The token service is on this host only, and so may its engines be. */
  readonly loopback: boolean;
}

/** Addresses that mean something else on every host, or no host at all (RFC 6890). */
const NO_HOST = subnets('0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/96', 'fe80::/10', 'ff00::/8');

/**
 * Why an entry that came from a token's holder is not the address of a host that others can reach; undefined when it is. Who has a token
 * may add engines, not make a manager talk to its own host's sockets.
 */
export function unreachableBecause(entry: Entry, { loopback }: Reach): string | undefined {
  if (entry.scheme === 'unix') return 'a socket is on one host only';
  // It dials, and shows a certificate with that name.
  if (entry.scheme === 'agent') return undefined;
  const host = entry.host.replace(/\.$/, '');
  if (isIP(host.replace(/%.*$/, '')) !== 0) return addressProblem(host.replace(/%.*$/, ''), loopback);
  if (isLoopback(host) || host.endsWith('.localhost')) return loopback ? undefined : 'every host calls itself that';
  // Resolvers read "0x7f000001" and "127.1" as addresses.
  if (/(?:^|\.)(?:0x[0-9a-f]*|\d+)$/i.test(host)) return 'it is a number, not a name';
  return undefined;
}

/** Whether an IP address may be that of a host that others reach, too: neither this host's own nor one of its link, where providers tell a machine its credentials. */
export function isOtherHost(address: string): boolean {
  return addressProblem(address, false) === undefined;
}

function addressProblem(address: string, loopback: boolean): string | undefined {
  if (isLoopback(address)) return loopback ? undefined : 'every host has that address';
  return isWithin(NO_HOST, address) ? 'no other host is reached there' : undefined;
}

/** A `lookup` for sockets that refuses names which stand for such an address. */
export function reachableLookup(reach: Reach): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const good = addresses.filter(({ address }) => addressProblem(address, reach.loopback) === undefined);
      const [first] = good;
      if (first === undefined) return callback(notReachable(host), '', 0);
      if (options.all) return callback(null, good);
      callback(null, first.address, first.family);
    });
  };
}

function notReachable(host: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${host} is not a host others can reach: it stands for this host`);
  error.code = 'EADDRNOTAVAIL';
  return error;
}
