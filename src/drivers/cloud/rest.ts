import type { Clock } from '../../common/clock.ts';
import { reasonOf } from '../../common/errors.ts';
import { printable } from '../../common/printable.ts';
import { fetchWeb, type WebFetch } from '../../common/web.ts';
import { DriverError } from '../errors.ts';

/** An answer of a REST API that is no success. */
export class RestError extends Error {
  readonly status: number;
  /** The provider's own word: `uniqueness_error`. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'RestError';
    this.status = status;
    this.code = code;
  }
}

/** An answer that is a success. */
export interface RestAnswer<T> {
  readonly content: T;
  readonly headers: { get(name: string): string | null };
}

/** What a {@link RestClient} has to know of a provider. */
export interface RestApi {
  /** As people call it: `Hetzner Cloud`. */
  readonly provider: string;
  /** Without a slash at the end. */
  readonly baseUrl: string;
  /** Where a path is, for providers that tell it when one signs in; default: below `baseUrl`. */
  readonly locate?: (path: string, signal: AbortSignal) => Promise<string>;
  /** Credentials; asked for with every request, as they may expire. */
  readonly headers: (path: string, signal: AbortSignal) => Promise<Readonly<Record<string, string>>>;
  /** Called once for a request that is answered with 401: true when `headers` has other credentials now, to try again with. */
  readonly renew?: () => boolean;
  /** For certificates of other authorities. */
  readonly fetch?: WebFetch;
  /** Finds code and message in an error answer's body. */
  readonly readError: (body: unknown) => { readonly code?: string | undefined; readonly message?: string | undefined };
  /** Whether the provider asks to try again a little later, besides 429. */
  readonly isBusy?: (error: RestError) => boolean;
  /** What the person can do about an error. */
  readonly nextStep: (error: RestError) => { readonly code: string; readonly text: string } | undefined;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const ATTEMPTS = 8;
const REQUEST_TIMEOUT_MS = 60_000;
const LONGEST_PAUSE_MS = 60_000;
/** A service that has not answered once is not waited for like one that was busy or away for a moment. */
const FIRST_ANSWER_WITHIN_MS = 15_000;

/**
 * A JSON API over HTTPS. Repeats what is safe to repeat: anything the provider refused for being busy, and after a lost
 * connection or a failure on its side everything but POST. Failures are {@link DriverError}s of one line with the
 * {@link RestError}, if there was an answer, as cause.
 */
export class RestClient {
  readonly #api: RestApi;
  readonly #clock: Clock;
  #hasAnswered = false;

  constructor(api: RestApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** The answer's body; undefined when it is empty. A `body` that is a text or bytes is sent as it is, all else as JSON. */
  async send<T>(method: Method, path: string, body: unknown, signal: AbortSignal): Promise<T> {
    return (await this.exchange<T>(method, path, body, signal)).content;
  }

  /** Like {@link send}, with the answer's headers. */
  async exchange<T>(method: Method, path: string, body: unknown, signal: AbortSignal): Promise<RestAnswer<T>> {
    const firstUntil = this.#clock.now() + FIRST_ANSWER_WITHIN_MS;
    let isRenewed = false;
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      const url = await this.#urlOf(path, signal);
      try {
        return await this.#once<T>(method, { url, path }, body, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isRenewed && isUnauthorized(error) && this.#api.renew?.()) {
          isRenewed = true;
          continue;
        }
        if (attempt >= ATTEMPTS || !this.#isWorthRepeating(method, error)) throw this.#explained(error, url);
        const pause = pauseMs(error, attempt);
        if (!this.#hasAnswered && this.#clock.now() + pause >= firstUntil) throw this.#explained(error, url);
        await this.#clock.sleep(pause, signal);
      }
    }
  }

  get<T>(path: string, signal: AbortSignal): Promise<T> {
    return this.send<T>('GET', path, undefined, signal);
  }

  /** Like {@link get}; undefined when there is no such thing. */
  async find<T>(path: string, signal: AbortSignal): Promise<T | undefined> {
    return await this.get<T>(path, signal).catch((error: unknown) => {
      if (statusOf(error) === 404) return undefined;
      throw error;
    });
  }

  /** Deletes; false when there was no such thing. */
  async remove(path: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.send('DELETE', path, undefined, signal);
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }

  async #urlOf(path: string, signal: AbortSignal): Promise<string> {
    const url = path.startsWith('/')
      ? ((await this.#api.locate?.(path, signal)) ?? `${this.#api.baseUrl}${path}`)
      : path;
    assertUrl(this.#api.provider, url);
    return url;
  }

  async #once<T>(
    method: Method,
    { url, path }: { readonly url: string; readonly path: string },
    body: unknown,
    signal: AbortSignal,
  ): Promise<RestAnswer<T>> {
    const headers = { accept: 'application/json', ...(await this.#api.headers(path, signal)) };
    assertSendable(this.#api.provider, headers);
    const response = await (this.#api.fetch ?? fetchWeb)(url, {
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': typeOf(body) },
      body: body === undefined ? null : isPlain(body) ? body : JSON.stringify(body),
      signal: AbortSignal.any([
        signal,
        AbortSignal.timeout(this.#hasAnswered ? REQUEST_TIMEOUT_MS : FIRST_ANSWER_WITHIN_MS),
      ]),
    });
    this.#hasAnswered = true;
    const text = await response.text();
    const content = parsed(text);
    // Of a change it counts that it was made: what comes back may be any text.
    if (response.ok && method === 'GET' && content === undefined)
      throw notJson(this.#api.provider, url, response.headers.get('content-type'));
    if (response.ok) return { content: content as T, headers: response.headers };
    const { code = String(response.status), message = text.slice(0, 200) || response.statusText } =
      this.#api.readError(content);
    throw new Refused(new RestError(response.status, code, message), response.headers.get('retry-after'));
  }

  #isWorthRepeating(method: Method, error: unknown): boolean {
    if (error instanceof DriverError) return false;
    if (!(error instanceof Refused)) return method !== 'POST' && !isDistrust(error);
    const { answer } = error;
    if (answer.status === 429 || this.#api.isBusy?.(answer)) return true;
    return answer.status >= 500 && method !== 'POST';
  }

  #explained(error: unknown, url: string): DriverError {
    const { provider, nextStep } = this.#api;
    if (error instanceof DriverError) return error;
    if (!(error instanceof Refused)) {
      const reason = reasonOf((error as Error).cause ?? error).replace(/\.$/, '');
      if (isDistrust(error)) return distrusted(`${provider} at ${new URL(url).host}`, reason, error);
      const text = `${provider} at ${new URL(url).host} does not answer: ${reason}. Check the network and try again`;
      return new DriverError(text, 'UNREACHABLE', error);
    }
    const { answer } = error;
    const step = answer.status === 429 ? THROTTLED : nextStep(answer);
    const reason = answer.message.replace(/\s+/g, ' ').trim();
    const text = `${provider}: ${reason}${/[.!?]$/.test(reason) ? '' : '.'}`;
    return new DriverError(`${text} ${step?.text ?? `(${answer.code})`}`, step?.code ?? 'DRIVER', answer);
  }
}

/** Whether the endpoint showed a certificate that Node does not trust: codes of OpenSSL and of Node's own look at the name. */
function isDistrust(error: unknown): boolean {
  const { code = '' } = ((error as Error).cause ?? error) as { readonly code?: string };
  return /^(CERT_|ERR_TLS_CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(VERIFY|GET_ISSUER))/.test(code);
}

function distrusted(endpoint: string, reason: string, cause: unknown): DriverError {
  const advice = "Check the URL, or name the file with its authority's certificate in NODE_EXTRA_CA_CERTS";
  return new DriverError(
    `${endpoint} shows a certificate that is not trusted: ${reason}. ${advice}`,
    'UNTRUSTED',
    cause,
  );
}

const THROTTLED = { code: 'THROTTLED', text: 'It asks to slow down: try again in a few minutes' };

/** HTTP status of the answer behind an error of a {@link RestClient}; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return answerOf(error)?.status;
}

/** The provider's word for an error of a {@link RestClient}. */
export function codeOf(error: unknown): string | undefined {
  return answerOf(error)?.code;
}

/** Whether the provider surely did nothing: it answered, and it was not its own failure. */
export function isRestRefusal(error: unknown): boolean {
  const status = statusOf(error);
  return status !== undefined && status >= 400 && status < 500;
}

function answerOf(error: unknown): RestError | undefined {
  const origin = error instanceof DriverError ? error.cause : error;
  return origin instanceof RestError ? origin : undefined;
}

/** An answer with what it says of when to come back. */
class Refused extends Error {
  readonly answer: RestError;
  readonly retryAfter: string | null;

  constructor(answer: RestError, retryAfter: string | null) {
    super(answer.message);
    this.answer = answer;
    this.retryAfter = retryAfter;
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof Refused && error.answer.status === 401;
}

function pauseMs(error: unknown, attempt: number): number {
  const seconds = error instanceof Refused ? Number(error.retryAfter ?? Number.NaN) : Number.NaN;
  const asked = Number.isFinite(seconds) ? seconds * 1_000 : 1_000 * 2 ** (attempt - 1);
  return Math.min(asked, LONGEST_PAUSE_MS);
}

/** Throws what is said of an address that cannot be one; it is not shown where it may have a password in it. */
function assertUrl(provider: string, url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isWeb = parsed?.protocol === 'http:' || parsed?.protocol === 'https:';
  if (isWeb && parsed.username === '' && parsed.password === '') return;
  const problem = isWeb ? 'has a user or password in it, which belong elsewhere' : 'is no URL like https://HOST/PATH';
  throw new DriverError(`the address of ${provider}'s API ${problem}. Check the flag or variable`, 'BAD_OPTIONS');
}

/** Throws for what HTTP cannot carry. Without the value, as that is a secret. */
function assertSendable(provider: string, headers: Readonly<Record<string, string>>): void {
  if (Object.values(headers).every((value) => /^[\t\x20-\x7e]*$/.test(value.trim()))) return;
  throw new DriverError(
    `the credentials for ${provider} have a line break or a character beyond ASCII in them. Copy them again`,
    'BAD_CREDENTIALS',
  );
}

function notJson(provider: string, url: string, type: string | null): DriverError {
  const kind = type === null ? '' : ` but ${printable(type)}`;
  return new DriverError(
    `${provider} at ${new URL(url).host} does not answer JSON${kind}. Check the address of the API, and the proxy if there is one`,
    'BAD_OPTIONS',
  );
}

function typeOf(body: unknown): string {
  return isPlain(body) ? 'text/plain' : 'application/json';
}

function isPlain(body: unknown): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array;
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
