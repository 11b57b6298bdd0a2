import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import { EngineError, reasonOf } from '../common/errors.ts';
import { type ApiVersion, clampApi, NEWEST_API, OLDEST_API, olderApi } from './api-version.ts';
import type { Connector } from './connectors/connector.ts';
import { type ResponseHead, readResponseHead } from './response-head.ts';

/** One call to an engine. `path` starts with `/` and carries no API version; the client adds it. */
export interface EngineRequest {
  readonly method: string;
  readonly path: string;
  /** The API version the answer should have (a client's); clamped to what the engine speaks. Default: the newest both know. */
  readonly api?: ApiVersion | undefined;
  /** True sends the path as it is, for the calls made before versions are negotiated. */
  readonly isUnversioned?: boolean | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bound on the whole exchange in milliseconds; default 30 s. 0 means none (only with a signal). */
  readonly timeoutMs?: number | undefined;
  /** Bound on the answer's size in bytes; default 256 MiB. */
  readonly maxBytes?: number | undefined;
}

/** A whole answer. Statuses of 400 and more are answers too: only transport failures reject. */
export interface EngineAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** A raw exchange on a connection of its own: for hijacked, upgraded and long or large streams. */
export interface RawExchange extends ResponseHead {
  /** Positioned right behind `rest`, paused, half-open. The caller owns and must destroy it. */
  readonly socket: Duplex;
}

/** A request whose head we write ourselves; the caller then streams the body into `socket`. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly api?: ApiVersion | undefined;
  /** Complete headers except Host, e.g. `Connection`, `Upgrade`, `Content-Length`; a list is one line for each value. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Buffer | string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Takes what is read instead of `data` events, see {@link Connector.connect}; only for `send`. */
  readonly reader?: OnReadOpts | undefined;
}

/** Thrown by {@link EngineClient.json} for an answer of 400 or more; carries the engine's own status and message. */
export class EngineAnswerError extends EngineError {
  constructor(message: string, status: number) {
    super(message, 'ENGINE_ANSWER', undefined, status);
  }
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;

/** Options of {@link EngineClient}. */
export interface EngineClientOptions {
  /** Keep-alive connections for buffered calls; streams have connections of their own. Default 16 (8 fits sshd's MaxSessions). */
  readonly connections?: number;
  readonly connectTimeoutMs?: number;
}

/** HTTP to one engine: buffered calls over a keep-alive pool, raw exchanges over connections of their own. */
export class EngineClient {
  readonly connector: Connector;
  readonly #connections: number;
  #pool: Pool;
  #lost = new AbortController();
  readonly #connectTimeoutMs: number;
  readonly #raw = new Set<Duplex>();
  #min: ApiVersion = OLDEST_API;
  #max: ApiVersion = LEAST_COMMON;
  #prefixes = new Map<ApiVersion | undefined, string>();

  constructor(connector: Connector, options: EngineClientOptions = {}) {
    this.connector = connector;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.#connections = options.connections ?? 16;
    this.#pool = this.#createPool();
  }

  /** The API versions this engine speaks, as far as negotiated. */
  get api(): { readonly min: ApiVersion; readonly max: ApiVersion } {
    return { min: this.#min, max: this.#max };
  }

  /** Sets the engine's versions (from `GET /version`); until then calls use an API every engine in use knows. */
  negotiate(min: ApiVersion, max: ApiVersion): void {
    this.#min = min;
    this.#max = max;
    this.#prefixes = new Map();
  }

  /** One buffered call. Rejects with an EngineError when the engine cannot be reached or does not answer in time. */
  request(request: EngineRequest): Promise<EngineAnswer> {
    return new Promise((resolve, reject) => {
      const collector = new Collector(request, this.connector.address, resolve, reject);
      if (request.signal?.aborted) return collector.onResponseError(undefined, request.signal.reason);
      try {
        this.#pool.dispatch(this.#dispatchOptions(request), collector);
      } catch (error) {
        collector.onResponseError(undefined, error as Error);
      }
    });
  }

  /** A buffered call whose answer is JSON; answers of 400 and more reject with an {@link EngineAnswerError}. */
  async json<T>(request: EngineRequest): Promise<T> {
    const answer = await this.request(request);
    if (answer.statusCode >= 400) throw new EngineAnswerError(messageOf(answer.body), answer.statusCode);
    try {
      return (answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString())) as T;
    } catch (error) {
      throw new EngineError(
        `${this.connector.address} answered ${request.path} with something that is not JSON`,
        'ENGINE_ANSWER',
        error,
      );
    }
  }

  /** Sends a request on a connection of its own and reads the answer's head. The caller owns the socket. */
  async open(request: RawRequest): Promise<RawExchange> {
    const { lost } = this;
    const socket = await this.send(request);
    try {
      return { socket, ...(await readResponseHead(socket, anyOf(lost, request.signal))) };
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Sends only the head (and `body`, if given); for uploads whose answer is read later with `readResponseHead`. */
  async send(request: RawRequest): Promise<Duplex> {
    const socket = await this.connector.connect(this.#connectTimeoutMs, request.signal, request.reader);
    this.#raw.add(socket);
    socket.once('close', () => this.#raw.delete(socket));
    // Without a listener an error after the head would end the process; owners add their own.
    socket.on('error', () => socket.destroy());
    let head = `${request.method} ${this.versioned(request.path, request.api)} HTTP/1.1\r\nHost: docker\r\n`;
    for (const name in request.headers) head += headerLines(name, request.headers[name] ?? '');
    socket.write(`${head}\r\n`);
    if (request.body !== undefined) socket.write(request.body);
    return socket;
  }

  /** The path with the API version put in front. */
  versioned(path: string, api?: ApiVersion): string {
    let prefix = this.#prefixes.get(api);
    if (prefix === undefined) {
      prefix = `/v${api ? clampApi(api, this.#min, this.#max) : olderApi(NEWEST_API, this.#max)}`;
      this.#prefixes.set(api, prefix);
    }
    return prefix + path;
  }

  /**
   * Aborted when the engine is lost ({@link dropConnections}), then renewed: raw exchanges whose answer has not begun end
   * with it, so that nobody waits for an engine that hangs.
   */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Fails the calls under way and the raw exchanges that were not answered yet, and connects anew from now on; answered raw
   * exchanges go on. For an engine that was lost.
   */
  async dropConnections(): Promise<void> {
    const pool = this.#pool;
    const lost = this.#lost;
    this.#pool = this.#createPool();
    this.#lost = new AbortController();
    lost.abort(new EngineError(`engine ${this.connector.address} was lost before it answered`));
    await pool.destroy();
  }

  /** Ends every call and stream. Idempotent. */
  async close(): Promise<void> {
    for (const socket of this.#raw) socket.destroy();
    await this.#pool.destroy();
    await this.connector.close();
  }

  #createPool(): Pool {
    return new Pool('http://engine', {
      connections: this.#connections,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
      connect: (_options, callback) => {
        this.connector.connect(this.#connectTimeoutMs).then(
          (socket) => callback(null, socket as never),
          (error: Error) => callback(error, null),
        );
      },
    });
  }

  #dispatchOptions(request: EngineRequest): Dispatcher.DispatchOptions {
    const body = request.body ?? null;
    const json =
      body !== null && !request.headers?.['Content-Type'] ? { 'Content-Type': 'application/json' } : undefined;
    return {
      method: request.method as Dispatcher.HttpMethod,
      path: request.isUnversioned ? request.path : this.versioned(request.path, request.api),
      headers: { host: 'docker', ...json, ...request.headers },
      body,
    };
  }
}

function headerLines(name: string, value: string | readonly string[]): string {
  if (typeof value === 'string') return `${name}: ${value}\r\n`;
  return value.map((each) => `${name}: ${each}\r\n`).join('');
}

/** What all engines of the last ten years speak; used before an engine told its versions. */
const LEAST_COMMON: ApiVersion = '1.40';

/** A signal that is aborted with either. */
export function anyOf(signal: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other ? AbortSignal.any([signal, other]) : signal;
}

/** The `message` of Docker's error body, or the start of whatever came instead. */
export function messageOf(body: Buffer): string {
  const text = body.toString();
  try {
    const message: unknown = (JSON.parse(text) as { message?: unknown }).message;
    if (typeof message === 'string') return message;
  } catch {
    // Not JSON: engines before API 1.24 and proxies answer plain text.
  }
  return text.slice(0, 500).trim() || 'the engine gave no reason';
}

/** Collects one answer within its bounds of time and size. */
class Collector implements Dispatcher.DispatchHandler {
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
    // undici gives a connection back one turn of the event loop after its answer: who asks again before that would make it
    // open a second one to every engine. The microtask comes after undici planned its turn.
    this.#settle(() => queueMicrotask(() => setImmediate(() => this.#resolve(answer))));
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#settle(() => this.#reject(this.#wrap(error)));
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
