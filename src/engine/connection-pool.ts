import type { Connector } from './connectors/connector.ts';
import type { EngineCall } from './engine-call.ts';
import { type ConnectionOwner, EngineConnection } from './engine-connection.ts';

export interface ConnectionPoolOptions {
  /** Connections that may be open at once; further calls wait for one. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
}

/** Keep-alive connections to one engine, opened when they are needed, and the calls that wait for one. */
export class ConnectionPool implements ConnectionOwner {
  readonly #connector: Connector;
  readonly #options: ConnectionPoolOptions;
  readonly #all = new Set<EngineConnection>();
  /** The connection that fell idle last is used first, so that a pool shrinks to what it needs. */
  readonly #free: EngineConnection[] = [];
  readonly #waiting: EngineCall[] = [];
  /** Calls for which a connection is being opened. */
  readonly #opening = new Set<EngineCall>();
  #destroyed: Error | undefined;

  constructor(connector: Connector, options: ConnectionPoolOptions) {
    this.#connector = connector;
    this.#options = options;
  }

  /** Sends a call on a free connection, on a new one while there may be more, or on the first that falls free. */
  dispatch(call: EngineCall): void {
    if (call.isSettled) return;
    if (this.#destroyed) return call.fail(this.#destroyed);
    const free = this.#free.pop();
    if (free) return free.send(call);
    if (this.#all.size >= this.#options.connections) this.#waiting.push(call);
    // Never rejects.
    else void this.#open(call);
  }

  /** Fails the calls that wait and those under way, and closes the connections. Idempotent. */
  destroy(reason: Error): void {
    this.#destroyed ??= reason;
    for (const call of [...this.#waiting.splice(0), ...this.#opening]) call.fail(reason);
    for (const connection of this.#all) connection.close(reason);
  }

  onFree(connection: EngineConnection): void {
    const next = this.#nextWaiting();
    if (next) connection.send(next);
    else this.#free.push(connection);
  }

  onClosed(connection: EngineConnection): void {
    this.#all.delete(connection);
    const at = this.#free.indexOf(connection);
    if (at >= 0) this.#free.splice(at, 1);
    const next = this.#nextWaiting();
    if (next) this.dispatch(next);
  }

  async #open(call: EngineCall): Promise<void> {
    const connection = new EngineConnection(this);
    this.#all.add(connection);
    this.#opening.add(call);
    try {
      await connection.open(this.#connector, this.#options.connectTimeoutMs);
      this.#opening.delete(call);
      if (this.#destroyed) return;
      // Given up meanwhile: the connection serves another call.
      if (call.isSettled) this.onFree(connection);
      else connection.send(call);
    } catch (error) {
      this.#opening.delete(call);
      call.fail(error);
      connection.close(error as Error);
    }
  }

  #nextWaiting(): EngineCall | undefined {
    let next = this.#waiting.shift();
    while (next?.isSettled) next = this.#waiting.shift();
    return next;
  }
}
