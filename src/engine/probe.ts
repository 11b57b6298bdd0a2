import type { Duplex } from 'node:stream';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { Connector } from './connectors/connector.ts';

// HEAD (engines since API 1.40): an answer without a body is read whole in one piece.
const PING = Buffer.from('HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n');
const OK = Buffer.from('HTTP/1.1 200');

/**
 * The cheap health probe of one engine: `HEAD /_ping` over a connection of its own that is kept open, written and
 * read as prepared bytes. A stopped or unreachable engine shows as a time-out or a refusal.
 */
export class Probe {
  readonly #connector: Connector;
  #socket: Duplex | undefined;

  constructor(connector: Connector) {
    this.#connector = connector;
  }

  /** Resolves when the engine answered within `timeoutMs`, else rejects with an EngineError. Not to be called concurrently. */
  async ping(timeoutMs: number): Promise<void> {
    const startedMs = Date.now();
    const isReused = this.#socket !== undefined;
    try {
      await this.#exchange(timeoutMs);
    } catch (error) {
      this.close();
      // The engine may have closed the idle connection: that says nothing about its health.
      if (!isReused || Date.now() - startedMs >= timeoutMs) throw error;
      await this.#exchange(timeoutMs);
    }
  }

  /** Closes the connection; a later ping opens a new one. Idempotent. */
  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #exchange(timeoutMs: number): Promise<void> {
    this.#socket ??= await this.#open(timeoutMs);
    const socket = this.#socket;
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: unknown): void => {
        clearTimeout(timer);
        socket.off('data', onData).off('error', settle).off('close', onClose);
        if (error === undefined) resolve();
        else reject(this.#failed(error));
      };
      const onData = (bytes: Buffer): void =>
        settle(bytes.subarray(0, OK.length).equals(OK) ? undefined : new Error('the engine did not answer OK'));
      const onClose = (): void => settle(new Error('the connection was closed'));
      const timer = setTimeout(() => settle(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      socket.on('data', onData).on('error', settle).on('close', onClose);
      socket.write(PING);
    });
  }

  #failed(error: unknown): EngineError {
    this.close();
    const what = `probe engine ${this.#connector.address}`;
    return new EngineError(`${what}: ${reasonOf(error)}`, 'ENGINE_UNREACHABLE', error);
  }

  async #open(timeoutMs: number): Promise<Duplex> {
    const socket = await this.#connector.connect(timeoutMs);
    // Errors while no ping is under way only mean that the next one opens a new connection.
    socket.on('error', () => this.close());
    socket.on('end', () => this.close());
    return socket;
  }
}
