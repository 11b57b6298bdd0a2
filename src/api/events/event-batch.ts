import type { ClusterMessage } from './event-text.ts';

/** Messages that go out to subscribers together, in order. */
export class EventBatch {
  readonly messages: readonly ClusterMessage[];
  #chunks: Buffer | undefined;

  constructor(messages: readonly ClusterMessage[]) {
    this.messages = messages;
  }

  /** All of them as chunks of an HTTP/1.1 body, put together once for all subscribers that get every one. */
  get chunks(): Buffer {
    this.#chunks ??= chunksOf(this.messages);
    return this.#chunks;
  }
}

/** Messages as chunks of an HTTP/1.1 body. */
export function chunksOf(messages: readonly ClusterMessage[]): Buffer {
  const [first, ...others] = messages;
  return first && others.length === 0 ? first.chunk : Buffer.concat(messages.map(({ chunk }) => chunk));
}
