import { containsAddress, parseAddress, parseCidr } from '../common/cidr.ts';
import { BadRequestError } from '../common/errors.ts';
import type { KnownNetwork } from './known-network.ts';

/** The addresses a client may choose for an endpoint. */
export interface EndpointAddresses {
  readonly IPv4Address?: unknown;
  readonly IPv6Address?: unknown;
}

/**
 * Throws 400, in the words of engines from 26 on, for an address that a cluster network cannot have. Networks of one node are judged by
 * their engine; of a cluster network it knows nothing before a container is attached, and then waits for the swarm.
 */
export function assertAddressIn(
  { kind, name, raw }: Pick<KnownNetwork<unknown>, 'kind' | 'name' | 'raw'>,
  addresses: EndpointAddresses | null | undefined,
): void {
  const subnets = (raw.IPAM?.Config ?? []).flatMap(({ Subnet = '' }) => parseCidr(Subnet) ?? []);
  if (kind !== 'cluster' || subnets.length === 0) return;
  for (const address of [addresses?.IPv4Address, addresses?.IPv6Address]) {
    if (typeof address !== 'string' || address === '') continue;
    if (!parseAddress(address)) throw invalid(name, `invalid IP address: ${address}`);
    if (!subnets.some((subnet) => containsAddress(subnet, address)))
      throw invalid(name, `no configured subnet or ip-range contain the IP address ${address}`);
  }
}

function invalid(network: string, why: string): BadRequestError {
  return new BadRequestError(
    `invalid config for network ${network}: invalid endpoint settings:\n${why}`,
    'ADDRESS_OUTSIDE_NETWORK',
  );
}
