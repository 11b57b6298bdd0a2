import type { Duplex } from 'node:stream';
import type { ProxyVersion } from './proxy-header.ts';

/** Where datagrams of a flow come from. */
export interface Client {
  readonly address: string;
  readonly port: number;
}

/** Where a relay may lead a connection: a port of one copy of a container. */
export interface Target {
  /** The engine's ID of the copy. */
  readonly id: string;
  /** The ID of the engine that has it. */
  readonly nodeId: string;
  readonly host: string;
  readonly port: number;
  readonly proxyProtocol: ProxyVersion | undefined;
  /**
   * Connects to it where nobody can connect straight: over the connection of its node's agent. Rejects when that does not succeed. `client` is given for
   * UDP.
   */
  readonly connect?: ((timeoutMs: number, client?: Client) => Promise<Duplex>) | undefined;
}

/** Who takes the connections of one port at the endpoint. */
export interface Targets {
  /** The one whose turn it is, apart from those that were tried. */
  next(tried: ReadonlySet<string>): Target | undefined;
  /** Whether a target still takes traffic. */
  has(target: Target): boolean;
  /** Whether there may soon be one that takes connections though none does now: a connection waits for it. */
  mayCome(): boolean;
}
