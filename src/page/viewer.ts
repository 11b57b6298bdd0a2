import type { ServerResponse } from 'node:http';
import type { ModelStream } from './model-stream.ts';
import type { Bye, Hello } from './protocol.ts';
import { KEEP_ALIVE, sseEvent } from './sse.ts';

export interface ViewerDeps {
  readonly stream: ModelStream;
  /** Sends one snapshot at its turn, and ends the connection of a viewer that reads it too slowly. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  /** Whether the viewer's session may change anything. */
  readonly actions: boolean;
}

/** A viewer that takes nothing for so many beats is let go: it holds a frame. */
const STALLED_BEATS = 3;

/**
 * One viewer: a place in the log, and what its connection has not taken yet, which is never more than one frame. It reads as fast as it
 * can; when the log does not reach back to its place any more, it gets the whole state again.
 */
export class Viewer {
  readonly #res: ServerResponse;
  readonly #deps: ViewerDeps;
  readonly #unfollow: () => void;
  /** The last revision it has; undefined while the whole state is on its way. */
  #revision: number | undefined;
  #isFull = false;
  #isClosed = false;
  #stalledBeats = 0;

  /** Begins at once. The answer's head is to be sent already. */
  constructor(res: ServerResponse, lastEventId: string | undefined, deps: ViewerDeps) {
    this.#res = res;
    this.#deps = deps;
    const { stream } = deps;
    this.#unfollow = stream.follow(() => this.#goOn());
    res.on('drain', () => {
      this.#isFull = false;
      this.#stalledBeats = 0;
      this.#goOn();
    });
    res.once('close', () => this.#end());
    this.#revision = stream.resumable(lastEventId);
    if (this.#revision === undefined) void this.#startOver(lastEventId === undefined ? 'first' : 'lost');
    else {
      this.#write(stream.hello(deps.actions, undefined));
      this.#goOn();
    }
  }

  /** Tells that the connection lives; to be called every 15 s or so. */
  beat(): void {
    if (!this.#isFull) return void this.#write(KEEP_ALIVE);
    this.#stalledBeats += 1;
    if (this.#stalledBeats >= STALLED_BEATS) this.#res.destroy();
  }

  /** Says why, and ends. */
  close(bye: Bye): void {
    if (this.#isClosed) return;
    this.#end();
    this.#res.end(sseEvent('bye', JSON.stringify(bye)));
  }

  #goOn(): void {
    const { log } = this.#deps.stream;
    while (this.#revision !== undefined && !this.#isFull && !this.#isClosed) {
      if (!log.reaches(this.#revision)) return void this.#startOver('slow');
      const frame = log.after(this.#revision);
      if (!frame) return;
      this.#revision = frame.revision;
      this.#write(frame.bytes);
    }
  }

  /** Never rejects. */
  async #startOver(why: NonNullable<Hello['why']>): Promise<void> {
    const { stream, inTurn, actions } = this.#deps;
    this.#revision = undefined;
    try {
      await inTurn(async () => {
        if (this.#isClosed) return;
        const sketch = stream.sketch();
        await this.#send([stream.hello(actions, why), sketch]);
        const { revision, buffers } = await stream.snapshot(sketch);
        await this.#send(buffers);
        this.#revision = revision;
      });
      this.#goOn();
    } catch {
      // What could not be rendered is logged where it is; the viewer asks again.
      this.#res.destroy();
    }
  }

  /** Resolves when the connection has taken them, or is closed. */
  async #send(buffers: readonly Buffer[]): Promise<void> {
    for (const bytes of buffers) {
      if (this.#isClosed) return;
      this.#write(bytes);
      if (this.#isFull) await this.#drained();
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#res.off('drain', done);
        this.#res.off('close', done);
        resolve();
      };
      this.#res.on('drain', done);
      this.#res.on('close', done);
    });
  }

  #write(bytes: Buffer): void {
    if (!this.#isClosed && !this.#res.write(bytes)) this.#isFull = true;
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unfollow();
  }
}
