import type { Dispatcher } from 'undici';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { PooledHandler } from './connection-pool.ts';
import type { EngineAnswer, EngineRequest } from './exchange.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** Collects one answer within its bounds of time and size. */
export class AnswerCollector implements PooledHandler {
  onFree: (() => void) | undefined;
  readonly #request: EngineRequest;
  readonly #address: string;
  readonly #resolve: (answer: EngineAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onAbort: (() => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #bytes = 0;
  #statusCode = 0;
  #headers: EngineAnswer['headers'] = {};
  #settled = false;

  constructor(
    request: EngineRequest,
    address: string,
    resolve: (answer: EngineAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#address = address;
    this.#resolve = resolve;
    this.#reject = reject;
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    if (timeoutMs > 0)
      this.#timer = setTimeout(() => this.#abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const { signal } = request;
    if (signal) {
      this.#onAbort = () => this.#abort(signal.reason as Error);
      signal.addEventListener('abort', this.#onAbort, { once: true });
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled || this.#request.signal?.aborted) controller.abort(new Error('aborted'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: EngineAnswer['headers'],
  ): void {
    this.#statusCode = statusCode;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > (this.#request.maxBytes ?? DEFAULT_MAX_BYTES))
      this.#abort(new Error(`the answer is larger than ${this.#bytes} bytes`));
  }

  onResponseEnd(): void {
    const [only] = this.#chunks;
    const body = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks, this.#bytes);
    const answer = { statusCode: this.#statusCode, headers: this.#headers, body };
    this.#free();
    this.#settle(() => this.#resolve(answer));
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#free();
    this.#settle(() => this.#reject(this.#wrap(error)));
  }

  #free(): void {
    this.onFree?.();
    this.onFree = undefined;
  }

  #abort(reason: Error): void {
    this.#settle(() => this.#reject(this.#wrap(reason)));
    this.#controller?.abort(reason);
  }

  #settle(action: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    if (this.#onAbort) this.#request.signal?.removeEventListener('abort', this.#onAbort);
    action();
  }

  #wrap(error: Error): Error {
    if (error instanceof EngineError) return error;
    const { method, path } = this.#request;
    const what = `${method} ${path.split('?')[0]} on engine ${this.#address}`;
    return new EngineError(`${what}: ${reasonOf(error)}${this.#hint(error)}`, 'ENGINE_UNREACHABLE', error);
  }

  /** With TLS 1.3 an engine refuses a client certificate only after the handshake, by closing. */
  #hint(error: Error): string {
    const isClosed = (error as NodeJS.ErrnoException).code === 'UND_ERR_SOCKET';
    return isClosed && this.#address.startsWith('tls:') ? ': does the engine accept this client certificate?' : '';
  }
}
