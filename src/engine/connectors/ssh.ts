import type { Duplex } from 'node:stream';
import { EngineError, reasonOf } from '../../common/errors.ts';
import type { SshEntry } from '../../discovery/entry.ts';
import { SshConnection } from '../../ssh/connection.ts';
import { SshError } from '../../ssh/errors.ts';
import { processSshEnvironment, type SshEnvironment } from '../../ssh/files.ts';
import { resolveTarget, type SshDestination } from '../../ssh/target.ts';
import type { Connector } from './connector.ts';

/** What the SSH connector may be told beside the entry. */
export interface SshConnectorOptions {
  readonly environment?: SshEnvironment;
  /** Key and known hosts that are the host's own, instead of the user's. */
  readonly login?: Pick<SshDestination, 'keyPath' | 'knownHostsPath' | 'acceptsNewHost'>;
  /** Where the engine listens on its host. */
  readonly socketPath?: string;
}

const ENGINE_SOCKET = '/var/run/docker.sock';
const DIAL_COMMAND = 'docker system dial-stdio';
/** sshd runs 10 commands over one connection by default (MaxSessions); two are left for the one who opens it. */
const COMMANDS_PER_CONNECTION = 8;
/** Keep-alive streams of the pool: each may be a process on the engine's host. */
const MAX_POOLED_STREAMS = 8;

/**
 * The engine of a host reached by SSH. Streams go to the engine's socket through the connection itself; where sshd
 * forbids that, or the socket is elsewhere (rootless), through `docker system dial-stdio`. Connections are made when needed
 * and made anew when they were lost.
 */
export function sshConnector(entry: SshEntry, options: SshConnectorOptions = {}): Connector {
  const dialer = new SshDialer(entry, options);
  const address = entry.canonical;
  return {
    address,
    host: entry.host,
    maxConnections: MAX_POOLED_STREAMS,
    connect: (timeoutMs, signal) => within(dialer.dial(), address, timeoutMs, signal),
    close: () => dialer.close(),
  };
}

/** Opens streams to one engine over as few SSH connections as sshd's limits allow. */
class SshDialer {
  readonly #entry: SshEntry;
  readonly #environment: SshEnvironment;
  readonly #socketPath: string;
  readonly #login: SshConnectorOptions['login'];
  readonly #connections = new Set<SshConnection>();
  readonly #stop = new AbortController();
  #opening: Promise<void> | undefined;
  #isForwardingForbidden = false;
  #commandsPerConnection = COMMANDS_PER_CONNECTION;

  constructor(entry: SshEntry, options: SshConnectorOptions) {
    this.#entry = entry;
    this.#login = options.login;
    this.#environment = options.environment ?? processSshEnvironment();
    this.#socketPath = options.socketPath ?? ENGINE_SOCKET;
  }

  async dial(): Promise<Duplex> {
    if (this.#isForwardingForbidden) return this.#dialByCommand();
    try {
      return await this.#on(
        () => true,
        (connection) => connection.connectUnix(this.#socketPath),
      );
    } catch (error) {
      if (!isChannelFailure(error)) throw error;
      this.#isForwardingForbidden = isForbidden(error);
      return this.#dialByCommand();
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(new SshError('the connector was closed'));
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    this.#connections.clear();
  }

  async #dialByCommand(): Promise<Duplex> {
    let others = 0;
    try {
      return await this.#on(
        ({ channels }) => channels < this.#commandsPerConnection,
        async (connection) => {
          const opened = connection.exec(DIAL_COMMAND);
          return await opened.finally(() => {
            others = connection.channels;
          });
        },
      );
    } catch (error) {
      if (!isChannelFailure(error) || others === 0) throw error;
      // A smaller MaxSessions than usual: no more than run beside the one that was refused.
      this.#commandsPerConnection = Math.min(this.#commandsPerConnection, others);
      return this.#dialByCommand();
    }
  }

  /**
   * Uses an open connection that has room, else a new one; those who wait for a new one share it while it has room. `use` is
   * called at once, so that the next one sees the channel it opens.
   */
  async #on<T>(hasRoom: (connection: SshConnection) => boolean, use: (on: SshConnection) => Promise<T>): Promise<T> {
    while (true) {
      this.#stop.signal.throwIfAborted();
      for (const connection of this.#connections) {
        if (!connection.isOpen) this.#connections.delete(connection);
        else if (hasRoom(connection)) return use(connection);
      }
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
    }
  }

  async #open(): Promise<void> {
    const target = await resolveTarget({ ...this.#entry, ...this.#login }, this.#environment);
    this.#connections.add(await SshConnection.open(target, this.#stop.signal));
  }
}

/** Whether only the channel failed, on a connection that works. */
function isChannelFailure(error: unknown): boolean {
  return error instanceof SshError && error.code === 'SSH_CHANNEL';
}

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1): this sshd will never forward. */
function isForbidden(error: unknown): boolean {
  return error instanceof SshError && (error.cause as { reason?: unknown } | undefined)?.reason === 1;
}

/** Bounds the wait for a stream; one that comes too late is destroyed. What is shared goes on for those who wait longer. */
function within(dialled: Promise<Duplex>, address: string, timeoutMs: number, signal?: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const finish = (action: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      action();
    };
    const fail = (error: unknown): void =>
      finish(() => {
        const code = error instanceof SshError ? error.code : undefined;
        reject(new EngineError(`connect to engine ${address}: ${reasonOf(error)}`, code, error));
      });
    const onAbort = (): void => fail(signal?.reason);
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    dialled.then((stream) => (isOver ? stream.destroy() : finish(() => resolve(stream))), fail);
  });
}
