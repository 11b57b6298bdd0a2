import { EngineError } from '../common/errors.ts';
import { ByteCollector } from './http/byte-collector.ts';

/** An engine's messages are below 64 KiB; a longer line means the stream is none of messages. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Splits bytes into lines of text; a line may come in pieces, also within a character. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  /** The start of a line whose end has not come. */
  readonly #begun = new ByteCollector();

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  feed(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      this.#emit(bytes.subarray(start, end));
      start = end + 1;
    }
    if (start < bytes.length) this.#add(bytes.subarray(start));
  }

  #emit(end: Buffer): void {
    let line = end;
    this.#check(end);
    if (this.#begun.length > 0) {
      this.#begun.add(end);
      line = this.#begun.take();
    }
    const text = line.toString();
    if (text.trim() !== '') this.#onLine(text);
  }

  #add(piece: Buffer): void {
    this.#check(piece);
    this.#begun.add(piece);
  }

  #check({ length }: Buffer): void {
    if (this.#begun.length + length > MAX_LINE_BYTES)
      throw new EngineError('an event is longer than 1 MiB: is this a Docker engine?');
  }
}
