import type { Duplex } from 'node:stream';

/**
 * Read buffers in bytes: small for streams that trickle and for TLS (records of 16 KiB); they double for a stream that fills
 * them (512 KiB halves the CPU time of 64 KiB) and become small again when it slows down.
 */
const SMALL_BUFFER = 32 * 1024;
const LARGE_BUFFER = 512 * 1024;
/** Reads in a row that leave most of a buffer empty before it becomes small again. */
const SLOW_READS = 16;

/** Who gets what a socket reads. */
export interface Consumer {
  /**
   * A chunk. True gives it back: with reused buffers the next read overwrites it. False keeps it and pauses, until
   * {@link SocketReader.resume}; over TLS a few more chunks may still come.
   */
  data(chunk: Buffer): boolean;
  /** Called once: the sender ended its side, or the connection was cut. */
  end(how: 'ended' | 'cut'): void;
}

/**
 * Reads a socket into buffers that are used again and again, where the transport allows (`onread` of net and tls sockets),
 * else from `data` events. Fresh memory for each read would cost more than reading and writing together.
 */
export class SocketReader {
  /** To be given to the socket when it is made. */
  readonly onread: {
    readonly buffer: () => Uint8Array;
    readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
  };
  #buffer: Buffer = Buffer.allocUnsafeSlow(SMALL_BUFFER);
  /** Buffers the consumer kept, and those it gave back. */
  #kept: Buffer[] = [];
  #free: Buffer[] = [];
  #slowReads = 0;
  #isReused = false;
  #socket: Duplex | undefined;
  #consumer: Consumer | undefined;
  #held: Buffer = Buffer.alloc(0);
  #finished: 'ended' | 'cut' | undefined;

  constructor() {
    this.onread = {
      buffer: () => this.#buffer,
      callback: (bytes, buffer) => {
        this.#isReused = true;
        const goesOn = this.#onData(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
        this.#nextBuffer(!goesOn, this.#sizeAfter(bytes));
        return goesOn;
      },
    };
  }

  /** True when chunks lie in a buffer that the next read overwrites. */
  get isReused(): boolean {
    return this.#isReused;
  }

  /** Starts reading; until a consumer takes over, bytes are held and reading pauses. */
  begin(socket: Duplex): void {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (!this.#onData(chunk)) socket.pause();
    });
    socket.once('end', () => this.#onFinish('ended'));
    socket.once('close', () => this.#onFinish('cut'));
    socket.resume();
  }

  /** Hands everything to `consumer` from here on, held bytes first. */
  read(consumer: Consumer): void {
    this.#consumer = consumer;
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    const goesOn = held.length === 0 || consumer.data(held);
    if (this.#consumer !== consumer) return;
    if (this.#finished) this.#tellFinished(this.#finished);
    else if (goesOn) this.resume();
  }

  /** Takes the consumer away; `rest` is what it did not use. */
  hold(rest: Buffer): void {
    this.#consumer = undefined;
    this.#held = Buffer.from(rest);
  }

  /** Reads on; the consumer needs none of the chunks it kept. */
  resume(): void {
    if (this.#kept.length > 0) {
      this.#free = this.#kept.splice(0).filter((buffer) => buffer.length === this.#buffer.length);
    }
    this.#socket?.resume();
  }

  #sizeAfter(bytesRead: number): number {
    const { length } = this.#buffer;
    this.#slowReads = bytesRead * 8 < length ? this.#slowReads + 1 : 0;
    if (bytesRead === length) return Math.min(2 * length, LARGE_BUFFER);
    return this.#slowReads > SLOW_READS ? SMALL_BUFFER : length;
  }

  #nextBuffer(isKept: boolean, bytes: number): void {
    if (isKept) this.#kept.push(this.#buffer);
    if (isKept || bytes !== this.#buffer.length) this.#buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(bytes);
  }

  #onData(chunk: Buffer): boolean {
    if (this.#consumer) return this.#consumer.data(chunk);
    this.#held = Buffer.concat([this.#held, chunk]);
    return false;
  }

  #onFinish(how: 'ended' | 'cut'): void {
    if (this.#finished) return;
    this.#finished = how;
    this.#tellFinished(how);
  }

  #tellFinished(how: 'ended' | 'cut'): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    consumer?.end(how);
  }
}
