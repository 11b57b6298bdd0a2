import { EnvHttpProxyAgent, type RequestInit, type Response, fetch as undiciFetch } from 'undici';

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a server's certificate is checked with. */
export interface Trust {
  /** PEM text of authorities, instead of those that Node knows. */
  readonly ca?: string;
  /** False: not at all. */
  readonly rejectUnauthorized?: boolean;
}

/** A `fetch` for the web. */
export type WebFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Names of this machine, for which no proxy is asked: as Go's programs do, `docker` among them. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * A `fetch` for the web, by way of the proxies that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (or in small letters) name. Node's own
 * is undici as well, but of another version in each Node, and looks at these variables in the newer ones only, when told to.
 */
export function webFetch(env: Environment, trust: Trust = {}): WebFetch {
  const httpProxy = env.http_proxy ?? env.HTTP_PROXY ?? '';
  const httpsProxy = env.https_proxy ?? env.HTTPS_PROXY ?? '';
  const dispatcher = new EnvHttpProxyAgent({
    ...{ httpProxy, httpsProxy, noProxy: noProxyOf(env) },
    // Of the server itself: without a proxy, and behind one.
    ...{ connect: trust, requestTls: trust },
  });
  return (url, init) => undiciFetch(url, { ...init, dispatcher });
}

/** `fetch` with the environment of this process. Rejects with a TypeError whose `cause` says what failed, and with the signal's reason. */
export function fetchWeb(url: string | URL, init?: RequestInit): Promise<Response> {
  fetchHere ??= webFetch(process.env);
  return fetchHere(url, init);
}

let fetchHere: WebFetch | undefined;

function noProxyOf(env: Environment): string {
  const named = env.no_proxy ?? env.NO_PROXY ?? '';
  return named.trim() === '*' ? '*' : [named, ...LOOPBACK].join(',');
}
