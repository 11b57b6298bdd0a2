import { isIPv4, isIPv6 } from 'node:net';

/** A block of addresses; of IPv4 with 32, of IPv6 with 128 bits. */
export interface Cidr {
  readonly width: 32 | 128;
  /** The address as written, which may have bits beyond the prefix. */
  readonly address: bigint;
  /** Length of the prefix in bits. */
  readonly bits: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** `10.0.0.0/24` or `fd00::/64`; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const bits = /^\d{1,3}$/.test(text.slice(slash + 1)) ? Number(text.slice(slash + 1)) : Number.NaN;
  if (!address || !(bits <= address.width)) return undefined;
  return cidrAt(address.value, bits, address.width);
}

/** The block with a prefix of `bits` bits around an address. */
export function cidrAt(address: bigint, bits: number, width: Cidr['width']): Cidr {
  const size = 1n << BigInt(width - bits);
  const first = (address / size) * size;
  return { width, address, bits, first, last: first + size - 1n };
}

/** An address as a number; undefined for anything else, also for addresses with a zone. */
export function parseAddress(text: string): { readonly value: bigint; readonly width: Cidr['width'] } | undefined {
  if (isIPv4(text)) return { value: joined(text.split('.').map(Number), 8n), width: 32 };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return { value: joined(groupsOf(text), 16n), width: 128 };
}

export function containsAddress({ width, first, last }: Cidr, text: string): boolean {
  const address = parseAddress(text);
  return address?.width === width && address.value >= first && address.value <= last;
}

/** Whether an address is a block's first or last one: the network's own and its broadcast address, which no endpoint can have. */
export function isEdge({ width, first, last }: Cidr, text: string): boolean {
  const address = parseAddress(text);
  return address?.width === width && (address.value === first || address.value === last);
}

export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return outer.width === inner.width && inner.first >= outer.first && inner.last <= outer.last;
}

export function overlap(a: Cidr, b: Cidr): boolean {
  return a.width === b.width && a.first <= b.last && b.first <= a.last;
}

/** IPv4 in dotted form with its prefix: `10.0.0.0/24`. Only for blocks of IPv4. */
export function formatCidr({ first, bits }: Cidr): string {
  return `${formatAddress(first)}/${bits}`;
}

/** An IPv4 address in dotted form. */
export function formatAddress(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function joined(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((value, part) => (value << bits) | BigInt(part), 0n);
}

/** The eight groups of an IPv6 address; its last two may be written as IPv4. */
function groupsOf(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return Number.parseInt(group, 16);
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
