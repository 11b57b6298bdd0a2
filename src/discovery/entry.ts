import { isIP, isIPv6, type LookupFunction } from 'node:net';
import { DiscoveryError } from '../common/errors.ts';
import { isLoopback } from '../common/listen-address.ts';
import { isPrintable, printable } from '../common/printable.ts';
import { expandRanges } from './range.ts';

/** What an entry carries that others may have written: any holder of a token, any writer of a store. */
interface Shared {
  /** Names are resolved with this, which refuses those that stand for no host others can reach. */
  readonly lookup?: LookupFunction;
}

/** An engine reached over TCP; `auto` (a bare `host:port`) is TLS when the manager has client certificates, else plain. */
interface TcpEntry extends Shared {
  readonly scheme: 'auto' | 'tcp' | 'tls';
  /** Host name in lower case or IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** The one spelling of this entry: what is stored, compared and printed. */
  readonly canonical: string;
}

/** An engine reached through SSH. */
export interface SshEntry {
  readonly scheme: 'ssh';
  /** Absent: the user of the manager's own SSH configuration. */
  readonly user?: string;
  readonly host: string;
  readonly port: number;
  readonly canonical: string;
}

/** An engine on this machine. */
interface UnixEntry {
  readonly scheme: 'unix';
  readonly path: string;
  readonly canonical: string;
}

/** An engine whose agent dials the manager. */
interface AgentEntry {
  readonly scheme: 'agent';
  /** The name in the agent's certificate, in lower case: what the agent is known by. */
  readonly host: string;
  readonly canonical: string;
}

/** Where one engine is: what discovery backends store and find. Equal engines have equal `canonical`. */
export type Entry = TcpEntry | SshEntry | UnixEntry | AgentEntry;

const FORMS = 'host:port, tcp://host:port, tls://host:port, ssh://[user@]host[:port], agent://name or unix:///path';
const MAX_LENGTH = 512;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
const ONLY_DIGITS_AND_DOTS = /^[\d.]+$/;
const USER = /^[a-z0-9_][a-z0-9_.$-]{0,63}$/i;

/** Reads one entry without ranges. Throws a {@link DiscoveryError} of one clear line. */
export function parseEntry(text: string): Entry {
  assertLength(text);
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  if (match === null) return tcpEntry('auto', text, text);
  const scheme = (match[1] ?? '').toLowerCase();
  const rest = match[2] ?? '';
  if (scheme === 'tcp' || scheme === 'tls') return tcpEntry(scheme, rest.replace(/\/$/, ''), text);
  if (scheme === 'ssh') return sshEntry(rest.replace(/\/$/, ''), text);
  if (scheme === 'agent') return agentEntry(rest.replace(/\/$/, ''), text);
  if (scheme === 'unix') return unixEntry(rest, text);
  throw bad(text, `"${scheme}" is not a way to reach an engine`);
}

/** Reads one text that may contain ranges; duplicates are dropped, order is kept. Throws as {@link parseEntry} does. */
export function parseEntries(text: string): readonly Entry[] {
  assertLength(text);
  return uniqueEntries(expandRanges(text).map(parseEntry));
}

/** The entries without repetitions of the same engine; the first stays. */
export function uniqueEntries(entries: Iterable<Entry>): readonly Entry[] {
  const seen = new Map<string, Entry>();
  for (const entry of entries) {
    if (!seen.has(entry.canonical)) seen.set(entry.canonical, entry);
  }
  return [...seen.values()];
}

/** Whether two lists name the same engines, in whatever order. */
export function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  if (a.length !== b.length) return false;
  const names = new Set(a.map((entry) => entry.canonical));
  return b.every((entry) => names.has(entry.canonical));
}

function assertLength(text: string): void {
  if (text.length > MAX_LENGTH) throw bad(`${text.slice(0, 40)}…`, `it is longer than ${MAX_LENGTH} characters`);
}

function tcpEntry(scheme: TcpEntry['scheme'], address: string, text: string): TcpEntry {
  const { host, port } = splitHostPort(address, text);
  if (port === undefined) throw bad(text, 'the port is missing');
  const prefix = scheme === 'auto' ? '' : `${scheme}://`;
  return { scheme, host, port, canonical: `${prefix}${bracketed(host)}:${port}` };
}

function sshEntry(rest: string, text: string): SshEntry {
  const at = rest.lastIndexOf('@');
  const user = at === -1 ? undefined : rest.slice(0, at);
  if (user?.includes(':')) throw bad(text, 'a password does not belong in an entry; use a key or the SSH agent');
  if (user !== undefined && !USER.test(user)) throw bad(text, `"${user}" is not a user name`);
  const { host, port = 22 } = splitHostPort(rest.slice(at + 1), text);
  const address = `${user === undefined ? '' : `${user}@`}${bracketed(host)}${port === 22 ? '' : `:${port}`}`;
  return { scheme: 'ssh', ...(user === undefined ? {} : { user }), host, port, canonical: `ssh://${address}` };
}

function agentEntry(rest: string, text: string): AgentEntry {
  const { host, port } = splitHostPort(rest, text);
  if (port !== undefined) throw bad(text, 'an agent has a name and no port: it dials the manager');
  if (isLoopback(host) || host.endsWith('.localhost')) throw bad(text, 'every host calls itself that');
  return { scheme: 'agent', host, canonical: `agent://${bracketed(host)}` };
}

function unixEntry(path: string, text: string): UnixEntry {
  if (!path.startsWith('/') || path === '/')
    throw bad(text, 'the path must be absolute, as in unix:///var/run/docker.sock');
  if (!isPrintable(path)) throw bad(text, 'the path has control or invisible characters');
  return { scheme: 'unix', path, canonical: `unix://${path}` };
}

function splitHostPort(address: string, text: string): { readonly host: string; readonly port?: number } {
  if (isIPv6(address)) throw bad(text, 'an IPv6 address goes in brackets, as in [::1]:2376');
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(.*))?$/s.exec(address);
  if (match === null) throw bad(text, 'it is not a host and a port');
  const [, inBrackets, plain = '', portText] = match;
  const host = inBrackets === undefined ? hostName(plain, text) : ipv6(inBrackets, text);
  return portText === undefined ? { host } : { host, port: portNumber(portText, text) };
}

function hostName(host: string, text: string): string {
  if (host === '') throw bad(text, 'the host is missing');
  if (isIP(host) !== 0) return host;
  if (ONLY_DIGITS_AND_DOTS.test(host)) throw bad(text, `"${host}" is not an IP address`);
  if (!HOST_NAME.test(host)) throw bad(text, `"${host}" is not a host name or an IP address`);
  return host.toLowerCase();
}

function ipv6(address: string, text: string): string {
  if (!isIPv6(address)) throw bad(text, `"[${address}]" is not an IPv6 address`);
  const [bare = '', zone] = address.split('%');
  // The URL parser knows the one short spelling of RFC 5952.
  const short = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  return zone === undefined ? short : `${short}%${zone}`;
}

function portNumber(portText: string, text: string): number {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port >= 1 && port <= 65_535)) throw bad(text, `"${portText}" is not a port (1 to 65535)`);
  return port;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function bad(text: string, why: string): DiscoveryError {
  const line = `bad entry "${text}": ${why}. An entry is ${FORMS}`;
  return new DiscoveryError(printable(line), 'BAD_ENTRY');
}
