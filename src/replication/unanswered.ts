import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Connector } from '../engine/connectors/connector.ts';

/** Connections on which nothing was answered yet. */
export class Unanswered {
  readonly #sockets = new Set<Duplex>();
  #hasEnded = false;

  /** A connector whose connections are followed. */
  over(connector: Connector): Connector {
    return { ...connector, connect: (...args) => this.#connect(connector, ...args), close: () => connector.close() };
  }

  /** Cuts them, those to come too. Idempotent. */
  end(): void {
    this.#hasEnded = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #connect(connector: Connector, timeoutMs: number, signal?: AbortSignal, reader?: OnReadOpts): Promise<Duplex> {
    let socket: Duplex | undefined;
    const forget = (): void => {
      if (socket) this.#sockets.delete(socket);
    };
    const followed: OnReadOpts | undefined = reader && {
      buffer: reader.buffer,
      callback: (...read) => {
        forget();
        return reader.callback(...read);
      },
    };
    socket = await connector.connect(timeoutMs, signal, followed);
    if (this.#hasEnded) socket.destroy();
    else this.#sockets.add(socket);
    socket.once('close', forget);
    return socket;
  }
}
