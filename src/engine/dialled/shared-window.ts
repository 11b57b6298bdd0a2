import type { ClientHttp2Session, Http2Stream, ServerHttp2Session } from 'node:http2';
import { SMALLEST_WINDOW, STREAM_WINDOW, UNREAD_BYTES } from './carrier.ts';

/** The other end agrees to another window within this many milliseconds, or the connection ends. */
const AGREE_MS = 15_000;

/**
 * What the streams of a session may hold each that nobody has read: the less, the more there are. Node takes in a whole window for a stream that is not
 * read, so that without this a thousand clients that read slowly would cost gigabytes.
 */
export class SharedWindow {
  readonly #session: ClientHttp2Session | ServerHttp2Session;
  #window: number = STREAM_WINDOW;
  #streams = 0;
  #isAsking = false;

  /** @param session one whose settings say {@link STREAM_WINDOW} */
  constructor(session: ClientHttp2Session | ServerHttp2Session) {
    this.#session = session;
  }

  /** Counts a stream that has just begun. */
  add(stream: Http2Stream): void {
    this.#streams += 1;
    stream.once('close', () => {
      this.#streams -= 1;
      this.#settle();
    });
    this.#settle();
  }

  /** One question at a time: sessions that are asked more before they have answered are broken off. */
  #settle(): void {
    const session = this.#session;
    const window = windowFor(this.#streams, this.#window);
    if (window === this.#window || this.#isAsking || session.destroyed || session.closed) return;
    this.#isAsking = true;
    this.#window = window;
    const timer = setTimeout(() => session.destroy(new Error('it agrees to no other window')), AGREE_MS).unref();
    session.settings({ initialWindowSize: window }, () => {
      clearTimeout(timer);
      this.#isAsking = false;
      this.#settle();
    });
  }
}

/** The window for this many streams, in bytes; one that would be wider than now is, once there is room for twice as many. */
export function windowFor(streams: number, now: number): number {
  const window = shareOf(streams);
  return window > now && shareOf(2 * streams) <= now ? now : window;
}

function shareOf(streams: number): number {
  const share = UNREAD_BYTES / 2 ** Math.ceil(Math.log2(Math.max(1, streams)));
  return Math.min(STREAM_WINDOW, Math.max(SMALLEST_WINDOW, share));
}
