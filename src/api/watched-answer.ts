import { Transform, type TransformCallback } from 'node:stream';
import { LineSplitter } from '../engine/line-splitter.ts';
import { type JsonMessage, parseMessage } from '../images/json-messages.ts';
import { pipeAnswer } from './relay.ts';
import type { AnswerRelay } from './upload.ts';

/** What to do with a progress stream (load, build, push) that is passed on. */
export interface AnswerWatch {
  /** Hears every message of a successful answer. */
  readonly onMessage?: (message: JsonMessage) => void;
  /** Done before the client sees the end of the answer, so that its next call finds what this one made. Must not throw. */
  readonly beforeEnd: () => Promise<void>;
}

/** Relays an answer unchanged and watches it. Refusals (300 and more) pass unwatched. */
export function watched(watch: AnswerWatch): AnswerRelay {
  return (call, stream, head) =>
    head.statusCode >= 300 ? pipeAnswer(call, stream, head) : pipeAnswer(call, stream, head, new Watcher(watch));
}

class Watcher extends Transform {
  readonly #watch: AnswerWatch;
  #splitter: LineSplitter | undefined;

  constructor(watch: AnswerWatch) {
    super();
    this.#watch = watch;
    const { onMessage } = watch;
    this.#splitter = onMessage && new LineSplitter((line) => onMessage(parseMessage(line)));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#read(chunk);
    callback(null, chunk);
  }

  override _flush(callback: TransformCallback): void {
    this.#read(NEWLINE);
    this.#watch.beforeEnd().then(() => callback(), callback);
  }

  #read(chunk: Buffer): void {
    try {
      this.#splitter?.feed(chunk);
    } catch {
      // A line without end is no progress message: it passes unread.
      this.#splitter = undefined;
    }
  }
}

const NEWLINE = Buffer.from('\n');
