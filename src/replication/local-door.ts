import net from 'node:net';
import type { Duplex } from 'node:stream';
import { reasonOf } from '../common/errors.ts';
import type { ListenAddress } from '../common/listen-address.ts';
import { listenOn } from '../common/listener.ts';
import type { Logger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';

export interface LocalDoorDeps {
  /** The managers, in the order in which they are tried. */
  readonly managers: readonly Connector[];
  readonly logger: Logger;
}

/** A manager that does not answer so long is passed over, in milliseconds. */
const ANSWER_MS = 2_000;
const MOST_CLIENTS = 10_000;

const WORDS = JSON.stringify({ message: 'no manager answers' });
const NONE = [
  'HTTP/1.1 503 Service Unavailable',
  'Content-Type: application/json',
  'Connection: close',
  `Content-Length: ${WORDS.length}`,
  '',
  WORDS,
].join('\r\n');

/** A local socket through which clients reach the manager that is there now. */
export class LocalDoor {
  readonly #managers: readonly { readonly connector: Connector; readonly client: EngineClient }[];
  readonly #logger: Logger;
  readonly #server: net.Server;
  readonly #sockets = new Set<Duplex>();
  /** Index of the one that served last. */
  #favourite = 0;

  constructor({ managers, logger }: LocalDoorDeps) {
    this.#managers = managers.map((connector) => ({
      connector,
      client: new EngineClient(connector, { connectTimeoutMs: ANSWER_MS }),
    }));
    this.#logger = logger;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => void this.#serve(client));
    this.#server.maxConnections = MOST_CLIENTS;
  }

  /** Rejects with one clear line when the address cannot be had. */
  listen(address: ListenAddress, flag: string): Promise<ListenAddress> {
    return listenOn(this.#server, address, flag);
  }

  /** Cuts what is under way. Idempotent. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await Promise.all(this.#managers.map(({ connector }) => connector.close()));
  }

  /** Never rejects. */
  async #serve(client: net.Socket): Promise<void> {
    this.#track(client);
    client.pause();
    const manager = await this.#connect();
    if (!manager) {
      this.#logger.warn('no manager answers');
      client.end(NONE);
      client.resume();
      return;
    }
    if (client.destroyed) return void manager.destroy();
    this.#track(manager);
    join(client, manager);
    join(manager, client);
  }

  /** A connection to the first manager that answers, beginning with the one that served last. */
  async #connect(): Promise<Duplex | undefined> {
    const count = this.#managers.length;
    for (let i = 0; i < count; i++) {
      const index = (this.#favourite + i) % count;
      const manager = this.#managers[index];
      if (!manager) continue;
      const { connector, client } = manager;
      try {
        // A suspended one lets clients in and says nothing.
        await client.request({ method: 'HEAD', path: '/_ping', timeoutMs: ANSWER_MS });
        const socket = await connector.connect(ANSWER_MS);
        if (index !== this.#favourite) this.#logger.info({ manager: connector.address }, 'another manager serves');
        this.#favourite = index;
        return socket;
      } catch (error) {
        this.#logger.debug({ manager: connector.address, reason: reasonOf(error) }, 'a manager does not answer');
      }
    }
    return undefined;
  }

  #track(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** Passes bytes on with back-pressure, and the end of one side alone. */
function join(from: Duplex, to: Duplex): void {
  from.pipe(to);
  from.once('close', () => {
    if (!from.readableEnded) to.destroy();
  });
}
