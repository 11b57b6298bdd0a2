import { Transform, type TransformCallback } from 'node:stream';

/** Replaces one text by another of the same length in a stream of bytes, across chunk borders too. */
export class IdRewriter extends Transform {
  readonly #from: Buffer;
  readonly #to: Buffer;
  /** The end of what came so far, as long as it may be the beginning of `from`. */
  #held: Buffer = Buffer.alloc(0);

  constructor(from: string, to: string) {
    super();
    this.#from = Buffer.from(from);
    this.#to = Buffer.from(to);
    if (this.#from.length !== this.#to.length || this.#from.length === 0) {
      throw new RangeError('both texts need the same length');
    }
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    const bytes = Buffer.concat([this.#held, chunk]);
    let clean = 0;
    for (let at = bytes.indexOf(this.#from); at >= 0; at = bytes.indexOf(this.#from, clean)) {
      this.#to.copy(bytes, at);
      clean = at + this.#to.length;
    }
    const end = bytes.length - this.#beginningAtEnd(bytes, clean);
    this.#held = bytes.subarray(end);
    callback(null, bytes.subarray(0, end));
  }

  override _flush(callback: TransformCallback): void {
    callback(null, this.#held);
  }

  /** How many bytes at the end, behind `clean`, could be the beginning of the text to replace. */
  #beginningAtEnd(bytes: Buffer, clean: number): number {
    const most = Math.min(this.#from.length - 1, bytes.length - clean);
    for (let length = most; length > 0; length--) {
      if (bytes.subarray(bytes.length - length).equals(this.#from.subarray(0, length))) return length;
    }
    return 0;
  }
}
