import { createHash } from 'node:crypto';
import { must } from '../common/command.ts';
import { HostError } from './errors.ts';

/** An IPv4 range as [first, last], both inclusive. */
export type Range = readonly [number, number];

/** Second octets the lab takes its /24 networks from: a quiet corner of 10/8, then the benchmark range of RFC 2544. */
const pools = ['10.213', '198.18', '198.19'] as const;

/** What this machine's addresses and routes already cover, the default route aside. */
export async function usedRanges(): Promise<Range[]> {
  const [addresses, routes] = await Promise.all([
    must('ip', ['-4', '-o', 'addr', 'show']),
    must('ip', ['-4', '-o', 'route', 'show', 'table', 'all']),
  ]);
  const cidrs = [...addresses.matchAll(/inet (\S+)/g), ...routes.matchAll(/^(?:\w+ )?(\d+\.\S+)/gm)].map(
    (match) => match[1],
  );
  return cidrs.flatMap((cidr) => (cidr === undefined ? [] : [rangeOf(cidr)]));
}

/** A /24 that overlaps none of `used`. Runs begin their search at different places, so that they rarely meet. */
export function chooseSubnet(used: readonly Range[], seed: string): string {
  const start = createHash('sha256').update(seed).digest()[0] ?? 0;
  for (const pool of pools) {
    for (let step = 0; step < 256; step++) {
      const cidr = `${pool}.${(start + step) % 256}.0/24`;
      const [first, last] = rangeOf(cidr);
      if (used.every(([from, to]) => last < from || first > to)) return cidr;
    }
  }
  throw new HostError(`no free subnet in ${pools.map((pool) => `${pool}.0.0/16`).join(', ')}: remove old labs`);
}

/** The range of a CIDR or of a single address. */
export function rangeOf(cidr: string): Range {
  const [address = '', bits = '32'] = cidr.split('/');
  const value = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(value / size) * size;
  return [first, first + size - 1];
}
