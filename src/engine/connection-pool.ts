import { Client, type Dispatcher } from 'undici';
import type { Connector } from './connectors/connector.ts';

/** An idle connection is closed after this long, in milliseconds. */
const KEEP_ALIVE_MS = 60_000;

export interface ConnectionPoolOptions {
  /** Connections that may be open at once; further calls wait for one. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
}

/** A handler that says when its connection is free again. */
export interface PooledHandler extends Dispatcher.DispatchHandler {
  /** Set by the pool; to be called once, when the exchange has ended in whatever way. */
  onFree: (() => void) | undefined;
}

/** One keep-alive connection, opened when it is needed, and how many calls it has. */
interface Lane {
  readonly client: Client;
  calls: number;
}

/**
 * Keep-alive connections to one engine, one call at a time on each. Not undici's own Pool, which has a queue of 16 KiB for each
 * engine (44 MB with 2,000 of them) and opens a second connection to who asks again as soon as it was answered.
 */
export class ConnectionPool {
  readonly #connector: Connector;
  readonly #options: ConnectionPoolOptions;
  readonly #lanes: Lane[] = [];

  constructor(connector: Connector, options: ConnectionPoolOptions) {
    this.#connector = connector;
    this.#options = options;
  }

  /** Sends a request on a free connection, a new one while there may be more, or the one with the fewest calls. Throws when it is malformed. */
  dispatch(options: Dispatcher.DispatchOptions, handler: PooledHandler): void {
    const lane = this.#freest();
    lane.calls += 1;
    handler.onFree = () => {
      lane.calls -= 1;
    };
    lane.client.dispatch(options, handler);
  }

  /** Fails what is under way and closes the connections. */
  async destroy(): Promise<void> {
    await Promise.all(this.#lanes.map(({ client }) => client.destroy()));
  }

  #freest(): Lane {
    let best: Lane | undefined;
    for (const lane of this.#lanes) {
      if (lane.calls === 0) return lane;
      if (best === undefined || lane.calls < best.calls) best = lane;
    }
    if (best && this.#lanes.length >= this.#options.connections) return best;
    const lane = { client: this.#connect(), calls: 0 };
    this.#lanes.push(lane);
    return lane;
  }

  #connect(): Client {
    return new Client('http://engine', {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: (_options, callback) => {
        this.#connector.connect(this.#options.connectTimeoutMs).then(
          (socket) => callback(null, socket as never),
          (error: Error) => callback(error, null),
        );
      },
    });
  }
}
