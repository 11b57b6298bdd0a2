import { EngineError } from '../common/errors.ts';
import type { EngineAnswer } from './exchange.ts';
import { BodyReader } from './http/body-reader.ts';
import { ByteCollector } from './http/byte-collector.ts';
import { type Expected, endsConnection, HeadReader, type ResponseHead } from './http/response-head.ts';

/** What was asked, and what may be answered. */
export interface ExpectedAnswer extends Expected {
  /** Bound on the body in bytes. */
  readonly maxBytes: number;
}

/**
 * Reads one whole answer. The bytes it is fed are copied: the next ones may be read into the same memory. Each answer
 * has a reader of its own, so that nothing of an answer outlives it.
 */
export class AnswerReader {
  readonly #maxBytes: number;
  readonly #headReader: HeadReader;
  readonly #collected = new ByteCollector();
  #head: ResponseHead | undefined;
  #body: BodyReader | undefined;

  constructor(expected: ExpectedAnswer) {
    this.#maxBytes = expected.maxBytes;
    this.#headReader = new HeadReader(expected);
  }

  /**
   * Takes what was received and says how much of it belongs to the expected answer; {@link take} then tells whether that is whole.
   * Throws an EngineError when it is no HTTP or larger than allowed.
   */
  feed(bytes: Buffer): number {
    if (this.#body) return this.#body.feed(bytes);
    const head = this.#headReader.feed(bytes);
    if (!head) return bytes.length;
    const { framing, rest } = head;
    if (framing.kind === 'sized') this.#checkSize(framing.length);
    this.#head = head;
    this.#body = new BodyReader(framing, (data) => this.#keep(data));
    return bytes.length - rest.length + this.#body.feed(rest);
  }

  /** The answer, once it is whole. `isLast` says that its connection cannot be used again. */
  take(): { readonly answer: EngineAnswer; readonly isLast: boolean } | undefined {
    if (!this.#head || !this.#body?.isWhole) return undefined;
    return { answer: this.#finish(this.#head), isLast: endsConnection(this.#head) };
  }

  /** The connection was closed: the answer, if that is what ends it. */
  takeAtEnd(): EngineAnswer | undefined {
    return this.#head && this.#body?.mayEndHere ? this.#finish(this.#head) : undefined;
  }

  #keep(bytes: Buffer): void {
    this.#checkSize(this.#collected.length + bytes.length);
    this.#collected.add(bytes);
  }

  #checkSize(bytes: number): void {
    if (bytes > this.#maxBytes) throw new EngineError(`the answer is larger than ${this.#maxBytes} bytes`);
  }

  #finish({ statusCode, rawHeaders }: ResponseHead): EngineAnswer {
    return { statusCode, rawHeaders, body: this.#collected.take() };
  }
}
