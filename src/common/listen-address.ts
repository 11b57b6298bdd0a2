import { isIP, isIPv6 } from 'node:net';
import { UsageError } from './errors.ts';
import { isWithin, subnets } from './subnets.ts';

/** A place to listen, as `-H` names it. `text` is its one spelling, for messages. */
export type ListenAddress =
  | {
      readonly kind: 'tcp';
      /** Absent: every address of this machine. IPv6 without brackets. */
      readonly host?: string;
      /** 0: any free port. */
      readonly port: number;
      readonly text: string;
    }
  | { readonly kind: 'unix'; readonly path: string; readonly text: string };

/** Reads `tcp://host:port`, `host:port`, `:port` or `unix:///path`. Throws a {@link UsageError} of one clear line. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  const scheme = match?.[1]?.toLowerCase() ?? 'tcp';
  const rest = match === null ? text : (match[2] ?? '');
  if (scheme === 'unix') return unixAddress(rest, text);
  if (scheme === 'tcp') return tcpAddress(rest.replace(/\/$/, ''), text);
  if (scheme === 'fd') throw bad(text, 'sockets handed over by systemd (fd://) are not supported');
  throw bad(text, `"${scheme}" is not something to listen on`);
}

const LOOPBACK = subnets('127.0.0.0/8', '::1/128');
// Besides RFC 1918 and RFC 4193: addresses of carriers (RFC 6598), which VPNs between hosts use.
const PRIVATE = subnets('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7');

/** Whether only this machine can reach `host`; an absent host means every address, so it is not. */
export function isLoopback(host: string | undefined): boolean {
  if (host === undefined) return false;
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || (isIP(bare) !== 0 && isWithin(LOOPBACK, bare));
}

/** Where the way to a host leads: within this machine, through a private network, or over the Internet, as to every name. */
export function privacyOf(host: string): 'loopback' | 'private' | 'public' {
  if (isLoopback(host)) return 'loopback';
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) !== 0 && isWithin(PRIVATE, bare) ? 'private' : 'public';
}

function unixAddress(path: string, text: string): ListenAddress {
  if (!path.startsWith('/') || path === '/') throw bad(text, 'the path must be absolute');
  // sockaddr_un holds 108 bytes with the closing zero; a longer path would be cut silently.
  if (Buffer.byteLength(path) > 107) throw bad(text, 'a socket path has at most 107 bytes');
  return { kind: 'unix', path, text: `unix://${path}` };
}

function tcpAddress(rest: string, text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(rest);
  if (match === null)
    throw bad(
      text,
      isIPv6(rest) ? 'an IPv6 address goes in brackets and needs a port' : 'the port is missing or not a number',
    );
  const [, inBrackets, plain, portText] = match;
  if (inBrackets !== undefined && !isIPv6(inBrackets)) throw bad(text, `"[${inBrackets}]" is not an IPv6 address`);
  const port = Number(portText);
  if (port > 65_535) throw bad(text, `"${portText}" is not a port`);
  const host = inBrackets ?? plain ?? '';
  if (host === '') return { kind: 'tcp', port, text: `tcp://:${port}` };
  if (/[^\w.:%-]/.test(host)) throw bad(text, `"${host}" is not a host name or an IP address`);
  return { kind: 'tcp', host, port, text: `tcp://${host.includes(':') ? `[${host}]` : host}:${port}` };
}

function bad(text: string, why: string): UsageError {
  return new UsageError(
    `cannot listen on "${text}": ${why}. Write tcp://127.0.0.1:2375 or unix:///run/enxame.sock`,
    'BAD_LISTEN_ADDRESS',
  );
}
