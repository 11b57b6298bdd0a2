/** RFC 6455 §5.2; the first is a further piece of a message. */
export const Opcode = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** RFC 6455 §7.4.1. */
export const CLOSE_CODES = { normal: 1000, protocol: 1002, badText: 1007, tooLong: 1009 } as const;

/** The peer does not speak as it should; the connection is closed with this code. */
export class WebSocketProtocolError extends Error {
  readonly closeCode: number;

  constructor(message: string, closeCode: number = CLOSE_CODES.protocol) {
    super(message);
    this.closeCode = closeCode;
  }
}

/** A whole message, or a control frame. */
export interface WebSocketMessage {
  readonly opcode: Opcode;
  readonly data: Buffer;
}

interface Frame extends WebSocketMessage {
  readonly isLast: boolean;
}

/** What a frame's head says, and where its parts are. */
interface Head {
  readonly opcode: Opcode;
  readonly isLast: boolean;
  readonly maskAt: number;
  readonly length: number;
}

const KNOWN: ReadonlySet<number> = new Set(Object.values(Opcode));
const MAX_CONTROL_BYTES = 125;
/** Pieces of one message: empty ones take room too. */
const MAX_PIECES = 1_024;

/** Reads frames of a client, however they are cut, and puts messages together. Never holds more than one message and a head. */
export class FrameReader {
  readonly #maxBytes: number;
  #unread: Buffer = NOTHING;
  #pieces: Buffer[] = [];
  #gathered = 0;
  /** Of the message whose pieces come. */
  #opcode: Opcode | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Messages that are complete now. Throws {@link WebSocketProtocolError}; the reader is of no use afterwards. */
  *feed(piece: Buffer): IterableIterator<WebSocketMessage> {
    this.#unread = this.#unread.length === 0 ? piece : Buffer.concat([this.#unread, piece]);
    for (let frame = this.#next(); frame; frame = this.#next()) {
      if (frame.opcode >= Opcode.close) yield frame;
      else {
        const message = this.#gather(frame);
        if (message) yield message;
      }
    }
  }

  #next(): Frame | undefined {
    const head = readHead(this.#unread);
    if (!head) return undefined;
    const { opcode, isLast, maskAt, length } = head;
    if (this.#gathered + length > this.#maxBytes)
      throw new WebSocketProtocolError(`a message is longer than ${this.#maxBytes} bytes`, CLOSE_CODES.tooLong);
    const end = maskAt + 4 + length;
    if (this.#unread.length < end) return undefined;
    const data = unmasked(this.#unread.subarray(maskAt + 4, end), this.#unread.subarray(maskAt, maskAt + 4));
    this.#unread = this.#unread.subarray(end);
    return { opcode, isLast, data };
  }

  #gather({ opcode, isLast, data }: Frame): WebSocketMessage | undefined {
    if ((opcode === Opcode.more) !== (this.#opcode !== undefined))
      throw new WebSocketProtocolError('pieces of messages are mixed');
    this.#opcode ??= opcode;
    if (this.#pieces.length >= MAX_PIECES)
      throw new WebSocketProtocolError(`a message has more than ${MAX_PIECES} pieces`, CLOSE_CODES.tooLong);
    this.#pieces.push(data);
    this.#gathered += data.length;
    if (!isLast) return undefined;
    const message = { opcode: this.#opcode, data: Buffer.concat(this.#pieces) };
    this.#pieces = [];
    this.#gathered = 0;
    this.#opcode = undefined;
    return message;
  }
}

/** Undefined while it is not whole. */
function readHead(bytes: Buffer): Head | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const opcode = first & 0x0f;
  const isLast = (first & 0x80) !== 0;
  if ((first & 0x70) !== 0 || !KNOWN.has(opcode)) throw new WebSocketProtocolError('a frame of no known kind');
  if ((second & 0x80) === 0) throw new WebSocketProtocolError('a frame of a client is not masked');
  const short = second & 0x7f;
  if (opcode >= Opcode.close && (short > MAX_CONTROL_BYTES || !isLast))
    throw new WebSocketProtocolError('a control frame is too long, or in pieces');
  const maskAt = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < maskAt + 4) return undefined;
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  return { opcode: opcode as Opcode, isLast, maskAt, length };
}

function unmasked(data: Buffer, mask: Buffer): Buffer {
  const plain = Buffer.allocUnsafe(data.length);
  for (let at = 0; at < data.length; at += 1) plain[at] = (data[at] ?? 0) ^ (mask[at & 3] ?? 0);
  return plain;
}

/** The head of a whole message of a server, which is not masked. */
export function frameHead(opcode: Opcode, length: number): Buffer {
  const size = length > 0xffff ? 10 : length > MAX_CONTROL_BYTES ? 4 : 2;
  const head = Buffer.alloc(size);
  head[0] = 0x80 | opcode;
  if (size === 2) head[1] = length;
  else if (size === 4) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return head;
}

const NOTHING = Buffer.alloc(0);
