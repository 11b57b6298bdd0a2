import type { Duplex } from 'node:stream';
import { EngineError } from '../common/errors.ts';
import { ChunkedDecoder } from './chunked.ts';
import type { EngineClient } from './client.ts';
import { messageOf } from './exchange.ts';
import { headerOf } from './response-head.ts';

/** An engine's events are below 64 KiB; a longer line means the stream is no event stream. */
const MAX_LINE_CHARS = 1024 * 1024;

/** An open subscription to `GET /events` of one engine. */
export interface EventStream {
  /** Settles when the stream ended, with the reason; never rejects. */
  readonly ended: Promise<Error>;
  close(): void;
}

/**
 * Subscribes to an engine's events, within `timeoutMs`. Resolves once the engine accepted the subscription, so that a listing made
 * afterwards misses nothing. `onEvent` gets each message as the engine wrote it: 64-bit times survive only as text.
 */
export async function openEventStream(
  client: EngineClient,
  onEvent: (text: string) => void,
  timeoutMs: number,
): Promise<EventStream> {
  const exchange = await client.open({ method: 'GET', path: '/events', headers: {}, timeoutMs });
  const { socket } = exchange;
  if (exchange.statusCode !== 200) {
    socket.destroy();
    throw new EngineError(`subscribe to events of ${client.connector.address}: ${messageOf(exchange.rest)}`);
  }
  const lines = new LineSplitter(onEvent);
  const isChunked = headerOf(exchange.rawHeaders, 'transfer-encoding')?.toLowerCase() === 'chunked';
  const sink = isChunked ? new ChunkedDecoder((data) => lines.feed(data)) : lines;
  return { ended: pump(socket, sink, exchange.rest), close: () => socket.destroy() };
}

/** What takes an answer's bytes; `isAtEnd` when the answer says itself where it ends. */
interface Sink {
  feed(bytes: Buffer): void;
  readonly isAtEnd: boolean;
}

function pump(socket: Duplex, sink: Sink, first: Buffer): Promise<Error> {
  return new Promise((resolve) => {
    const stop = (reason: Error): void => {
      socket.destroy();
      resolve(reason);
    };
    const onData = (bytes: Buffer): void => {
      try {
        sink.feed(bytes);
        if (sink.isAtEnd) stop(new Error('the engine ended its event stream'));
      } catch (error) {
        stop(error as Error);
      }
    };
    socket.on('data', onData);
    socket.once('end', () => stop(new Error('the engine ended its event stream')));
    socket.once('error', stop);
    socket.once('close', () => stop(new Error('the connection was closed')));
    if (first.length > 0) onData(first);
    socket.resume();
  });
}

/** Splits bytes into lines of text; a line may come in pieces, also within a character. */
export class LineSplitter {
  readonly isAtEnd = false;
  readonly #onLine: (line: string) => void;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  feed(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      this.#take(bytes.subarray(start, end));
      this.#emit();
      start = end + 1;
    }
    if (start < bytes.length) this.#take(bytes.subarray(start));
  }

  #take(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > MAX_LINE_CHARS) throw new EngineError('an event is longer than 1 MiB: is this a Docker engine?');
    this.#pieces.push(piece);
  }

  #emit(): void {
    const [only] = this.#pieces;
    const line = this.#pieces.length === 1 && only ? only.toString() : Buffer.concat(this.#pieces).toString();
    this.#pieces = [];
    this.#length = 0;
    if (line.trim() !== '') this.#onLine(line);
  }
}
