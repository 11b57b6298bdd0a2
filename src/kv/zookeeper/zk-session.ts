import { backoffMs } from '../../common/backoff.ts';
import type { ClusterError } from '../../common/errors.ts';
import { codeOf, isLastingStoreError, storeClosed, storeError } from '../shared/store-errors.ts';
import type { StoreAddress } from '../store-address.ts';
import { Wakeups } from '../wakeups.ts';
import type { JuteReader } from './jute.ts';
import { ZkConnection, type ZkIdentity } from './zk-connection.ts';
import { authRequest, CLOSE, PING, XID, ZK_CODE, ZkError, type ZkRequest } from './zk-messages.ts';

const BACKOFF = { baseMs: 100, maxMs: 2_000 } as const;
/** Attempts at what is repeatable. */
const MOST_ATTEMPTS = 3;
const NOBODY: Pick<ZkIdentity, 'sessionId' | 'password'> = { sessionId: 0n, password: Buffer.alloc(16) };

/**
 * A session of ZooKeeper: it goes on over other connections, to other servers too, until it has not been heard for its time. It is kept
 * alive by itself once it has begun.
 */
export class ZkSession {
  readonly #address: StoreAddress;
  #identity: ZkIdentity;
  readonly #askedMs: number;
  #connection: ZkConnection | undefined;
  #connecting: Promise<ZkConnection> | undefined;
  #server = 0;
  readonly #events = new Map<string, Wakeups>();
  #closed: ClusterError | undefined;
  #expirations = 0;
  readonly #onExpired: () => void;
  #pings: NodeJS.Timeout | undefined;

  /** Servers give times between two and twenty of their ticks (4 to 40 s by default). `onExpired` is told when a new session has begun. */
  constructor(address: StoreAddress, timeoutMs: number, onExpired: () => void = () => undefined) {
    this.#address = address;
    this.#askedMs = timeoutMs;
    this.#identity = { ...NOBODY, timeoutMs, lastZxid: 0n };
    this.#onExpired = onExpired;
    this.#server = Math.floor(Math.random() * address.servers.length);
  }

  /** Undefined before it has begun. */
  get id(): bigint | undefined {
    return this.#identity.sessionId === 0n ? undefined : this.#identity.sessionId;
  }

  /** As the server gave it. */
  get timeoutMs(): number {
    return this.#identity.timeoutMs;
  }

  /** How many sessions before this one have expired. */
  get expirations(): number {
    return this.#expirations;
  }

  /**
   * Rejects with a {@link ZkError} for what a server refuses, `STORE_UNAVAILABLE`, and, for what is not repeatable, `OUTCOME_UNKNOWN`. Requests
   * of one turn reach one server in the order made, unless the connection ends between them.
   */
  async request(request: ZkRequest, isRepeatable: boolean): Promise<JuteReader> {
    for (let attempt = 1; ; attempt++) {
      const connection = await this.#connected();
      try {
        const { code, body } = await connection.send(request);
        if (code === ZK_CODE.sessionMoved || code === ZK_CODE.throttled)
          throw storeError('STORE_UNAVAILABLE', 'ZooKeeper does not take the request at present');
        if (code !== 0) throw new ZkError(code, request.path);
        return body;
      } catch (error) {
        const isLost = codeOf(error) === 'OUTCOME_UNKNOWN';
        if (this.#closed) throw this.#closed;
        if (isLost && isRepeatable && attempt < MOST_ATTEMPTS) continue;
        if (isLost && isRepeatable) throw storeError('STORE_UNAVAILABLE', (error as Error).message, error);
        throw error;
      }
    }
  }

  /** Resolves when a watch at a path tells something, when the connection was lost, with which watches are, and when the signal is aborted. */
  async event(path: string, signal: AbortSignal): Promise<void> {
    const wakeups = this.#events.get(path) ?? new Wakeups();
    this.#events.set(path, wakeups);
    await wakeups.next(signal);
  }

  /** Whether the session still stands, as a server knows it. */
  async ping(): Promise<boolean> {
    const before = this.#expirations;
    const connection = await this.#connected();
    if (this.#expirations !== before) return false;
    await connection.send(PING, XID.ping).catch((error: unknown) => {
      throw storeError('STORE_UNAVAILABLE', (error as Error).message, error);
    });
    return true;
  }

  /** Ends the connection, and the session with it; with `lingers` it lives on for its time. Idempotent. */
  async close({ lingers = false }: { readonly lingers?: boolean } = {}): Promise<void> {
    if (this.#closed) return;
    this.#closed = storeClosed();
    clearTimeout(this.#pings);
    const connection = this.#connection;
    if (connection?.isOpen && !lingers) await connection.send(CLOSE).catch(() => undefined);
    connection?.end(this.#closed);
    this.#wakeAll();
  }

  async #connected(): Promise<ZkConnection> {
    if (this.#closed) throw this.#closed;
    if (this.#connection?.isOpen) return this.#connection;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return await this.#connecting;
  }

  /** Tries each server once, and begins anew with one that says that the session has expired. */
  async #connect(): Promise<ZkConnection> {
    const { servers } = this.#address;
    let failure: unknown;
    for (let failures = 0; failures < servers.length && !this.#closed; ) {
      const server = servers[this.#server % servers.length];
      if (server === undefined) break;
      try {
        const connection = await ZkConnection.open(this.#address, server, this.#identity, (path) => this.#tell(path));
        if (connection.identity.timeoutMs > 0) return await this.#begin(connection);
        connection.end(storeError('STORE_UNAVAILABLE', 'the session of ZooKeeper has expired'));
        if (this.id === undefined) throw storeError('STORE_UNAVAILABLE', 'ZooKeeper gives no session');
        this.#identity = { ...NOBODY, timeoutMs: this.#askedMs, lastZxid: this.#identity.lastZxid };
        this.#expirations += 1;
      } catch (error) {
        failure = error;
        failures += 1;
        this.#server += 1;
        if (isLastingStoreError(error)) break;
      }
    }
    throw this.#closed ?? failure;
  }

  async #begin(connection: ZkConnection): Promise<ZkConnection> {
    const { username, password } = this.#address;
    const isNew = connection.identity.sessionId !== this.#identity.sessionId;
    this.#identity = connection.identity;
    if (username !== undefined) {
      const { code } = await connection.send(authRequest(username, password ?? ''), XID.auth);
      if (code !== 0) throw storeError('STORE_AUTH', 'ZooKeeper refuses us: authentication failed');
    }
    if (this.#closed) {
      connection.end(this.#closed);
      throw this.#closed;
    }
    this.#connection = connection;
    void connection.closed.then(() => this.#lost(connection));
    this.#schedulePing();
    if (isNew && this.#expirations > 0) this.#onExpired();
    return connection;
  }

  #lost(connection: ZkConnection): void {
    this.#identity = { ...this.#identity, lastZxid: connection.lastZxid };
    connection.end(storeError('STORE_UNAVAILABLE', 'the connection to ZooKeeper was lost'));
    this.#wakeAll();
    if (!this.#closed) this.#schedulePing(0);
  }

  /** Three times in the session's life; after a failure sooner. */
  #schedulePing(failures?: number): void {
    clearTimeout(this.#pings);
    if (this.#closed) return;
    const ms = failures === undefined ? this.#identity.timeoutMs / 3 : backoffMs(failures + 1, BACKOFF);
    this.#pings = setTimeout(() => {
      this.ping().then(
        () => this.#schedulePing(),
        () => this.#schedulePing((failures ?? 0) + 1),
      );
    }, ms);
    this.#pings.unref();
  }

  #tell(path: string): void {
    this.#events.get(path)?.wake();
    this.#events.delete(path);
  }

  #wakeAll(): void {
    for (const path of [...this.#events.keys()]) this.#tell(path);
  }
}
