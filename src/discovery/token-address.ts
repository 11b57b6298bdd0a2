import { DiscoveryError } from '../common/errors.ts';
import { isLoopback } from '../common/listen-address.ts';

/** Port of the token service unless told otherwise: next to the engine's 2375 and 2376. */
export const DEFAULT_TOKEN_SERVICE_PORT = 2374;

/** A cluster at a token service. */
export interface TokenAddress {
  /** Root of the service with its version and without a final slash: `https://host:port/v1`. */
  readonly serviceUrl: string;
  readonly token: string;
}

/** Where {@link tokenAddress} looks when the URI names no host, and how it picks the protocol. */
export interface TokenAddressOptions {
  /** Service to use for `token://TOKEN`, and how that host is spoken to when it is named; absent: the one on this host. */
  readonly defaultServiceUrl?: string | undefined;
  /** Plain HTTP to any host. */
  readonly insecure: boolean;
  /** HTTPS to loopback hosts too. */
  readonly tls: boolean;
}

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Reads what follows `token://`. `HOST[:PORT]/v1/TOKEN` is HTTPS as it always was, except that a loopback host is HTTP unless
 * `tls`, and so is the host of a default service that was given as `http://`; a `TOKEN` alone is at the default service. Throws a {@link DiscoveryError}.
 */
export function tokenAddress(rest: string, options: TokenAddressOptions): TokenAddress {
  const slash = rest.lastIndexOf('/');
  const token = rest.slice(slash + 1);
  if (!TOKEN.test(token)) {
    throw new DiscoveryError(
      `token://${redacted(rest)} has no token. Write token://HOST:PORT/v1/TOKEN with the token that "enxame create" printed`,
      'BAD_TOKEN_URI',
    );
  }
  if (slash === -1) return { serviceUrl: serviceUrl(options.defaultServiceUrl), token };
  const place = rest.slice(0, slash);
  const url = toUrl(`https://${place}`);
  const plain = options.insecure || (!options.tls && (isLoopback(url.hostname) || isDefaultPlain(url, options)));
  return { serviceUrl: serviceUrl(`${plain ? 'http' : 'https'}://${place}`), token };
}

/** Whether the same host and port were given as a plain `http://` service: there is one way to speak to it. */
function isDefaultPlain(url: URL, { defaultServiceUrl }: TokenAddressOptions): boolean {
  if (defaultServiceUrl === undefined || !URL.canParse(defaultServiceUrl)) return false;
  const given = new URL(defaultServiceUrl);
  return given.protocol === 'http:' && given.hostname === url.hostname && portOf(given) === portOf(url);
}

function portOf(url: URL): string {
  return url.port || (url.protocol === 'http:' ? '80' : '443');
}

/** The root of a token service given as a URL, `/v1` added when no path is there; absent: the service on this host. */
export function serviceUrl(text: string | undefined): string {
  const url = toUrl(text ?? `http://127.0.0.1:${DEFAULT_TOKEN_SERVICE_PORT}`);
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${path === '' ? '/v1' : path}`;
}

/** A token as it may appear in logs: its first characters only, since the whole token is enough to add engines. */
export function redacted(token: string): string {
  return token.replace(/[A-Za-z0-9_-]{12,}$/, (whole) => `${whole.slice(0, 6)}…`);
}

function toUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw bad(text, 'it is not an http or https URL');
  }
  if (url.username !== '' || url.search !== '' || url.hash !== '')
    throw bad(text, 'it may have a host, a port and a path only');
  return url;
}

function bad(text: string, why: string): DiscoveryError {
  return new DiscoveryError(
    `bad token service address "${redacted(text)}": ${why}. Write it like https://discovery.example.com:2374`,
    'BAD_SERVICE_URL',
  );
}
