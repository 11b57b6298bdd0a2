import { Agent, type Dispatcher, request } from 'undici';
import { abortedOf, onAbort, sharedStop } from '../common/abort.ts';
import { type ClusterError, reasonOf } from '../common/errors.ts';
import { printable } from '../common/printable.ts';
import { connectFailure } from './connect-failures.ts';
import { codeOf, storeClosed, storeError } from './shared/store-errors.ts';
import { type StoreAddress, serverText } from './store-address.ts';

/** How long one server may take for one call: less than etcd's own five seconds, for another one may do it meanwhile. */
const ANSWER_MS = 3_000;
const CONNECT_MS = 2_000;
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;
const MOST_CONNECTIONS = 32;

export interface StoreCall {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** May be made twice without harm: a read, or what comes to the same. */
  readonly isRepeatable: boolean;
  readonly signal?: AbortSignal | undefined;
  /** How much later than usual the answer may come, in milliseconds. */
  readonly waitMs?: number;
}

export interface StoreAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What an answer means for the call. */
export type Verdict =
  /** It is the answer, whatever it says. */
  | 'final'
  /** This server cannot, another one may; nothing was done. */
  | 'elsewhere'
  /** This server cannot, and may have done it. */
  | 'unknown';

/** The servers of a store that speaks HTTP. Calls go to the one that answered last, and to the next ones when it fails. */
export class HttpServers {
  readonly #name: string;
  readonly #urls: readonly string[];
  readonly #agent: Agent;
  readonly #stop = sharedStop();
  readonly #judge: (answer: StoreAnswer) => Verdict;
  #current = 0;

  /** `name` is what messages call the store. */
  constructor(name: string, { servers, tls }: StoreAddress, judge: (answer: StoreAnswer) => Verdict) {
    this.#name = name;
    this.#judge = judge;
    this.#urls = servers.map((server) => `${tls ? 'https' : 'http'}://${serverText(server)}`);
    this.#agent = new Agent({
      connections: MOST_CONNECTIONS,
      connect: { timeout: CONNECT_MS, keepAliveInitialDelay: 5_000, ...tls },
    });
  }

  /**
   * Makes a call. Rejects with `STORE_UNAVAILABLE` when no server did it, `OUTCOME_UNKNOWN` when one may have done what is not
   * repeatable, `STORE_TLS`, and the signal's reason.
   */
  async call(call: StoreCall): Promise<StoreAnswer> {
    let failure: unknown;
    for (let tried = 0; tried < this.#urls.length; tried++) {
      this.#assertOpen(call.signal);
      const place = this.#current;
      try {
        const answer = await this.#ask(this.#urls[place] ?? '', call);
        const verdict = this.#judge(answer);
        if (verdict === 'final') return answer;
        failure = storeError('STORE_UNAVAILABLE', `${this.#name} at ${this.#urls[place]} answered: ${saying(answer)}`);
        if (verdict === 'unknown' && !call.isRepeatable) throw outcomeUnknown(failure);
      } catch (error) {
        this.#assertOpen(call.signal);
        if (codeOf(error) === 'OUTCOME_UNKNOWN') {
          this.#leave(place);
          throw error;
        }
        failure = this.#failureOf(this.#urls[place] ?? '', error);
        if (!call.isRepeatable && !wasNotSent(error)) {
          this.#leave(place);
          throw outcomeUnknown(failure);
        }
      }
      this.#leave(place);
    }
    throw failure;
  }

  /** The lines of an answer that goes on, from the current server. Ends when `signal` is aborted or the connection does. */
  async *lines(call: Omit<StoreCall, 'isRepeatable'>): AsyncGenerator<string, void, void> {
    const place = this.#current;
    const { signal, forget } = this.#ended(call.signal);
    try {
      const { body } = await this.#send(this.#urls[place] ?? '', { ...call, isRepeatable: true, signal }, 0);
      let rest = '';
      body.setEncoding('utf8');
      for await (const chunk of body as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MOST_ANSWER_BYTES) throw storeError('STORE_UNAVAILABLE', 'the answer is too long');
        yield* lines;
      }
      if (rest !== '') yield rest;
    } catch (error) {
      this.#assertOpen(undefined);
      if (call.signal?.aborted) return;
      this.#leave(place);
      throw this.#failureOf(this.#urls[place] ?? '', error);
    } finally {
      forget();
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(storeClosed());
    await this.#agent.destroy();
  }

  #assertOpen(signal: AbortSignal | undefined): void {
    this.#stop.signal.throwIfAborted();
    signal?.throwIfAborted();
  }

  /** Goes on with the next server, unless another call did already. */
  #leave(place: number): void {
    if (this.#current === place) this.#current = (place + 1) % this.#urls.length;
  }

  async #ask(url: string, call: StoreCall): Promise<StoreAnswer> {
    const { signal, forget } = this.#ended(call.signal);
    try {
      const response = await this.#send(url, { ...call, signal }, ANSWER_MS + (call.waitMs ?? 0));
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > MOST_ANSWER_BYTES) throw storeError('RECORD_TOO_LARGE', `the answer of ${this.#name} is too large`);
        chunks.push(chunk);
      }
      return { status: response.statusCode, text: Buffer.concat(chunks).toString('utf8'), headers: response.headers };
    } finally {
      forget();
    }
  }

  /** Aborted with the call or the store. To be forgotten with the call: the store lives long. */
  #ended(signal: AbortSignal | undefined): { readonly signal: AbortSignal; readonly forget: () => void } {
    const ended = new AbortController();
    const signals = [this.#stop.signal, signal];
    const already = abortedOf(signals);
    if (already) ended.abort(already.reason);
    const forget = already ? (): void => undefined : onAbort(signals, (reason) => ended.abort(reason));
    return { signal: ended.signal, forget };
  }

  async #send(url: string, call: StoreCall, withinMs: number): Promise<Dispatcher.ResponseData> {
    const { method, path, body, headers, signal } = call;
    return await request(url + path, {
      dispatcher: this.#agent,
      ...(signal ? { signal } : {}),
      ...{ method, headers: headers ?? {}, headersTimeout: withinMs || ANSWER_MS, bodyTimeout: withinMs },
      ...(body === undefined ? {} : { body }),
    });
  }

  #failureOf(url: string, error: unknown): ClusterError {
    const code = String(codeOf(error) ?? '');
    if (code === 'RECORD_TOO_LARGE' || code === 'STORE_UNAVAILABLE') return error as ClusterError;
    const why = /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(code) ? `no answer within ${ANSWER_MS} ms` : undefined;
    return connectFailure(this.#name, url, error, { isTls: url.startsWith('https:'), why });
  }
}

/** One line of what a server said. */
export function saying({ status, text }: StoreAnswer): string {
  const line = text.split('\n', 1)[0]?.slice(0, 300).trim() ?? '';
  return printable(line === '' ? String(status) : `${line} (${status})`);
}

function outcomeUnknown(cause: unknown): ClusterError {
  return storeError('OUTCOME_UNKNOWN', reasonOf(cause), cause);
}

/** Whether a call failed before anything of it was sent. */
function wasNotSent(error: unknown): boolean {
  const code = String(codeOf(error) ?? '');
  return (
    /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|EPROTO)$/.test(
      code,
    ) || /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL/.test(code)
  );
}
