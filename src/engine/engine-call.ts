import { EngineError, reasonOf } from '../common/errors.ts';
import type { CallTally } from './call-tally.ts';
import type { EngineAnswer, EngineRequest } from './exchange.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** The connection was closed or broke before the answer was whole. */
export class ConnectionClosedError extends Error {}

/** The engine that is called. */
export interface EngineCallTo {
  /** For messages. */
  readonly address: string;
  readonly tally: CallTally;
}

/** One buffered call on its way; it settles once, within its bound of time. */
export class EngineCall {
  readonly method: string;
  readonly maxBytes: number;
  /** See {@link EngineRequest.isPipelined}; not any more when it is sent again. */
  isPipelined: boolean;
  /** The request's head as it is sent, see `request-head.ts`. */
  readonly head: string;
  readonly body: string | Buffer | undefined;
  readonly #request: EngineRequest;
  readonly #address: string;
  readonly #tally: CallTally;
  readonly #resolve: (answer: EngineAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onAbort: (() => void) | undefined;
  /** Told when the call is given up while a connection carries it. */
  #carrier: (() => void) | undefined;
  #isSettled = false;

  constructor(
    request: EngineRequest,
    head: string,
    { address, tally }: EngineCallTo,
    resolve: (answer: EngineAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.method = request.method;
    this.maxBytes = request.maxBytes ?? DEFAULT_MAX_BYTES;
    this.isPipelined = request.isPipelined === true;
    this.head = head;
    this.body = request.body;
    this.#request = request;
    this.#address = address;
    this.#tally = tally;
    this.#resolve = resolve;
    this.#reject = reject;
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
    if (timeoutMs > 0)
      this.#timer = setTimeout(() => this.#giveUp(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    if (!signal) return;
    this.#onAbort = () => this.#giveUp(signal.reason);
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort);
  }

  /** Whether it was answered, failed or was given up. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** A connection carries it from here on; `onGivenUp` is called when it is given up before its answer. */
  carriedBy(onGivenUp: () => void): void {
    this.#carrier = onGivenUp;
  }

  succeed(answer: EngineAnswer): void {
    if (!this.#settle()) return;
    this.#tally[answer.statusCode >= 500 ? 'refused' : 'answered'] += 1;
    this.#resolve(answer);
  }

  /** Rejects with an EngineError that says which call failed. */
  fail(error: unknown): void {
    if (!this.#settle()) return;
    this.#tally[this.#request.signal?.aborted ? 'abandoned' : 'failed'] += 1;
    this.#reject(this.#wrap(error));
  }

  #giveUp(reason: unknown): void {
    const carrier = this.#carrier;
    this.fail(reason);
    carrier?.();
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#carrier = undefined;
    clearTimeout(this.#timer);
    if (this.#onAbort) this.#request.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }

  #wrap(error: unknown): Error {
    if (error instanceof EngineError) return error;
    const { method, path } = this.#request;
    const what = `${method} ${path.split('?')[0]} on engine ${this.#address}`;
    return new EngineError(`${what}: ${reasonOf(error)}${this.#hint(error)}`, 'ENGINE_UNREACHABLE', error);
  }

  /** With TLS 1.3 an engine refuses a client certificate only after the handshake, by an alert or by closing. */
  #hint(error: unknown): string {
    const isClosed = error instanceof ConnectionClosedError;
    return isClosed && this.#address.startsWith('tls:') ? ': does the engine accept this client certificate?' : '';
  }
}
