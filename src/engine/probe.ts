import type { Duplex } from 'node:stream';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { Connector } from './connectors/connector.ts';

// HEAD (engines since API 1.40): an answer without a body is read whole in one piece.
const PING = Buffer.from('HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n');
const OK = 'HTTP/1.1 200';
const END_OF_HEAD = '\r\n\r\n';
/**
 * What is asked when the ping is slow: something no engine has (names have two characters or more). Engines from 28 on
 * look at their swarm mode to answer `_ping`, and wait for up to 20 s while the swarm's leader is lost.
 */
const SECOND_OPINION = Buffer.from(
  'HEAD /containers/x/archive?path=/ HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n',
);
const ANY_ANSWER = /^HTTP\/1\.1 [1-4]\d\d/;

/** An answer to a ping has some 300 bytes; more is no engine's. */
const MAX_ANSWER_CHARS = 16 * 1024;

/**
 * The cheap health probe of one engine: `HEAD /_ping` over a connection of its own that is kept open, written and
 * read as prepared bytes. A stopped or unreachable engine shows as a time-out or a refusal.
 */
export class Probe {
  readonly #connector: Connector;
  #socket: Duplex | undefined;
  #isClosed = false;

  constructor(connector: Connector) {
    this.#connector = connector;
  }

  /** Resolves when the engine answered within `timeoutMs`, else rejects with an EngineError. Not to be called concurrently. */
  async ping(timeoutMs: number): Promise<void> {
    const call = { isOver: false };
    let ask: NodeJS.Timeout | undefined;
    const second = new Promise<void>((resolve) => {
      // A failure is no news: the ping's own says it.
      ask = setTimeout(() => this.#askOtherwise(timeoutMs / 2).then(resolve, () => undefined), timeoutMs / 2);
    }).then(() => {
      call.isOver = true;
      // The ping may hang on for long; the next one has a connection of its own.
      this.#drop();
    });
    try {
      await Promise.race([this.#ping(timeoutMs, call), second]);
    } finally {
      clearTimeout(ask);
    }
  }

  /** Resolves when the engine answers anything, on a connection of its own. */
  async #askOtherwise(timeoutMs: number): Promise<void> {
    const socket = await this.#open(timeoutMs);
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
        socket.once('close', () => reject(new Error('the connection was closed')));
        socket.once('data', (bytes: Buffer) => {
          if (ANY_ANSWER.test(bytes.toString('latin1'))) resolve();
          else reject(new Error('the engine did not answer in HTTP'));
        });
        socket.write(SECOND_OPINION);
      });
    } finally {
      clearTimeout(timer);
      socket.destroy();
    }
  }

  async #ping(timeoutMs: number, call: { readonly isOver: boolean }): Promise<void> {
    const startedMs = Date.now();
    const isReused = this.#socket !== undefined;
    try {
      await this.#exchange(timeoutMs);
    } catch (error) {
      this.#drop();
      // The engine may have closed the idle connection: that says nothing about its health.
      if (!isReused || this.#isClosed || call.isOver || Date.now() - startedMs >= timeoutMs) throw error;
      await this.#exchange(timeoutMs);
    }
  }

  /** Closes the connection for good; a ping under way fails. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #drop(): void {
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
      let answer = '';
      const onData = (bytes: Buffer): void => {
        answer += bytes.toString('latin1');
        if (!answer.startsWith(OK.slice(0, answer.length))) settle(new Error('the engine did not answer OK'));
        else if (answer.endsWith(END_OF_HEAD)) settle();
        else if (answer.length > MAX_ANSWER_CHARS) settle(new Error('the engine answers without end'));
      };
      const onClose = (): void => settle(new Error('the connection was closed'));
      const timer = setTimeout(() => settle(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      socket.on('data', onData).on('error', settle).on('close', onClose);
      socket.write(PING);
    });
  }

  #failed(error: unknown): EngineError {
    this.#drop();
    const what = `probe engine ${this.#connector.address}`;
    return new EngineError(`${what}: ${reasonOf(error)}`, 'ENGINE_UNREACHABLE', error);
  }

  async #open(timeoutMs: number): Promise<Duplex> {
    const socket = await this.#connector.connect(timeoutMs);
    if (this.#isClosed) {
      socket.destroy();
      throw new EngineError(`probe engine ${this.#connector.address}: the probe was closed`);
    }
    // Errors while no ping is under way only mean that the next one opens a new connection.
    const drop = (): void => {
      if (this.#socket === socket) this.#socket = undefined;
      socket.destroy();
    };
    return socket.on('error', drop).on('end', drop);
  }
}
