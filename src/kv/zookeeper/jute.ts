/** Writes ZooKeeper's serialisation: big-endian numbers, texts and buffers after their length. */
export class JuteWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  long(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigInt64BE(value);
    this.#parts.push(part);
    return this;
  }

  bool(value: boolean): this {
    this.#parts.push(Buffer.from([value ? 1 : 0]));
    return this;
  }

  buffer(value: Buffer): this {
    this.int(value.length);
    this.#parts.push(value);
    return this;
  }

  text(value: string): this {
    return this.buffer(Buffer.from(value, 'utf8'));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** The bytes after their number: what goes over a connection. */
  frame(): Buffer {
    const body = this.bytes();
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
  }
}

/** Reads it. Throws a RangeError for what ends too early. */
export class JuteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  int(): number {
    const value = this.#bytes.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  long(): bigint {
    const value = this.#bytes.readBigInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  bool(): boolean {
    const value = this.#bytes.readInt8(this.#at) !== 0;
    this.#at += 1;
    return value;
  }

  /** An absent one, with length -1, is empty. */
  buffer(): Buffer {
    const length = Math.max(0, this.int());
    if (length > this.left) throw new RangeError('the message ends too early');
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  text(): string {
    return this.buffer().toString('utf8');
  }
}

/** Cuts a stream of bytes into frames. Throws a RangeError for one that is longer than `most` bytes. */
export class FrameReader {
  readonly #most: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** The frames that are complete with this chunk. */
  add(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Buffer[] = [];
    for (;;) {
      const head = this.#peek();
      if (head === undefined || this.#bytes < 4 + head) return frames;
      const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      frames.push(all.subarray(4, 4 + head));
      const rest = all.subarray(4 + head);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#bytes = rest.length;
    }
  }

  #peek(): number | undefined {
    if (this.#bytes < 4) return undefined;
    const first = this.#chunks[0] as Buffer;
    if (first.length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = (this.#chunks[0] as Buffer).readInt32BE(0);
    if (length < 0 || length > this.#most) throw new RangeError(`a message of ${length} bytes`);
    return length;
  }
}
