import { createHmac } from 'node:crypto';
import type { Clock } from '../common/clock.ts';
import { UsageError } from '../common/errors.ts';
import { fetchWeb, type WebFetch } from '../common/web.ts';
import { RefusedDelivery, type Target } from './target.ts';

/** Bound on one request, in milliseconds. */
const REQUEST_MS = 10_000;

/** Statuses after which the same request may be taken later. */
const PASSING = new Set([408, 425, 429]);

export interface WebTargetOptions {
  /** `http:` or `https:`; a user and a password in it become an `Authorization` header. */
  readonly url: string;
  /** Key of the signature; without one, requests are not signed. */
  readonly secret?: string | undefined;
}

/**
 * A POST of a JSON object to a URL. With a secret it is signed as Stripe signs its webhooks: `Enxame-Signature: t=<seconds>,v1=<hex>`,
 * the HMAC-SHA256 of `<seconds>.<body>`, so that a receiver can refuse what is forged or old.
 */
export class WebTarget implements Target {
  readonly name: string;
  readonly #clock: Clock;
  readonly #fetch: WebFetch;
  readonly #url: URL;
  readonly #secret: string | undefined;
  readonly #authorization: string | undefined;

  /** Throws a `UsageError` for a URL that nothing can be posted to. */
  constructor(
    { clock, fetch = fetchWeb }: { readonly clock: Clock; readonly fetch?: WebFetch },
    options: WebTargetOptions,
  ) {
    const url = readUrl(options.url);
    const { username, password } = url;
    url.username = '';
    url.password = '';
    this.name = `${url.origin}${url.pathname}`;
    this.#clock = clock;
    this.#fetch = fetch;
    this.#url = url;
    this.#secret = options.secret;
    this.#authorization = username === '' ? undefined : basic(decoded(username), decoded(password));
  }

  async deliver(text: string, id: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#fetch(this.#url, {
      method: 'POST',
      body: text,
      redirect: 'manual',
      headers: {
        'Content-Type': 'application/json',
        'Enxame-Delivery': id,
        ...(this.#authorization === undefined ? {} : { Authorization: this.#authorization }),
        ...this.#signature(text),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
    });
    await answer.body?.cancel();
    const { status } = answer;
    if (status >= 200 && status < 300) return;
    const said = `it answered ${status}`;
    throw status < 500 && !PASSING.has(status) ? new RefusedDelivery(said) : new Error(said);
  }

  #signature(text: string): Readonly<Record<string, string>> {
    if (this.#secret === undefined) return {};
    const seconds = Math.floor(this.#clock.now() / 1000);
    const digest = createHmac('sha256', this.#secret).update(`${seconds}.${text}`).digest('hex');
    return { 'Enxame-Signature': `t=${seconds},v1=${digest}` };
  }
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`--notify should be an http:// or https:// URL, not "${text.replace(/\/\/[^/@]*@/, '//')}"`);
  return url;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError('--notify: the user or the password in the URL has a % that stands for nothing: write it %25');
  }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
