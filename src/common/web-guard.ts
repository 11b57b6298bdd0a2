import type { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { ClusterError } from './errors.ts';
import type { ListenAddress } from './listen-address.ts';

/** A web page, or a name that a web page made us of, asked (403). */
export class WebPageError extends ClusterError {
  constructor(message: string) {
    super(message, { code: 'WEB_PAGE', status: 403 });
  }
}

/**
 * Refuses what a browser sends for a page of another site: an `Origin` that is not the host asked for, or a `Sec-Fetch-Site` that
 * says so (Fetch Metadata). Other clients send neither.
 */
export function refuseForeignPages(headers: IncomingHttpHeaders): void {
  const { origin } = headers;
  if (origin !== undefined && !isOf(origin, headers.host)) {
    throw new WebPageError(`web pages of ${shown(origin)} may not use this API`);
  }
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'none' && site !== 'same-origin') {
    throw new WebPageError('web pages of other sites may not use this API');
  }
}

function isOf(origin: string, host: string | undefined): boolean {
  return host !== undefined && /^https?:\/\/(.*)$/is.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase();
}

/** What the docker CLI calls an engine behind a socket or SSH, which may end at a TCP listener; reserved by RFC 2606. */
const MADE_UP = 'docker.example.com';

/**
 * The check of a listener that asks its clients for no credentials: whether a `Host` header can be meant for this machine. A page can
 * ask for any name of its own site and then make that name point here (DNS rebinding). It cannot do so with an address, with a name
 * of ours, and with one without a dot, which does not exist in public (and which a cluster's own network gives, and old clients make up).
 * `allowed` is undefined where no flag allows more; `certificate` is the listener's own, whose names are ours too.
 */
export function hostGuard(
  address: ListenAddress,
  allowed: readonly string[] | undefined,
  certificate?: X509Certificate | undefined,
): (host: string | undefined) => void {
  const own = address.kind === 'tcp' ? address.host : undefined;
  const names = new Set([own ?? '', hostname(), MADE_UP, ...(allowed ?? [])].map(normal));
  let last: string | undefined;
  return (host) => {
    // Scripts leave it out, browsers never do. Most requests name what the one before did.
    if (host === undefined || host === last) return;
    const name = normal(host.replace(/:\d*$/, ''));
    const isOurs = isAddress(name) || !name.includes('.') || name.endsWith('.localhost') || names.has(name);
    if (!isOurs && !certificate?.checkHost(name)) {
      const next = allowed === undefined ? '' : `, or start it with --allow-host ${shown(name)}`;
      throw new WebPageError(`${shown(host)} is not a name of this listener. Use an address${next}`);
    }
    last = host;
  };
}

function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100)).slice(1, -1);
}
