import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** The far end of a connector's streams: a server that does with each stream what a test says. */
export class FarEnd {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #onStream: (stream: Socket) => void = () => undefined;

  private constructor(server: Server, ready: 'connection' | 'secureConnection') {
    this.#server = server;
    // Below TLS too: a connection that goes before its handshake is over is none of `secureConnection`.
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    });
    server.on(ready, (socket: Socket) => {
      // TLS servers do not pass the option on.
      socket.allowHalfOpen = true;
      socket.on('error', () => undefined);
      this.#onStream(socket);
    });
  }

  static async listen(where: ListenOptions, tls?: TlsOptions): Promise<FarEnd> {
    const server = tls
      ? createTlsServer({ ...tls, allowHalfOpen: true } as TlsOptions)
      : createServer({ allowHalfOpen: true });
    const far = new FarEnd(server, tls ? 'secureConnection' : 'connection');
    await new Promise<void>((resolve) => server.listen(where, resolve));
    return far;
  }

  /** The port, where it listens on one. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  readonly serve = (onStream: (stream: Socket) => void): void => {
    this.#onStream = onStream;
  };

  /** Ends every stream and listens no more. Idempotent. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
