import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineError } from '../common/errors.ts';
import type { Connector } from '../engine/connectors/connector.ts';

/** A connector that can be told to reach nothing: whoever has the node's client finds the engine as lost as it is said to be. */
export class SeverableConnector implements Connector {
  readonly address: string;
  readonly host: string;
  readonly maxConnections?: number;
  /** To ports that containers publish: their node's standing is the relay's to judge. */
  readonly connectPort?: NonNullable<Connector['connectPort']>;
  readonly #connector: Connector;
  #severed: string | undefined;

  constructor(connector: Connector) {
    this.#connector = connector;
    this.address = connector.address;
    this.host = connector.host;
    if (connector.maxConnections !== undefined) this.maxConnections = connector.maxConnections;
    if (connector.connectPort) this.connectPort = connector.connectPort.bind(connector);
  }

  /** Opens no stream until {@link mend}; those that are open go on. */
  sever(reason: string): void {
    this.#severed = reason;
  }

  mend(): void {
    this.#severed = undefined;
  }

  async connect(timeoutMs: number, signal?: AbortSignal, reader?: OnReadOpts): Promise<Duplex> {
    this.#assertWhole();
    const stream = await this.#connector.connect(timeoutMs, signal, reader);
    try {
      this.#assertWhole();
    } catch (error) {
      stream.destroy();
      throw error;
    }
    return stream;
  }

  close(): Promise<void> {
    return this.#connector.close();
  }

  #assertWhole(): void {
    if (this.#severed !== undefined) throw new EngineError(`engine ${this.address} is not asked: ${this.#severed}`);
  }
}
