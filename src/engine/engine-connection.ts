import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { reasonOf } from '../common/errors.ts';
import { AnswerReader } from './answer-reader.ts';
import type { Connector } from './connectors/connector.ts';
import { ConnectionClosedError, type EngineCall } from './engine-call.ts';
import { IdleSweep, type Sweepable } from './idle-sweep.ts';

/** What every connection reads into: what was read is used up before the next one reads. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

/** Pipelined calls that may be under way on one connection. */
const MAX_PIPELINED = 16;

const idleSweep = new IdleSweep();

/** Receives the outcome of calls and the end of the connection. */
export interface ConnectionOwner {
  /** A call was answered: the connection may take another one. */
  onAnswered(connection: EngineConnection): void;
  /** The connection was closed before the answer to a pipelined call was whole: it may be sent again, alone. */
  onUnanswered(call: EngineCall): void;
  /** The connection was closed, for whatever reason; called once. */
  onClosed(connection: EngineConnection): void;
}

interface Running {
  readonly call: EngineCall;
  readonly reader: AnswerReader;
}

/**
 * One keep-alive HTTP/1.1 connection to an engine, for one call at a time or for several pipelined ones. Written for thousands of
 * them: an idle one holds a socket and little else, and an answer leaves nothing behind. What a connection kept until its next
 * answer would outlive all young objects, and V8 would have to search the whole heap to find it dead.
 */
export class EngineConnection implements Sweepable {
  idleSince: number | undefined;
  readonly #owner: ConnectionOwner;
  #socket: Duplex | undefined;
  /** The calls under way, in the order in which they will be answered. */
  readonly #running: Running[] = [];
  #isCorked = false;
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
    this.idleSince = idleSweep.now;
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('error', (error) => this.close(new ConnectionClosedError(reasonOf(error), { cause: error })));
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.close(closedByEngine()));
    socket.resume();
    idleSweep.add(this);
  }

  /** Whether it may be given this call now. */
  takes(call: EngineCall): boolean {
    if (!this.#socket || this.#isClosed) return false;
    if (this.#running.length === 0) return true;
    // Only beside those of the same turn: behind an answer that is slow to come nothing more is to wait.
    return call.isPipelined && this.#isCorked && this.#running.length < MAX_PIPELINED;
  }

  /** Sends a call that the connection {@link takes}. */
  send(call: EngineCall): void {
    const socket = this.#socket;
    if (!socket) throw new Error('the connection is not open');
    this.#running.push({ call, reader: new AnswerReader(call) });
    this.idleSince = undefined;
    call.carriedBy(this.#onGivenUp);
    if (call.isPipelined) this.#cork(socket);
    if (call.body === undefined) return void socket.write(call.head, 'latin1');
    socket.cork();
    socket.write(call.head, 'latin1');
    socket.write(call.body);
    socket.uncork();
  }

  closeIdle(): void {
    this.close(new Error('idle'));
  }

  /** Closes the connection; calls under way fail with `reason`. Idempotent. */
  close(reason: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    idleSweep.remove(this);
    this.#socket?.destroy();
    const running = this.#running.splice(0);
    this.#owner.onClosed(this);
    for (const { call } of running) {
      // RFC 9112 §9.3.2: what was pipelined may be asked again.
      if (call.isPipelined && reason instanceof ConnectionClosedError) this.#owner.onUnanswered(call);
      else call.fail(reason);
    }
  }

  /** What is pipelined in one turn goes out in one piece. */
  #cork(socket: Duplex): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      socket.uncork();
    });
  }

  readonly #onGivenUp = (): void => this.close(closedByEngine());

  #onData(bytes: Buffer): void {
    try {
      this.#read(bytes);
    } catch (error) {
      this.close(new Error(reasonOf(error), { cause: error }));
    }
  }

  #read(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      const [running] = this.#running;
      if (!running) return this.close(new Error('unsolicited answer from the engine'));
      rest = rest.subarray(running.reader.feed(rest));
      const whole = running.reader.take();
      if (!whole) return;
      this.#running.shift();
      running.call.succeed(whole.answer);
      if (whole.isLast) return this.close(closedByEngine());
    }
    if (this.#running.length === 0) this.idleSince = idleSweep.now;
    this.#owner.onAnswered(this);
  }

  #onEnd(): void {
    const [running] = this.#running;
    const answer = running?.reader.takeAtEnd();
    if (answer) running?.call.succeed(answer);
    this.close(closedByEngine());
  }
}

function closedByEngine(): ConnectionClosedError {
  return new ConnectionClosedError('the engine closed the connection');
}
