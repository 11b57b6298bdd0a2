import type { ServerResponse } from 'node:http';

/** What the calls of one client connection, one after the other, have in common. */
export class ClientConnection {
  /** The latest answer on it. */
  answer: ServerResponse | undefined;
  /** The request that comes now is the last one: its answer ends the connection. */
  isLast = false;
  #controller: AbortController | undefined;

  /**
   * Aborted with {@link abort}. One for all calls, because what ends a call before its answer is complete ends the connection too, and
   * because making one costs as much as passing a small answer on.
   */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** Ends what the current call is doing. A call that comes nevertheless (pipelined) has a new signal. */
  abort(reason: Error): void {
    this.#controller?.abort(reason);
    this.#controller = undefined;
  }
}
