import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PortProtocol } from '../dialled/carrier.ts';

/**
 * How to reach one engine. A connector opens byte streams; HTTP is spoken over them by {@link EngineClient}.
 * Streams it returns allow half-close: ending our side leaves the other readable (`docker exec -i` needs it).
 */
export interface Connector {
  /** Canonical address for messages, e.g. `tcp://10.0.0.2:2376`. */
  readonly address: string;
  /** Host that clients see in published ports, e.g. `10.0.0.2`; the loopback address for unix sockets. */
  readonly host: string;
  /** Keep-alive streams that may be open at once, when less than usual (SSH). */
  readonly maxConnections?: number;
  /**
   * Opens a new stream, bounded by `timeoutMs`. Rejects with an EngineError that names the address and the cause.
   * `reader` takes what is read into a buffer of its own instead of `data` events, where the transport can (not over SSH).
   */
  connect(timeoutMs: number, signal?: AbortSignal, reader?: OnReadOpts): Promise<Duplex>;
  /**
   * Opens a stream to a port that the engine publishes at an address of its host, where others cannot connect to it; absent where they can, as
   * far as the connector knows. As `connect` does. Over one to a UDP port go the datagrams of one flow, see `sendDatagram`.
   */
  connectPort?(
    host: string,
    port: number,
    protocol: PortProtocol,
    timeoutMs: number,
    client?: { readonly address: string },
  ): Promise<Duplex>;
  /** Releases what streams share (an SSH connection). Idempotent; open streams are destroyed. */
  close(): Promise<void>;
}
