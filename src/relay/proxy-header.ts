import { isIPv4, isIPv6 } from 'node:net';
import type { PROXY_PROTOCOLS } from '../common/labels.ts';

/** A version of HAProxy's PROXY protocol. */
export type ProxyVersion = (typeof PROXY_PROTOCOLS)[number];

/** The two ends of a client's connection. Addresses as Node tells them; IPv4 may be mapped into IPv6. */
export interface ConnectionEnds {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** The 12 bytes that every header of version 2 begins with. */
const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
/** Version 2, a connection made for a client. */
const PROXIED = 0x21;
/** Version 2, a connection of the proxy's own: the addresses are not known. */
const LOCAL = 0x20;
const TCP4 = 0x11;
const TCP6 = 0x21;

/**
 * The bytes by which a proxy says who its client is, before the client's own. HAProxy's PROXY protocol, as
 * https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt describes it in sections 2.1 and 2.2.
 */
export function proxyHeader(version: ProxyVersion, ends: ConnectionEnds): Buffer {
  const { remotePort = 0, localPort = 0 } = ends;
  const [from, to] = [bare(ends.remoteAddress), bare(ends.localAddress)];
  const isV4 = isIPv4(from) && isIPv4(to);
  const isKnown = isV4 || (isIPv6(from) && isIPv6(to));
  if (version === 'v1')
    return Buffer.from(
      isKnown ? `PROXY ${isV4 ? 'TCP4' : 'TCP6'} ${from} ${to} ${remotePort} ${localPort}\r\n` : 'PROXY UNKNOWN\r\n',
    );
  if (!isKnown) return Buffer.concat([SIGNATURE, Buffer.from([LOCAL, 0, 0, 0])]);
  const addresses = Buffer.concat([bytesOf(from), bytesOf(to), twoBytes(remotePort), twoBytes(localPort)]);
  return Buffer.concat([SIGNATURE, Buffer.from([PROXIED, isV4 ? TCP4 : TCP6]), twoBytes(addresses.length), addresses]);
}

/** Without the zone, and IPv4 as such. */
function bare(address: string = ''): string {
  return address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
}

function twoBytes(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function bytesOf(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = withHexTail(address).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.concat([...before, ...zeros, ...after].map((group) => twoBytes(Number.parseInt(group, 16))));
}

/** An address that ends in dotted numbers, with these as groups. */
function withHexTail(address: string): string {
  const match = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (!match) return address;
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(2).map(Number);
  return `${match[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
