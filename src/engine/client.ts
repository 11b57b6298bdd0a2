import type { Duplex } from 'node:stream';
import { EngineError } from '../common/errors.ts';
import { type ApiVersion, clampApi, NEWEST_API, OLDEST_API, olderApi } from './api-version.ts';
import { type CallTally, newCallTally } from './call-tally.ts';
import { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts';
import type { Connector } from './connectors/connector.ts';
import { EngineCall } from './engine-call.ts';
import {
  type EngineAnswer,
  EngineAnswerError,
  type EngineRequest,
  expectedOf,
  messageOf,
  type RawExchange,
  type RawRequest,
} from './exchange.ts';
import { readResponseHead } from './http/read-head.ts';
import { formatRequestHead } from './http/request-head.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const CONNECTIONS = 16;

/** Options of {@link EngineClient}. */
export interface EngineClientOptions {
  /** Keep-alive connections for buffered calls; streams have connections of their own. Default 16 (8 fits sshd's MaxSessions). */
  readonly connections?: number;
  readonly connectTimeoutMs?: number;
}

/** HTTP to one engine: buffered calls over a keep-alive pool, raw exchanges over connections of their own. */
export class EngineClient {
  readonly connector: Connector;
  /** What became of its calls since it was made, heads of streams included. */
  readonly tally: CallTally = newCallTally();
  readonly #options: ConnectionPoolOptions;
  #pool: ConnectionPool;
  #lost = new AbortController();
  readonly #raw = new Set<Duplex>();
  #min: ApiVersion = OLDEST_API;
  #max: ApiVersion = LEAST_COMMON;
  #prefixes = new Map<ApiVersion | undefined, string>();

  constructor(connector: Connector, options: EngineClientOptions = {}) {
    this.connector = connector;
    this.#options = { connections: CONNECTIONS, connectTimeoutMs: CONNECT_TIMEOUT_MS, ...options };
    this.#pool = new ConnectionPool(this.connector, this.#options);
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
      const { address } = this.connector;
      this.#pool.dispatch(
        new EngineCall(request, this.#headOf(request), { address, tally: this.tally }, resolve, reject),
      );
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
    try {
      const exchange = await this.#open(request);
      this.tally[exchange.statusCode >= 500 ? 'refused' : 'answered'] += 1;
      return exchange;
    } catch (error) {
      this.tally[request.signal?.aborted ? 'abandoned' : 'failed'] += 1;
      throw error;
    }
  }

  async #open(request: RawRequest): Promise<RawExchange> {
    const { lost } = this;
    const { signal, timeoutMs } = request;
    const socket = await this.send(request);
    const slow = (): void => void socket.destroy(new Error(`no answer within ${timeoutMs} ms`));
    const timer = timeoutMs === undefined ? undefined : setTimeout(slow, timeoutMs);
    try {
      return { socket, ...(await readResponseHead(socket, expectedOf(request), lost, signal)) };
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends only the head (and `body`, if given); for uploads whose answer is read later with `readResponseHead`. */
  async send(request: RawRequest): Promise<Duplex> {
    const path = request.isUnversioned ? request.path : this.versioned(request.path, request.api);
    const head = formatRequestHead(request.method, path, request.headers);
    const socket = await this.connector.connect(this.#options.connectTimeoutMs, request.signal, request.reader);
    this.#raw.add(socket);
    socket.once('close', () => this.#raw.delete(socket));
    // Without a listener an error after the head would end the process; owners add their own.
    socket.on('error', () => socket.destroy());
    // In one piece: what engines upgrade without reading must not come later than the head.
    socket.cork();
    socket.write(head, 'latin1');
    if (request.body !== undefined) socket.write(request.body);
    socket.uncork();
    return socket;
  }

  /** Raw exchanges whose connection is open at present. */
  get openStreams(): number {
    return this.#raw.size;
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
   * with it, so that no call waits for a hung engine.
   */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Fails the calls under way and the raw exchanges that were not answered yet, and connects anew from now on; answered raw
   * exchanges go on until {@link dropStreams}. For an engine that was lost.
   */
  dropConnections(): void {
    const pool = this.#pool;
    const lost = this.#lost;
    this.#pool = new ConnectionPool(this.connector, this.#options);
    this.#lost = new AbortController();
    const reason = new EngineError(`engine ${this.connector.address} was lost before it answered`);
    lost.abort(reason);
    pool.destroy(reason);
  }

  /** Ends the answered raw exchanges too: for an engine that will not go on with them. */
  dropStreams(): void {
    for (const socket of this.#raw) socket.destroy();
  }

  /** Ends every call and stream. Idempotent. */
  async close(): Promise<void> {
    this.dropStreams();
    this.#pool.destroy(new EngineError(`engine ${this.connector.address} is not a node any more`));
    await this.connector.close();
  }

  #headOf({ method, path, api, isUnversioned, headers, body }: EngineRequest): string {
    const target = isUnversioned ? path : this.versioned(path, api);
    if (body === undefined && (method === 'GET' || method === 'HEAD'))
      return formatRequestHead(method, target, headers ?? {});
    const type = body === undefined || headers?.['Content-Type'] || headers?.['content-type'] ? undefined : JSON_TYPE;
    const length = { 'Content-Length': String(Buffer.byteLength(body ?? '')) };
    return formatRequestHead(method, target, { ...type, ...headers, ...length });
  }
}

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** What all engines of the last ten years speak; used before an engine told its versions. */
const LEAST_COMMON: ApiVersion = '1.40';
