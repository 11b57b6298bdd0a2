import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** How a link carries bytes. */
export type LinkState =
  | 'whole'
  /** Connections end, and none is accepted. */
  | 'cut'
  /** What was asked arrives, and no answer comes back; then the connection ends. */
  | 'answers lost'
  /** Nothing arrives, and nothing ends, until the link is whole again: then all of it arrives. */
  | 'silent';

/** A TCP connection to a server that a test can cut. */
export class Link {
  readonly #server: Server;
  readonly #target: () => { readonly host: string; readonly port: number };
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: LinkState = 'whole';

  private constructor(port: number, host: string) {
    this.#target = () => ({ host, port });
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async to(port: number, host: string = '127.0.0.1'): Promise<Link> {
    const link = new Link(port, host);
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  set(state: LinkState): void {
    this.#state = state;
    if (state === 'cut') this.#dropAll();
    for (const pair of this.#pairs) this.#hold(pair);
  }

  async close(): Promise<void> {
    this.#dropAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #dropAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  #accept(near: Socket): void {
    if (this.#state === 'cut') {
      near.on('error', () => undefined).destroy();
      return;
    }
    const far = connect(this.#target());
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => {
      if (this.#state === 'answers lost') end();
      else near.write(chunk);
    });
    this.#hold(pair);
  }

  #hold(pair: readonly [Socket, Socket]): void {
    for (const socket of pair) {
      if (this.#state === 'silent') socket.pause();
      else socket.resume();
    }
  }
}
