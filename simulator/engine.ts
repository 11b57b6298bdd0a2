import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Connection } from './connection.ts';
import { DeafPort } from './deaf-port.ts';
import type { EngineState } from './engine-state.ts';
import type { Exchange } from './exchange.ts';
import { type Fault, NO_FAULT } from './fault.ts';
import { route } from './router.ts';

/** Where and how a simulated engine listens. */
export interface EngineOptions {
  /** Loopback address; each engine of a fleet has its own. */
  readonly host?: string;
  /** 0 takes any free port, which the engine then keeps for its whole life. */
  readonly port?: number;
  /** Serves TLS; `requestCert` and `ca` make it mutual. */
  readonly tls?: TlsOptions;
  /** Sees every exchange first; true means it was answered (or will be). */
  readonly intercept?: (exchange: Exchange) => boolean;
}

/** One simulated engine: a listener, its connections, its fault. */
export class SimulatedEngine {
  readonly state: EngineState;
  readonly #options: EngineOptions;
  readonly #connections = new Set<Connection>();
  readonly #host: string;
  #port: number;
  #server: Server | undefined;
  #deafPort: DeafPort | undefined;
  #fault: Fault = NO_FAULT;

  constructor(state: EngineState, options: EngineOptions = {}) {
    this.state = state;
    this.#options = options;
    this.#host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 0;
  }

  /** `host:port`; the port is known once {@link listen} resolved. */
  get address(): string {
    return `${this.#host}:${this.#port}`;
  }

  get fault(): Fault {
    return this.#fault;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  /** Opens the port. */
  async listen(): Promise<void> {
    const { tls } = this.#options;
    const accept = (socket: Socket): void => this.#accept(socket);
    const server =
      tls === undefined
        ? createServer({ allowHalfOpen: true, noDelay: true }, accept)
        : createTlsServer({ ...tls, allowHalfOpen: true, noDelay: true }, accept);
    // A client that breaks off its handshake is no news to an engine.
    server.on('tlsClientError', () => undefined);
    server.listen({ host: this.#host, port: this.#port, backlog: 512 });
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Changes what the engine does to its clients, from now on and for open connections. */
  async apply(fault: Fault): Promise<void> {
    this.#fault = fault;
    for (const connection of this.#connections) connection.apply(fault);
    await this.#deafPort?.close();
    this.#deafPort = undefined;
    if (fault.kind === 'refuse' || fault.kind === 'drop') this.#stopListening();
    else if (this.#server === undefined) await this.listen();
    if (fault.kind === 'drop') this.#deafPort = await DeafPort.open(this.#host, this.#port);
  }

  /** Closes the port and cuts all connections; may be called twice. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#stopListening();
    await this.#deafPort?.close();
    this.#deafPort = undefined;
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, (exchange) => this.#handle(exchange));
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
    if (this.#fault.kind !== 'none') connection.apply(this.#fault);
  }

  /** Answers an exchange that was held back. */
  answer(exchange: Exchange): void {
    route(this.state, exchange);
  }

  #handle(exchange: Exchange): void {
    if (this.#options.intercept?.(exchange)) return;
    route(this.state, exchange);
  }

  /** The port is closed when this returns; open connections stay. */
  #stopListening(): void {
    this.#server?.close();
    this.#server = undefined;
  }
}
