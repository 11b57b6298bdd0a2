import type { Duplex } from 'node:stream';
import type { Clock } from '../common/clock.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { Timer } from '../common/timer.ts';
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

/** A ping under way. */
interface Ping {
  readonly resolve: () => void;
  readonly reject: (error: EngineError) => void;
  readonly timeoutMs: number;
  readonly startedMs: number;
  /** It went out over a connection that had been idle. */
  isReused: boolean;
  answer: string;
  /** The connection over which the engine is asked otherwise, once the ping is slow. */
  second: Duplex | 'opening' | undefined;
}

/**
 * The cheap health probe of one engine: `HEAD /_ping` over a connection of its own that is kept open, written and
 * read as prepared bytes. A stopped or unreachable engine shows as a time-out or a refusal. Times are kept to 100 ms.
 */
export class Probe {
  readonly #connector: Connector;
  readonly #patience: Timer;
  #socket: Duplex | undefined;
  #ping: Ping | undefined;
  #isClosed = false;

  constructor(connector: Connector, clock: Clock) {
    this.#connector = connector;
    this.#patience = clock.coarseTimer(() => this.#onSlow());
  }

  /** Resolves when the engine answered within `timeoutMs`, else rejects with an EngineError. Not to be called concurrently. */
  ping(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const isReused = this.#socket !== undefined;
      this.#ping = {
        resolve,
        reject,
        timeoutMs,
        startedMs: performance.now(),
        isReused,
        answer: '',
        second: undefined,
      };
      this.#patience.start(timeoutMs / 2);
      this.#send(this.#ping);
    });
  }

  /** Closes the connection for good; a ping under way fails. Idempotent. */
  close(): void {
    this.#isClosed = true;
    if (this.#ping) this.#fail(this.#ping, new Error('the probe was closed'));
    this.#drop();
  }

  #send(ping: Ping): void {
    if (this.#socket) {
      this.#socket.write(PING);
      return;
    }
    this.#open(ping.timeoutMs).then(
      (socket) => this.#adopt(socket, ping),
      (error: unknown) => this.#fail(ping, error),
    );
  }

  #adopt(socket: Duplex, ping: Ping): void {
    if (ping !== this.#ping) return void socket.destroy();
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#onData(socket, bytes));
    socket.on('error', (error) => this.#onLost(socket, error));
    socket.on('end', () => this.#onLost(socket));
    socket.on('close', () => this.#onLost(socket));
    socket.write(PING);
  }

  #onData(socket: Duplex, bytes: Buffer): void {
    const ping = this.#ping;
    if (!ping || socket !== this.#socket) return;
    ping.answer += bytes.toString('latin1');
    if (!ping.answer.startsWith(OK.slice(0, ping.answer.length))) {
      this.#fail(ping, new Error('the engine did not answer OK'));
    } else if (ping.answer.endsWith(END_OF_HEAD)) {
      this.#settle(ping);
      ping.resolve();
    } else if (ping.answer.length > MAX_ANSWER_CHARS) {
      this.#fail(ping, new Error('the engine answers without end'));
    }
  }

  /** While no ping is under way it only means that the next one opens a new connection. */
  #onLost(socket: Duplex, error: Error = new Error('the connection was closed')): void {
    if (socket !== this.#socket) return;
    this.#drop();
    const ping = this.#ping;
    if (!ping) return;
    // The engine may have closed the idle connection: that says nothing about its health.
    if (!ping.isReused) return this.#fail(ping, error);
    ping.isReused = false;
    ping.answer = '';
    this.#send(ping);
  }

  /** Half of the time has passed, or all of it. */
  #onSlow(): void {
    const ping = this.#ping;
    if (!ping) return;
    const leftMs = ping.startedMs + ping.timeoutMs - performance.now();
    if (leftMs <= 0) return this.#fail(ping, new Error(`no answer within ${ping.timeoutMs} ms`));
    this.#patience.start(leftMs);
    if (ping.second) return;
    ping.second = 'opening';
    // A failure is no news: the ping's own says it.
    this.#open(ping.timeoutMs / 2).then(
      (socket) => this.#askOtherwise(socket, ping),
      () => undefined,
    );
  }

  /** Takes any answer for a sign of life, on a connection of its own. */
  #askOtherwise(socket: Duplex, ping: Ping): void {
    if (ping !== this.#ping) return void socket.destroy();
    ping.second = socket;
    socket.once('data', (bytes: Buffer) => {
      socket.destroy();
      if (ping !== this.#ping || !ANY_ANSWER.test(bytes.toString('latin1'))) return;
      this.#settle(ping);
      // The ping may hang on for long; the next one has a connection of its own.
      this.#drop();
      ping.resolve();
    });
    socket.on('error', () => socket.destroy()).on('end', () => socket.destroy());
    socket.write(SECOND_OPINION);
  }

  #settle(ping: Ping): void {
    this.#ping = undefined;
    this.#patience.stop();
    if (ping.second && ping.second !== 'opening') ping.second.destroy();
  }

  #fail(ping: Ping, error: unknown): void {
    if (ping !== this.#ping) return;
    this.#settle(ping);
    this.#drop();
    const what = `probe engine ${this.#connector.address}`;
    ping.reject(new EngineError(`${what}: ${reasonOf(error)}`, 'ENGINE_UNREACHABLE', error));
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  async #open(timeoutMs: number): Promise<Duplex> {
    if (this.#isClosed) throw new Error('the probe was closed');
    return await this.#connector.connect(timeoutMs);
  }
}
