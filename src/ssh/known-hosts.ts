import { createHash, createHmac } from 'node:crypto';

/** One line of a known_hosts file (`sshd(8)`, "SSH_KNOWN_HOSTS FILE FORMAT"). */
export interface KnownHost {
  readonly marker: 'cert-authority' | 'revoked' | undefined;
  /** The first field: a comma-separated list of patterns, or one hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  /** The public key as it is on the wire. */
  readonly key: Buffer;
  /** `file:line`, for messages. */
  readonly where: string;
}

/** What known_hosts says about a key that a host shows. */
export type HostKeyVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'changed' | 'revoked'; readonly where: string };

/** Reads a known_hosts file; lines that cannot be read are skipped, as ssh does. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split('\n').flatMap((line, index) => parseLine(line.trim(), `${file}:${index + 1}`) ?? []);
}

function parseLine(line: string, where: string): KnownHost | undefined {
  if (line === '' || line.startsWith('#')) return undefined;
  const match = /^(?:@(cert-authority|revoked)\s+)?(\S+)\s+(\S+)\s+([A-Za-z0-9+/]+=*)(?:\s|$)/.exec(line);
  if (!match) return undefined;
  const [, marker, hosts = '', keyType = '', base64 = ''] = match;
  return { marker: marker as KnownHost['marker'], hosts, keyType, key: Buffer.from(base64, 'base64'), where };
}

/** The name under which a host is looked up: with its port in brackets unless that is 22. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** Judges the key a host shows. A key of a type that the file does not have for this host is unknown, not changed. */
export function judgeHostKey(known: readonly KnownHost[], name: string, key: Buffer): HostKeyVerdict {
  const lines = known.filter((line) => line.marker !== 'cert-authority' && matchesHost(line.hosts, name));
  const revoked = lines.find((line) => line.marker === 'revoked' && line.key.equals(key));
  if (revoked) return { kind: 'revoked', where: revoked.where };
  const trusted = lines.filter((line) => line.marker === undefined);
  if (trusted.some((line) => line.key.equals(key))) return { kind: 'known' };
  const other = trusted.find((line) => line.keyType === keyTypeOf(key));
  return other ? { kind: 'changed', where: other.where } : { kind: 'unknown' };
}

/** The key types known for a host, so that the server is asked for one that can be checked. */
export function knownKeyTypes(known: readonly KnownHost[], name: string): string[] {
  const lines = known.filter((line) => line.marker === undefined && matchesHost(line.hosts, name));
  return [...new Set(lines.map((line) => line.keyType))];
}

/** `SHA256:…` as ssh shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type a public key names itself: the first length-prefixed string (RFC 4253, 6.6). */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return '';
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

function matchesHost(hosts: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts);
  if (hashed) {
    const salt = Buffer.from(hashed[1] ?? '', 'base64');
    return createHmac('sha1', salt).update(name).digest('base64') === hashed[2];
  }
  return matchesPatterns(hosts.toLowerCase().split(','), name);
}

/** Patterns with `*` and `?`; one that is negated with `!` and matches excludes the name whatever else matches. */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  let isMatched = false;
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith('!');
    if (!matchesGlob(isNegated ? pattern.slice(1) : pattern, name)) continue;
    if (isNegated) return false;
    isMatched = true;
  }
  return isMatched;
}

function matchesGlob(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}
