import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { reasonOf } from '../common/errors.ts';
import { AnswerReader } from './answer-reader.ts';
import type { Connector } from './connectors/connector.ts';
import { ConnectionClosedError, type EngineCall } from './engine-call.ts';
import { IdleSweep, type Sweepable } from './idle-sweep.ts';

/** What every connection reads into: what was read is used up before the next one reads. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

const idleSweep = new IdleSweep();

/** Whom a connection tells what becomes of it. */
export interface ConnectionOwner {
  /** The call was answered and the connection is free for another one. */
  onFree(connection: EngineConnection): void;
  /** The connection was closed, for whatever reason; called once. */
  onClosed(connection: EngineConnection): void;
}

/**
 * One keep-alive HTTP/1.1 connection to an engine, for one call at a time. Written for thousands of them: an idle one holds a
 * socket and little else, and an answer leaves nothing behind: what a connection kept until its next answer would outlive all young objects, and V8
 * would have to search the whole heap to find it dead.
 */
export class EngineConnection implements Sweepable {
  idleSince: number | undefined;
  readonly #owner: ConnectionOwner;
  #socket: Duplex | undefined;
  /** The call under way. */
  #running: { readonly call: EngineCall; readonly reader: AnswerReader } | undefined;
  #isClosed = false;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
  }

  /** Connects within `timeoutMs`; rejects with the connector's error. To be called once, before anything else. */
  async open(connector: Connector, timeoutMs: number): Promise<void> {
    const onread: OnReadOpts = {
      buffer: READ_BUFFER,
      callback: (bytes) => {
        this.#onData(READ_BUFFER.subarray(0, bytes));
        return true;
      },
    };
    const socket = await connector.connect(timeoutMs, undefined, onread);
    if (this.#isClosed) return void socket.destroy();
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('error', (error) => this.#close(error));
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#close(closedByEngine()));
    socket.resume();
    idleSweep.add(this);
  }

  /** Sends a call over the free connection. */
  send(call: EngineCall): void {
    const socket = this.#socket;
    if (!socket || this.#running) throw new Error('the connection is not free');
    this.#running = { call, reader: new AnswerReader(call) };
    this.idleSince = undefined;
    call.carriedBy(this.#onGivenUp);
    if (call.body === undefined) return void socket.write(call.head, 'latin1');
    socket.cork();
    socket.write(call.head, 'latin1');
    socket.write(call.body);
    socket.uncork();
  }

  closeIdle(): void {
    this.#close(new Error('idle'));
  }

  /** Closes the connection; a call under way fails with `reason`. Idempotent. */
  close(reason: Error): void {
    this.#close(reason);
  }

  readonly #onGivenUp = (): void => this.#close(closedByEngine());

  #onData(bytes: Buffer): void {
    try {
      this.#read(bytes);
    } catch (error) {
      this.#close(new Error(reasonOf(error), { cause: error }));
    }
  }

  #read(bytes: Buffer): void {
    if (!this.#running) return this.#close(new Error('the engine sent what nobody asked for'));
    const { call, reader } = this.#running;
    const used = reader.feed(bytes);
    const whole = reader.take();
    if (!whole) return;
    this.#running = undefined;
    call.succeed(whole.answer);
    if (whole.isLast || used < bytes.length) this.#close(closedByEngine());
    else this.#onFree();
  }

  #onFree(): void {
    this.idleSince = idleSweep.now;
    this.#owner.onFree(this);
  }

  #onEnd(): void {
    const answer = this.#running?.reader.takeAtEnd();
    if (answer) this.#running?.call.succeed(answer);
    this.#close(closedByEngine());
  }

  #close(reason: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    idleSweep.remove(this);
    this.#socket?.destroy();
    const running = this.#running;
    this.#running = undefined;
    running?.call.fail(reason);
    this.#owner.onClosed(this);
  }
}

function closedByEngine(): ConnectionClosedError {
  return new ConnectionClosedError('the engine closed the connection');
}
