import type { Socket } from 'node:net';
import { BodyDecoder } from '../../simulator/http/body-decoder.ts';
import { endOfHead, framingOf, MessageHead, NO_BODY, UNTIL_CLOSE } from '../../simulator/http/head.ts';
import { open, type Target } from './target.ts';

/** An answer whose body was only counted. */
export interface CountedAnswer {
  readonly status: number;
  readonly bytes: number;
}

/** An answer kept whole. */
export interface Answer {
  readonly status: number;
  readonly head: MessageHead;
  readonly body: Buffer;
}

interface Pending {
  readonly resolve: (answer: CountedAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly onBody: ((payload: Buffer) => void) | undefined;
}

const ANSWER_DEADLINE_MS = 60_000;

/**
 * One keep-alive connection that sends prepared bytes and counts what comes back: its own cost must be small beside the
 * manager's. One request at a time; reconnects when the other side had closed.
 */
export class LoadClient {
  readonly #target: Target;
  #socket: Socket | undefined;
  #pending: Pending | undefined;
  #head: MessageHead | undefined;
  #partial: Buffer | undefined;
  #decoder: BodyDecoder | undefined;
  #status = 0;
  #bytes = 0;
  #untilClose = false;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Sends one request and counts the answer. */
  request(request: string | Buffer, onBody?: (payload: Buffer) => void): Promise<CountedAnswer> {
    if (this.#pending !== undefined) throw new Error('a load client sends one request at a time');
    const socket = this.#connected();
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject, onBody };
      socket.write(request);
    });
  }

  /** Sends one request and keeps the answer. */
  async fetch(request: string | Buffer): Promise<Answer> {
    const chunks: Buffer[] = [];
    const { status } = await this.request(request, (chunk) => void chunks.push(chunk));
    return { status, head: this.#head ?? new MessageHead(''), body: Buffer.concat(chunks) };
  }

  /** Writes more of the request under way. */
  writeRaw(data: string | Buffer): boolean {
    return this.raw.write(data);
  }

  /** The connection itself. */
  get raw(): Socket {
    return this.#connected();
  }

  /** Cuts the connection; a pending request fails. May be called twice. */
  close(): void {
    this.#socket?.destroy();
  }

  #connected(): Socket {
    if (this.#socket?.writable) return this.#socket;
    const socket = open(this.#target);
    socket.setTimeout(ANSWER_DEADLINE_MS, () => socket.destroy(new Error(`no answer within ${ANSWER_DEADLINE_MS} ms`)));
    socket.on('data', (chunk: Buffer) => socket === this.#socket && this.#onData(chunk));
    socket.on('error', (error) => this.#fail(socket, error));
    socket.on('end', () => this.#onEnd(socket));
    socket.on('close', () => this.#fail(socket, new Error('connection closed before the answer was complete')));
    this.#socket = socket;
    this.#partial = undefined;
    this.#decoder = undefined;
    this.#untilClose = false;
    return socket;
  }

  #onData(chunk: Buffer): void {
    try {
      this.#consume(chunk);
    } catch (error) {
      this.#socket?.destroy(error as Error);
    }
  }

  /** The end of the connection is the end of a body without framing, as hijacked streams are. */
  #onEnd(socket: Socket): void {
    socket.end();
    if (socket === this.#socket && this.#untilClose) this.#complete();
  }

  #consume(chunk: Buffer): void {
    let offset = 0;
    let bytes = chunk;
    if (this.#decoder === undefined) {
      if (this.#partial !== undefined) bytes = Buffer.concat([this.#partial, chunk]);
      offset = endOfHead(bytes);
      this.#partial = offset < 0 ? bytes : undefined;
      if (offset < 0) return;
      this.#startAnswer(bytes.toString('latin1', 0, offset - 2));
    }
    const decoder = this.#decoder;
    if (decoder === undefined) return;
    decoder.push(bytes, offset);
    if (decoder.done) this.#complete();
  }

  #startAnswer(text: string): void {
    const head = new MessageHead(text);
    this.#head = head;
    this.#status = Number(head.startLine.slice(9, 12));
    this.#bytes = 0;
    // Neither do these have a body, nor does their head say so.
    const framing = this.#status === 204 || this.#status === 304 ? NO_BODY : framingOf(head, UNTIL_CLOSE);
    this.#untilClose = framing.kind === 'until-close';
    const onBody = this.#pending?.onBody;
    this.#decoder = new BodyDecoder(framing, (payload) => {
      this.#bytes += payload.length;
      onBody?.(payload);
    });
  }

  #complete(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#decoder = undefined;
    this.#untilClose = false;
    if (this.#head?.field('connection')?.toLowerCase() === 'close') this.#abandon();
    pending?.resolve({ status: this.#status, bytes: this.#bytes });
  }

  /** The other side is about to close: the next request needs a connection of its own. */
  #abandon(): void {
    this.#socket?.end();
    this.#socket = undefined;
  }

  /** A connection that was replaced has nothing to say about the present request. */
  #fail(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
  }
}
