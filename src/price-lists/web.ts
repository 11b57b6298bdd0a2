import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import { fetchWeb, type WebFetch } from '../common/web.ts';
import { PriceListError } from './errors.ts';

/** Bounds of what is read from a provider. */
export interface WebLimits {
  /** Of one answer of JSON, uncompressed. */
  readonly maxJsonBytes: number;
  /** Of one answer that is read line by line, uncompressed. AWS has some hundred megabytes for a region. */
  readonly maxLinesBytes: number;
  readonly maxLineChars: number;
  /** Of one list. */
  readonly maxPages: number;
}

export const WEB_LIMITS: WebLimits = {
  maxJsonBytes: 64 * 1024 * 1024,
  maxLinesBytes: 2 * 1024 * 1024 * 1024,
  maxLineChars: 64 * 1024,
  maxPages: 500,
};

export interface PriceWebDeps {
  readonly clock: Clock;
  readonly fetch?: WebFetch;
  readonly note: (text: string) => void;
}

/** Values of headers (RFC 9110, 5.5). */
const HEADER = /^[\t\x20-\x7e\x80-\xff]*$/;

type Headers = Readonly<Record<string, string>>;

/** For a provider that answers, but not now; and for one that does not answer. */
const ATTEMPTS = 6;
const UNANSWERED_ATTEMPTS = 3;
/** Until the head of an answer, and between two pieces of it. */
const SILENCE_MS = 30_000;
const LONGEST_PAUSE_MS = 120_000;
/** A person wonders from then on. */
const TOLD_PAUSE_MS = 5_000;

/**
 * Reads price lists over HTTP: bounded, patient with a provider that asks to slow down (429, 503 with `Retry-After`), never for long with
 * one that is silent. Failures are {@link PriceListError}s of one line.
 */
export class PriceWeb {
  readonly limits: WebLimits;
  readonly #clock: Clock;
  readonly #fetch: WebFetch;
  readonly #note: (text: string) => void;
  readonly #provider: string;
  readonly #signal: AbortSignal;

  /** @param provider as people call it, for messages */
  constructor(deps: PriceWebDeps, provider: string, signal: AbortSignal, limits: WebLimits = WEB_LIMITS) {
    this.#clock = deps.clock;
    this.#fetch = deps.fetch ?? fetchWeb;
    this.#note = deps.note;
    this.#provider = provider;
    this.#signal = signal;
    this.limits = limits;
  }

  /** What is at the URL, as JSON, with the headers of the answer. */
  async json(
    url: string,
    headers: Headers = {},
  ): Promise<{ readonly content: unknown; readonly headers: AnswerHeaders }> {
    return await this.#patiently(url, async (silence) => {
      const response = await this.#open(url, { accept: 'application/json', ...headers }, silence.signal);
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      for await (const piece of this.#pieces(response, silence)) {
        bytes += piece.length;
        if (bytes > this.limits.maxJsonBytes)
          throw this.#error(`an answer is larger than ${inMiB(this.limits.maxJsonBytes)}`);
        pieces.push(piece);
      }
      return { content: this.#parsed(Buffer.concat(pieces).toString(), url), headers: response.headers };
    });
  }

  /** Hands over the lines of what is at the URL. When the connection breaks, it begins anew: `begin` is called before the first line. */
  async lines(url: string, begin: () => void, take: (line: string) => void): Promise<void> {
    await this.#patiently(url, async (silence) => {
      const response = await this.#open(url, { accept: 'text/csv' }, silence.signal);
      begin();
      const decoder = new TextDecoder();
      let bytes = 0;
      let rest = '';
      for await (const piece of this.#pieces(response, silence)) {
        bytes += piece.length;
        if (bytes > this.limits.maxLinesBytes)
          throw this.#error(`a list is larger than ${inMiB(this.limits.maxLinesBytes)}`);
        const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > this.limits.maxLineChars) throw this.#error('a line of a list is too long');
        for (const line of lines) take(line.replace(/\r$/, ''));
      }
      if (rest !== '') take(rest);
    });
  }

  /** An error about the provider. */
  #error(problem: string, code?: string): PriceListError {
    return new PriceListError(this.#provider, problem, code);
  }

  async #patiently<T>(url: string, attempt: (silence: Silence) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      this.#signal.throwIfAborted();
      const silence = new Silence(this.#clock, this.#signal);
      try {
        return await attempt(silence);
      } catch (error) {
        this.#signal.throwIfAborted();
        if (error instanceof PriceListError) throw error;
        if (tries >= attemptsFor(error)) throw this.#explained(error, url);
        const pause = pauseMs(error, tries, this.#clock.now());
        if (pause >= TOLD_PAUSE_MS)
          this.#note(`${new URL(url).host} asks to slow down: going on in ${Math.ceil(pause / 1000)} s`);
        await this.#clock.sleep(pause, this.#signal);
      } finally {
        silence.end();
      }
    }
  }

  async #open(url: string, headers: Headers, signal: AbortSignal): Promise<Response> {
    this.#assertSafe(url, headers);
    // Elsewhere, credentials are not to be seen; `fetch` takes away only those headers that it knows.
    const redirect = Object.keys(headers).some((name) => name !== 'accept') ? 'manual' : 'follow';
    const response = (await this.#fetch(url, { headers, signal, redirect })) as unknown as Response;
    if (response.ok) return response;
    await response.body?.cancel().catch(() => undefined);
    throw new Refused(response.status, response.headers.get('retry-after'));
  }

  /** Refuses what `fetch` would refuse with words that have the credentials in them. */
  #assertSafe(url: string, headers: Headers): void {
    if (!URL.canParse(url))
      throw this.#error('the address of its list is no URL: it should be like https://mirror.example.org');
    const { username, password } = new URL(url);
    if (username !== '' || password !== '')
      throw this.#error('the address of its list has a user or a password: leave it out');
    if (Object.values(headers).some((value) => !HEADER.test(value.trim())))
      throw this.#error('the credentials have a line break, or another character that none has', 'BAD_CREDENTIALS');
  }

  async *#pieces(response: Response, silence: Silence): AsyncGenerator<Uint8Array, void, undefined> {
    if (response.body === null) return;
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      silence.heard();
      yield piece;
    }
  }

  #parsed(text: string, url: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#error(`${new URL(url).host} does not answer JSON. Is there a proxy in between?`);
    }
  }

  #explained(error: unknown, url: string): PriceListError {
    const { host } = new URL(url);
    if (!(error instanceof Refused)) {
      const cause = (error as Error).cause ?? error;
      return this.#error(
        `${host} does not answer: ${reasonOf(cause).replace(/\.$/, '')}. Check the network and try again`,
      );
    }
    const { status } = error;
    if (status >= 300 && status < 400)
      return this.#error(`${host} leads to another address (${status}), and credentials are not sent there`);
    if (status === 401 || status === 403)
      return this.#error(`${host} refuses the credentials (${status})`, 'BAD_CREDENTIALS');
    if (status === 429) return this.#error(`${host} asks to slow down: try again in some minutes`);
    if (status === 404) return this.#error(`${host} has no such list (404)`, 'NO_SUCH_LIST');
    return this.#error(`${host} answers ${status}: try again later`);
  }
}

type AnswerHeaders = { get(name: string): string | null };
type Response = Omit<Awaited<ReturnType<WebFetch>>, 'headers'> & { readonly headers: AnswerHeaders };

/** Ends a call whose other side is silent. */
class Silence {
  readonly signal: AbortSignal;
  readonly #timer;

  constructor(clock: Clock, signal: AbortSignal) {
    const silence = new AbortController();
    this.#timer = clock.timer(() => silence.abort(new Error(`silent for ${SILENCE_MS / 1000} s`)));
    this.#timer.start(SILENCE_MS);
    this.signal = AbortSignal.any([signal, silence.signal]);
  }

  heard(): void {
    this.#timer.start(SILENCE_MS);
  }

  end(): void {
    this.#timer.stop();
  }
}

/** An answer that is no success. */
class Refused extends Error {
  readonly status: number;
  readonly retryAfter: string | null;

  constructor(status: number, retryAfter: string | null) {
    super(`answer ${status}`);
    this.status = status;
    this.retryAfter = retryAfter;
  }

  get isPassing(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

function attemptsFor(error: unknown): number {
  if (!(error instanceof Refused)) return UNANSWERED_ATTEMPTS;
  return error.isPassing ? ATTEMPTS : 1;
}

/** `Retry-After` has seconds or a date (RFC 9110, 10.2.3). */
function pauseMs(error: unknown, tries: number, nowMs: number): number {
  const told = error instanceof Refused ? (error.retryAfter ?? '') : '';
  const seconds = /^\d+$/.test(told) ? Number(told) * 1000 : Date.parse(told) - nowMs;
  const asked = Number.isFinite(seconds) ? Math.max(0, seconds) : 500 * 2 ** tries;
  return Math.min(asked, LONGEST_PAUSE_MS);
}

function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MiB`;
}
