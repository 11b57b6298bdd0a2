import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { BadRequestError } from '../common/errors.ts';
import { CLOSE_CODES, FrameReader, frameHead, Opcode, WebSocketProtocolError } from './web-socket-frames.ts';

/** What becomes of messages; each is told in the order they came. */
export interface WebSocketListener {
  onBinary(data: Buffer): void;
  onText(text: string): void;
  onPong(): void;
  /** Once, however it ended. */
  onClose(): void;
}

/** A peer that does not answer a close gets so long, in milliseconds. */
const CLOSE_MS = 1_000;
/** RFC 6455 §1.3. */
const ACCEPT_SALT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Throws 400 for a request that cannot become a WebSocket of version 13 (RFC 6455 §4.2.1). */
export function assertWebSocketRequest({ method, headers }: IncomingMessage): void {
  const isAsked = method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
  const key = headers['sec-websocket-key'] ?? '';
  if (!isAsked || headers['sec-websocket-version'] !== '13' || Buffer.from(key, 'base64').length !== 16)
    throw new BadRequestError('this is a WebSocket of version 13: ask for it as one', 'NO_WEBSOCKET');
}

/** The server's side of a WebSocket (RFC 6455), without extensions. The request is one that {@link assertWebSocketRequest} let pass. */
export class ServerWebSocket {
  readonly #socket: Duplex;
  readonly #listener: WebSocketListener;
  readonly #reader: FrameReader;
  #isClosing = false;
  #isClosed = false;
  /** The peer broke the protocol: what it sends is not read any more. */
  #isBroken = false;

  /**
   * Answers the request and begins to read.
   *
   * @param protocol the subprotocol, one of those that were offered
   * @param maxBytes bound of one message; a longer one ends the connection (1009)
   */
  constructor(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    options: { readonly protocol: string; readonly maxBytes: number; readonly listener: WebSocketListener },
  ) {
    this.#socket = socket;
    this.#listener = options.listener;
    this.#reader = new FrameReader(options.maxBytes);
    const accept = createHash('sha1').update(`${req.headers['sec-websocket-key']}${ACCEPT_SALT}`).digest('base64');
    const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\nSec-WebSocket-Protocol: ${options.protocol}\r\n\r\n`,
    );
    socket.on('data', (piece: Buffer) => this.#onData(piece));
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#onClosed());
    if (head.length > 0) this.#onData(head);
  }

  get isOpen(): boolean {
    return !this.#isClosing && !this.#isClosed;
  }

  /** `onSent` is called when the connection has taken it, or is closed. The data must not be modified before. */
  sendBinary(data: Buffer, onSent: () => void = () => undefined): void {
    this.#send(Opcode.binary, data, onSent);
  }

  sendText(text: string): void {
    this.#send(Opcode.text, Buffer.from(text));
  }

  ping(): void {
    this.#send(Opcode.ping, NOTHING);
  }

  /** Reads no more until {@link resume}. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says why and ends; a reason is cut to what fits. Idempotent. */
  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    const text = cut(reason);
    const body = Buffer.alloc(2 + text.length);
    body.writeUInt16BE(code);
    text.copy(body, 2);
    this.#send(Opcode.close, body);
    this.#isClosing = true;
    this.#socket.resume();
    const timer = setTimeout(() => this.terminate(), CLOSE_MS);
    timer.unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** Cuts the connection. Idempotent. */
  terminate(): void {
    this.#socket.destroy();
  }

  #send(opcode: Opcode, data: Buffer, onSent: () => void = () => undefined): void {
    if (!this.isOpen) return onSent();
    this.#socket.cork();
    this.#socket.write(frameHead(opcode, data.length));
    this.#socket.write(data, () => onSent());
    this.#socket.uncork();
  }

  #onData(piece: Buffer): void {
    if (this.#isBroken) return;
    try {
      for (const { opcode, data } of this.#reader.feed(piece)) this.#onMessage(opcode, data);
    } catch (error) {
      if (!(error instanceof WebSocketProtocolError)) throw error;
      this.#isBroken = true;
      this.close(error.closeCode, error.message);
      this.#socket.end();
    }
  }

  #onMessage(opcode: Opcode, data: Buffer): void {
    if (opcode === Opcode.close) {
      this.close(CLOSE_CODES.normal, '');
      this.#socket.end();
    } else if (!this.isOpen) return;
    else if (opcode === Opcode.ping) this.#pong(data);
    else if (opcode === Opcode.pong) this.#listener.onPong();
    else if (opcode === Opcode.binary) this.#listener.onBinary(data);
    else this.#listener.onText(textIn(data));
  }

  /** A peer that asks and does not read gets no more answers than its connection takes (RFC 6455 §5.5.3: not each ping needs one). */
  #pong(data: Buffer): void {
    if (!this.#socket.writableNeedDrain) this.#send(Opcode.pong, data);
  }

  #onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.onClose();
  }
}

/** RFC 6455 §5.5: a reason has 123 bytes at most, and is UTF-8. */
function cut(reason: string): Buffer {
  const bytes = Buffer.from(reason);
  let end = Math.min(bytes.length, 123);
  while (end > 0 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

const NOTHING = Buffer.alloc(0);
const UTF8 = new TextDecoder('utf-8', { fatal: true });

function textIn(data: Buffer): string {
  try {
    return UTF8.decode(data);
  } catch {
    throw new WebSocketProtocolError('a text is not UTF-8', CLOSE_CODES.badText);
  }
}
