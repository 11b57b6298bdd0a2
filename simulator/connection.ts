import type { Socket } from 'node:net';
import { type Carrier, Exchange } from './exchange.ts';
import type { Fault } from './fault.ts';
import { BodyDecoder } from './http/body-decoder.ts';
import { endOfHead, framingOf, MessageHead, NO_BODY } from './http/head.ts';
import { Outlet } from './outlet.ts';

/** More unread pipelined input than this stops reading until answers caught up. */
const MAX_BUFFERED_BYTES = 4 << 20;
const MAX_HEAD_BYTES = 1 << 20;
const EMPTY: Buffer = Buffer.alloc(0);

/** Answers one exchange, now or later. */
export type ExchangeHandler = (exchange: Exchange) => void;

/** One client connection of an engine: keep-alive, pipelining in order, chunked bodies, hijacking. */
export class Connection implements Carrier {
  readonly #socket: Socket;
  readonly #handler: ExchangeHandler;
  readonly #outlet: Outlet;
  #buffered: Buffer = EMPTY;
  #exchange: Exchange | undefined;
  #decoder: BodyDecoder | undefined;
  #raw: { onData: (chunk: Buffer) => void; onEnd: () => void } | undefined;

  constructor(socket: Socket, handler: ExchangeHandler) {
    this.#socket = socket;
    this.#handler = handler;
    this.#outlet = new Outlet(socket, () => this.#exchange?.drained());
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    // Clients of a simulated engine leave in every way there is; a reset is no news.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#exchange?.closed());
  }

  write(data: string | Buffer): boolean {
    return this.#outlet.write(data);
  }

  finish(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || this.#raw !== undefined) return;
    this.#exchange = undefined;
    exchange.closed();
    if (exchange.head.field('connection')?.toLowerCase() === 'close') this.#socket.end();
    else if (this.#buffered.length > 0) process.nextTick(() => this.#advance());
  }

  /** Takes over a fault of the engine. */
  apply(fault: Fault): void {
    if (fault.kind === 'refuse') this.#socket.resetAndDestroy();
    else this.#outlet.apply(fault);
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#socket.destroy();
  }

  hijack(onData: (chunk: Buffer) => void, onEnd: () => void): void {
    this.#raw = { onData, onEnd };
  }

  end(): void {
    this.#socket.end();
  }

  #onData(chunk: Buffer): void {
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    this.#advance();
    if (this.#buffered.length > MAX_BUFFERED_BYTES) this.#socket.pause();
  }

  #onEnd(): void {
    if (this.#raw !== undefined) this.#raw.onEnd();
    // As a real engine: a body that ends early is a client that left.
    else if (this.#decoder !== undefined) this.#socket.destroy();
    else if (this.#exchange === undefined) this.#socket.end();
    // An answer under way to a client that only half-closed is still delivered.
  }

  #advance(): void {
    try {
      while (this.#buffered.length > 0 && this.#step());
    } catch {
      this.#socket.destroy();
    }
    if (this.#buffered.length <= MAX_BUFFERED_BYTES && this.#socket.isPaused() && !this.#outlet.isShut)
      this.#socket.resume();
  }

  /** Consumes one piece of input; false when it must wait. */
  #step(): boolean {
    if (this.#decoder !== undefined) return this.#readBody(this.#decoder);
    if (this.#raw !== undefined) {
      const chunk = this.#buffered;
      this.#buffered = EMPTY;
      this.#raw.onData(chunk);
      return false;
    }
    return this.#exchange === undefined && this.#readHead();
  }

  #readHead(): boolean {
    const end = endOfHead(this.#buffered);
    if (end < 0 && this.#buffered.length > MAX_HEAD_BYTES) throw new Error('head too long');
    if (end < 0) return false;
    const head = new MessageHead(this.#buffered.toString('latin1', 0, end - 2));
    const exchange = new Exchange(head, this);
    const framing = framingOf(head, NO_BODY);
    this.#buffered = end === this.#buffered.length ? EMPTY : this.#buffered.subarray(end);
    this.#exchange = exchange;
    if (framing.kind !== 'none') {
      this.#decoder = new BodyDecoder(framing, (chunk) => exchange.body?.data(chunk));
    }
    if (head.field('expect')?.toLowerCase() === '100-continue') this.write('HTTP/1.1 100 Continue\r\n\r\n');
    this.#handler(exchange);
    if (this.#decoder === undefined) exchange.body?.end();
    return true;
  }

  #readBody(decoder: BodyDecoder): boolean {
    const chunk = this.#buffered;
    this.#buffered = EMPTY;
    const end = decoder.push(chunk, 0);
    if (!decoder.done) return false;
    this.#decoder = undefined;
    this.#buffered = end === chunk.length ? EMPTY : chunk.subarray(end);
    this.#exchange?.body?.end();
    return true;
  }
}
