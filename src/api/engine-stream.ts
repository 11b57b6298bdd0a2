import { Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { abortedOf, onAbort } from '../common/abort.ts';
import { EngineError } from '../common/errors.ts';
import type { EngineClient } from '../engine/client.ts';
import { expectedOf, type RawRequest } from '../engine/exchange.ts';
import { BodyReader } from '../engine/http/body-reader.ts';
import { type Expected, HeadReader, type ResponseHead } from '../engine/http/response-head.ts';
import { SocketReader } from './socket-reader.ts';

/** How a relay ended: the engine ended its side, the connection to it was cut, or the receiver went away. */
export type RelayEnd = 'ended' | 'cut' | 'receiver left';

/** Silence in milliseconds after which the kernel asks whether the engine's host is still there; it then gives up in 10 s. */
const KEEP_ALIVE_MS = 10_000;

/** A request on a connection of its own. */
export type StreamRequest = Omit<RawRequest, 'reader'>;

/** One raw exchange with an engine on a connection of its own; its opener must destroy it. */
export class EngineStream {
  readonly socket: Duplex;
  readonly #reader: SocketReader;
  readonly #expected: Expected;
  readonly #lost: AbortSignal;
  #lastByte = 0;

  private constructor(socket: Duplex, reader: SocketReader, expected: Expected, lost: AbortSignal) {
    this.#lost = lost;
    this.socket = socket;
    this.#reader = reader;
    this.#expected = expected;
  }

  /** Whether the last byte relayed was a line feed, as it is behind every chunk. */
  get isAtLineEnd(): boolean {
    return this.#lastByte === 0x0a;
  }

  /** Connects and sends the head (and `body`, if any); {@link head} then reads the answer. */
  static async send(client: EngineClient, request: StreamRequest): Promise<EngineStream> {
    const reader = new SocketReader();
    const { lost } = client;
    const socket = await client.send({ ...request, reader: reader.onread });
    if (socket instanceof Socket) socket.setKeepAlive(true, KEEP_ALIVE_MS);
    reader.begin(socket);
    return new EngineStream(socket, reader, expectedOf(request), lost);
  }

  /** The head of the answer; what follows waits for one of the methods below. Rejects when the engine is lost. */
  head(leaving?: AbortSignal): Promise<ResponseHead> {
    const signals = [this.#lost, leaving];
    return new Promise((resolve, reject) => {
      const aborted = abortedOf(signals);
      if (aborted) return reject(aborted.reason);
      const reader = new HeadReader(this.#expected);
      const forget = onAbort(signals, (reason) => settle(NOTHING, () => reject(reason)));
      const settle = (rest: Buffer, action: () => void): void => {
        this.#reader.hold(rest);
        forget();
        action();
      };
      const onData = (chunk: Buffer): boolean => {
        try {
          const head = reader.feed(chunk);
          if (!head) return true;
          settle(head.rest, () => resolve(head));
        } catch (error) {
          settle(NOTHING, () => reject(error));
        }
        return false;
      };
      const onEnd = (): void =>
        settle(NOTHING, () => reject(new EngineError('the engine closed the connection before it answered')));
      this.#reader.read({ data: onData, end: onEnd });
    });
  }

  /**
   * Writes what follows the head to `sink`, as it comes and with its HTTP framing. A new read begins when the last write is
   * done, so a slow receiver slows the engine down. Ends neither of them.
   */
  relayTo(sink: Duplex): Promise<RelayEnd> {
    return new Promise((resolve) => {
      const reader = this.#reader;
      let isWaiting = false;
      const finish = (end: RelayEnd): void => {
        reader.hold(NOTHING);
        sink.off('close', onClose);
        resolve(end);
      };
      const onClose = (): void => finish('receiver left');
      const onWritten = (): void => {
        if (!isWaiting || sink.writableLength > 0) return;
        isWaiting = false;
        reader.resume();
      };
      const onData = (chunk: Buffer): boolean => {
        this.#lastByte = chunk[chunk.length - 1] ?? 0;
        const hasRoom = sink.write(chunk, onWritten);
        isWaiting = reader.isReused ? sink.writableLength > 0 : !hasRoom;
        return !isWaiting;
      };
      if (sink.destroyed) return finish('receiver left');
      sink.once('close', onClose);
      reader.read({ data: onData, end: finish });
    });
  }

  /** The body of the answer without its framing. Ends with the body, errors when the engine cuts it short. */
  body(head: ResponseHead): Readable {
    return new EngineBody(this.socket, this.#reader, head);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

/** The body as a stream, copied out of the buffers that are read into. */
class EngineBody extends Readable {
  readonly #socket: Duplex;
  readonly #reader: SocketReader;
  readonly #body: BodyReader;
  #hasBegun = false;
  #hasRoom = true;

  constructor(socket: Duplex, reader: SocketReader, head: ResponseHead) {
    super();
    this.#socket = socket;
    this.#reader = reader;
    this.#body = new BodyReader(head.framing, (data) => {
      this.#hasRoom = this.push(Buffer.from(data));
    });
  }

  override _read(): void {
    this.#hasRoom = true;
    if (this.#hasBegun) return this.#reader.resume();
    this.#hasBegun = true;
    if (this.#body.isWhole) this.push(null);
    else this.#reader.read({ data: (chunk) => this.#onData(chunk), end: (how) => this.#onEnd(how) });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }

  #onData(chunk: Buffer): boolean {
    try {
      this.#body.feed(chunk);
    } catch (error) {
      this.destroy(error as Error);
      return false;
    }
    if (!this.#body.isWhole) return this.#hasRoom;
    this.push(null);
    return false;
  }

  #onEnd(how: 'ended' | 'cut'): void {
    if (this.#body.isWhole || (how === 'ended' && this.#body.mayEndHere)) this.push(null);
    else this.destroy(new EngineError('the engine cut its answer short'));
  }
}
