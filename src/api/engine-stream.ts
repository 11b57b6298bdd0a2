import { Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { abortedOf, onAbort } from '../common/abort.ts';
import { EngineError } from '../common/errors.ts';
import { ChunkedDecoder } from '../engine/chunked.ts';
import type { EngineClient } from '../engine/client.ts';
import type { RawRequest } from '../engine/exchange.ts';
import { headerOf, parseHead, type ResponseHead } from '../engine/response-head.ts';
import { SocketReader } from './socket-reader.ts';

/** How a relay ended: the engine ended its side, the connection to it was cut, or the receiver went away. */
export type RelayEnd = 'ended' | 'cut' | 'receiver left';

/** Silence in milliseconds after which the kernel asks whether the engine's host is still there; it then gives up in 10 s. */
const KEEP_ALIVE_MS = 10_000;

/** A request on a connection of its own. */
export type StreamRequest = Omit<RawRequest, 'reader'>;

/** One raw exchange with an engine on a connection of its own; whoever opened it must destroy it. */
export class EngineStream {
  readonly socket: Duplex;
  readonly #reader: SocketReader;
  readonly #lost: AbortSignal;
  #lastByte = 0;

  private constructor(socket: Duplex, reader: SocketReader, lost: AbortSignal) {
    this.#lost = lost;
    this.socket = socket;
    this.#reader = reader;
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
    return new EngineStream(socket, reader, lost);
  }

  /** The head of the answer (`100 Continue` skipped); what follows waits for one of the methods below. Rejects when the engine is lost. */
  head(leaving?: AbortSignal): Promise<ResponseHead> {
    const signals = [this.#lost, leaving];
    return new Promise((resolve, reject) => {
      const aborted = abortedOf(signals);
      if (aborted) return reject(aborted.reason);
      let received: Buffer = Buffer.alloc(0);
      const forget = onAbort(signals, (reason) => settle(received, () => reject(reason)));
      const settle = (rest: Buffer, action: () => void): void => {
        this.#reader.hold(rest);
        forget();
        action();
      };
      const onData = (chunk: Buffer): boolean => {
        received = Buffer.concat([received, chunk]);
        try {
          const head = parseHead(received);
          if (!head) return true;
          settle(head.rest, () => resolve(head));
        } catch (error) {
          settle(received, () => reject(error));
        }
        return false;
      };
      const onEnd = (): void =>
        settle(received, () => reject(new EngineError('the engine closed the connection before it answered')));
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
        reader.hold(Buffer.alloc(0));
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

/** A body whose end is told by its chunks, its length, or the end of the connection. */
class EngineBody extends Readable {
  readonly #socket: Duplex;
  readonly #reader: SocketReader;
  readonly #decoder: ChunkedDecoder | undefined;
  #remaining: number;
  #hasBegun = false;
  #hasRoom = true;

  constructor(socket: Duplex, reader: SocketReader, head: ResponseHead) {
    super();
    this.#socket = socket;
    this.#reader = reader;
    const isChunked = headerOf(head.rawHeaders, 'transfer-encoding')?.toLowerCase() === 'chunked';
    if (isChunked) this.#decoder = new ChunkedDecoder((data) => this.#deliver(data));
    const length = headerOf(head.rawHeaders, 'content-length');
    this.#remaining = isChunked || length === undefined ? Number.POSITIVE_INFINITY : Number(length);
  }

  override _read(): void {
    this.#hasRoom = true;
    if (this.#hasBegun) return this.#reader.resume();
    this.#hasBegun = true;
    if (this.#remaining === 0) this.push(null);
    else this.#reader.read({ data: (chunk) => this.#onData(chunk), end: (how) => this.#onEnd(how) });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }

  get #isComplete(): boolean {
    return this.#decoder ? this.#decoder.isAtEnd : this.#remaining === 0;
  }

  #onData(chunk: Buffer): boolean {
    try {
      if (this.#decoder) this.#decoder.feed(chunk);
      else this.#deliver(chunk);
    } catch (error) {
      this.destroy(error as Error);
      return false;
    }
    if (!this.#isComplete) return this.#hasRoom;
    this.push(null);
    return false;
  }

  #deliver(data: Buffer): void {
    const own = Buffer.from(data.subarray(0, Math.min(data.length, this.#remaining)));
    this.#remaining -= own.length;
    this.#hasRoom = this.push(own);
  }

  #onEnd(how: 'ended' | 'cut'): void {
    const isWhole =
      this.#isComplete || (how === 'ended' && this.#remaining === Number.POSITIVE_INFINITY && !this.#decoder);
    if (isWhole) this.push(null);
    else this.destroy(new EngineError('the engine cut its answer short'));
  }
}
