import { isIPv4 } from 'node:net';

/** Subnets that a mesh takes its addresses from, outside of the pools that cluster networks choose from. */
const CANDIDATES: readonly string[] = [
  '10.231.0.0/16',
  '10.199.0.0/16',
  '10.167.0.0/16',
  '10.135.0.0/16',
  '10.71.0.0/16',
];

/** Whether two CIDRs have an address in common. */
export function overlaps(a: string, b: string): boolean {
  const bits = Math.min(bitsOf(a), bitsOf(b));
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return (numberOf(a) & mask) >>> 0 === (numberOf(b) & mask) >>> 0;
}

/** The first subnet that none of the nodes has a route into; undefined when all are in use. */
export function chooseSubnet(routes: readonly string[]): string | undefined {
  return CANDIDATES.find((subnet) => !routes.some((route) => overlaps(subnet, route)));
}

/**
 * An address for a new member: after the last one given, so that one that was freed is not soon another node's; else the lowest free one.
 * Undefined when there is none.
 */
export function chooseAddress(subnet: string, taken: readonly string[]): string | undefined {
  const first = numberOf(subnet) + 1;
  const last = numberOf(subnet) + 2 ** (32 - bitsOf(subnet)) - 2;
  const used = new Set(taken.map(numberOf));
  const next = Math.max(first - 1, ...used) + 1;
  if (next <= last) return textOf(next);
  for (let each = first; each <= last; each += 1) if (!used.has(each)) return textOf(each);
  return undefined;
}

/** Whether the text is an IPv4 CIDR that a mesh can take its addresses from, without bits beside the network's. */
export function isMeshSubnet(text: string): boolean {
  const [network = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || !isIPv4(network) || !/^\d{1,2}$/.test(bits)) return false;
  const size = 2 ** (32 - Number(bits));
  return Number(bits) >= 8 && Number(bits) <= 28 && numberOf(network) % size === 0;
}

function bitsOf(cidr: string): number {
  const [, bits = '32'] = cidr.split('/');
  return Number(bits);
}

function numberOf(address: string): number {
  const [host = ''] = address.split('/');
  return host.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}
