import { EngineError } from '../../common/errors.ts';

/** Of a frame's header: the stream (0 to 3), three zeros, the payload's length as a big-endian number (Engine API, "Stream format"). */
export const HEADER_BYTES = 8;
/** Engines write a message of at most 16 KiB per frame, or what they read at once. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

/** Whether a stream that begins so is in frames; undefined when that cannot be said yet. A terminal's output is not. */
export function isFramed(bytes: Buffer): boolean | undefined {
  for (let at = 0; at < 4; at++) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    if (at === 0 ? byte > 3 : byte !== 0) return false;
  }
  return true;
}

/** Hands on whole frames alone, so that a stream that is cut can be followed by another; what is no frames passes as it comes. */
export class WholeFrames {
  readonly #edit: (frame: Buffer) => Buffer;
  #isFramed: boolean | undefined;
  #begun: Buffer = Buffer.alloc(0);

  /** @param edit what becomes of each frame, its header included */
  constructor(edit: (frame: Buffer) => Buffer = (frame) => frame) {
    this.#edit = edit;
  }

  /** Undefined until the stream has begun. */
  get isFramed(): boolean | undefined {
    return this.#isFramed;
  }

  /** What can be handed on. Throws when a frame is too large to be one. */
  feed(chunk: Buffer): readonly Buffer[] {
    const bytes = this.#begun.length > 0 ? Buffer.concat([this.#begun, chunk]) : chunk;
    this.#begun = bytes;
    this.#isFramed ??= isFramed(bytes);
    if (this.#isFramed === undefined) return [];
    if (!this.#isFramed) return [this.#take(bytes, bytes.length)];
    const whole: Buffer[] = [];
    let at = 0;
    for (let end = endOf(bytes, at); end <= bytes.length; end = endOf(bytes, at)) {
      whole.push(this.#edit(bytes.subarray(at, end)));
      at = end;
    }
    this.#take(bytes, at);
    return whole;
  }

  /** Another stream of the same kind begins; what was begun in the one before is dropped. */
  begin(): void {
    this.#begun = Buffer.alloc(0);
  }

  #take(bytes: Buffer, length: number): Buffer {
    this.#begun = Buffer.from(bytes.subarray(length));
    return bytes.subarray(0, length);
  }
}

/** Where a frame ends; infinity while its header is not there. */
function endOf(bytes: Buffer, at: number): number {
  if (at + HEADER_BYTES > bytes.length) return Number.POSITIVE_INFINITY;
  const length = bytes.readUInt32BE(at + 4);
  if (length > MAX_FRAME_BYTES) throw new EngineError('a frame of a stream is longer than 4 MiB: is this an engine?');
  return at + HEADER_BYTES + length;
}
