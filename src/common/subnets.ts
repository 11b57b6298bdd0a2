import { BlockList, isIPv6 } from 'node:net';

/** Subnets as a list to check addresses against. IPv4 subnets hold the same addresses mapped into IPv6 (`::ffff:a.b.c.d`) too. */
export function subnets(...cidrs: readonly `${string}/${number}`[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/');
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** Whether an IP address, without brackets or zone, is in one of `subnets`. */
export function isWithin(subnets: BlockList, address: string): boolean {
  return subnets.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
