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
  /** The first that may take a call gets it, so that the others fall idle and are closed. */
  readonly #all: EngineConnection[] = [];
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
    const connection = this.#connectionFor(call);
    if (connection) return connection.send(call);
    const mayOpen = this.#all.length < this.#options.connections && !(call.isPipelined && this.#opening.size > 0);
    // Never rejects.
    if (mayOpen) void this.#open(call);
    else this.#waiting.push(call);
  }

  /** Fails the calls that wait and those under way, and closes the connections. Idempotent. */
  destroy(reason: Error): void {
    this.#destroyed ??= reason;
    for (const call of [...this.#waiting.splice(0), ...this.#opening]) call.fail(reason);
    for (const connection of [...this.#all]) connection.close(reason);
  }

  onAnswered(connection: EngineConnection): void {
    let next = this.#nextWaiting();
    while (next && connection.takes(next)) {
      this.#waiting.shift();
      connection.send(next);
      next = this.#nextWaiting();
    }
  }

  onUnanswered(call: EngineCall): void {
    call.isPipelined = false;
    this.dispatch(call);
  }

  onClosed(connection: EngineConnection): void {
    const at = this.#all.indexOf(connection);
    if (at >= 0) this.#all.splice(at, 1);
    const next = this.#nextWaiting();
    if (!next) return;
    this.#waiting.shift();
    this.dispatch(next);
  }

  async #open(call: EngineCall): Promise<void> {
    const connection = new EngineConnection(this);
    this.#all.push(connection);
    this.#opening.add(call);
    try {
      await connection.open(this.#connector, this.#options.connectTimeoutMs);
      this.#opening.delete(call);
      if (this.#destroyed) return;
      // Given up meanwhile: the connection serves another call.
      if (!call.isSettled) connection.send(call);
      this.onAnswered(connection);
    } catch (error) {
      this.#opening.delete(call);
      call.fail(error);
      connection.close(error as Error);
    }
  }

  #connectionFor(call: EngineCall): EngineConnection | undefined {
    // A connection with ever more pipelined calls would not fall free for the others.
    if (call.isPipelined && this.#nextWaiting()) return undefined;
    return this.#all.find((connection) => connection.takes(call));
  }

  /** The first of those that wait, which stays there; those that were given up are taken out. */
  #nextWaiting(): EngineCall | undefined {
    while (this.#waiting[0]?.isSettled) this.#waiting.shift();
    return this.#waiting[0];
  }
}
