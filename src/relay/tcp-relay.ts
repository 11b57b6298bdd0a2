import { createServer, type Server, type Socket } from 'node:net';
import { join } from '../common/join-streams.ts';
import { proxyHeader } from './proxy-header.ts';
import { connectTo, type ReachDeps, reachTarget } from './reach.ts';

/** Connections that the system keeps until they are taken up. */
const BACKLOG = 1_024;

/**
 * One TCP port: each connection is led to the target whose turn it is, byte for byte, with back-pressure; the end of one direction is passed on
 * alone. A target that refuses, or does not answer, is passed over before a byte was sent.
 */
export class TcpRelay {
  readonly #deps: ReachDeps;
  readonly #server: Server;

  constructor(deps: ReachDeps) {
    this.#deps = deps;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      void this.#serve(client); // Never rejects.
    });
  }

  /** Resolves with the port once it takes connections. Rejects as the system says. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        // Descriptors may run out while it accepts: the next connection is taken again.
        this.#server.on('error', noop);
        resolve((this.#server.address() as { readonly port: number }).port);
      });
    });
  }

  /** Takes no more connections; those that are open go on. Idempotent. */
  close(): void {
    this.#server.close(noop);
  }

  async #serve(client: Socket): Promise<void> {
    client.on('error', noop); // Its end is seen by 'close'.
    const release = this.#deps.connections.take(this, client);
    if (!release) return void client.resetAndDestroy();
    client.once('close', release);
    const reached = await reachTarget(client, this.#deps, connectTo);
    if (!reached) {
      if (!client.destroyed) this.#deps.connections.tally.failed += 1;
      return void client.resetAndDestroy();
    }
    const { by: upstream, target, leave } = reached;
    upstream.once('close', leave);
    if (client.destroyed) return void upstream.destroy();
    if (target.proxyProtocol) upstream.write(proxyHeader(target.proxyProtocol, client));
    join(client, upstream);
  }
}

function noop(): void {
  // Nothing to do.
}
