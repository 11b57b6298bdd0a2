import { createServer, connect as open, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../common/clock.ts';
import type { Connections } from './connections.ts';
import { join } from './join.ts';
import { proxyHeader } from './proxy-header.ts';
import type { Target, Targets } from './target.ts';

/** A copy that does not answer within this many milliseconds is passed over. */
const CONNECT_MS = 3_000;
/** How long a connection waits for a container that is being moved, and between two looks, in milliseconds. */
const WAIT_MS = 30_000;
const LOOK_MS = 50;
/** Connections that the system keeps until they are taken up. */
const BACKLOG = 1_024;

export interface TcpRelayDeps {
  readonly targets: Targets;
  readonly connections: Connections;
  readonly clock: Clock;
}

/**
 * One TCP port: each connection is led to the target whose turn it is, byte for byte, with back-pressure; the end of one direction is passed on
 * alone. A target that refuses, or does not answer, is passed over before a byte was sent.
 */
export class TcpRelay {
  readonly #deps: TcpRelayDeps;
  readonly #server: Server;

  constructor(deps: TcpRelayDeps) {
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
    const reached = await this.#reach(client);
    if (!reached) {
      this.#deps.connections.tally.failed += 1;
      return void client.resetAndDestroy();
    }
    const { upstream, target } = reached;
    if (target.proxyProtocol) upstream.write(proxyHeader(target.proxyProtocol, client));
    join(client, upstream);
  }

  /** A connection to a target that takes it; undefined when there is none, or the client has left. */
  async #reach(client: Socket): Promise<{ readonly upstream: Duplex; readonly target: Target } | undefined> {
    const { targets, connections, clock } = this.#deps;
    const tried = new Set<string>();
    const lastMs = clock.elapsed() + WAIT_MS;
    while (!client.destroyed) {
      const target = targets.next(tried);
      if (!target) {
        if (!targets.mayCome() || clock.elapsed() >= lastMs) return undefined;
        await clock.sleep(LOOK_MS);
        tried.clear();
        continue;
      }
      tried.add(target.id);
      const leave = connections.lead(target.id);
      const upstream = await reach(target);
      if (!upstream) {
        leave();
        continue;
      }
      upstream.once('close', leave);
      if (!client.destroyed) return { upstream, target };
      upstream.destroy();
    }
    return undefined;
  }
}

/** A connection to a target; undefined when it refuses or does not answer. */
function reach(target: Target): Promise<Duplex | undefined> {
  return target.connect ? target.connect(CONNECT_MS).catch(() => undefined) : reachStraight(target);
}

function reachStraight({ host, port }: Target): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const upstream = open({ host, port, allowHalfOpen: true, noDelay: true });
    const fail = (): void => {
      upstream.destroy();
      resolve(undefined);
    };
    upstream.setTimeout(CONNECT_MS, fail);
    upstream.on('error', noop);
    upstream.once('close', fail);
    upstream.once('connect', () => {
      upstream.setTimeout(0);
      upstream.off('timeout', fail);
      upstream.off('close', fail);
      resolve(upstream);
    });
  });
}

function noop(): void {
  // Nothing to do.
}
