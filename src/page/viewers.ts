import type { ServerResponse } from 'node:http';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { Timer } from '../common/timer.ts';
import type { ModelStream } from './model-stream.ts';
import type { Bye } from './protocol.ts';
import type { Session, Sessions } from './sessions.ts';
import { sseEvent } from './sse.ts';
import { Turns } from './turns.ts';
import { Viewer } from './viewer.ts';

export interface ViewersDeps {
  readonly stream: ModelStream;
  readonly sessions: Pick<Sessions, 'touch' | 'sweep'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Viewers in all; each costs a connection, and a write for each delta. */
export const MAX_VIEWERS = 64;
const BEAT_MS = 15_000;
/** A viewer that was turned away for want of room asks again after this long. */
const FULL_RETRY_MS = 30_000;
const STOPPING_RETRY_MS = 2_000;

/** Everybody who watches. */
export class Viewers {
  readonly #deps: ViewersDeps;
  readonly #viewers = new Map<Viewer, Session>();
  /** Whole states that are being sent: each holds what it sends until its viewer has read it. */
  readonly #turns: Turns;
  readonly #beat: Timer;

  constructor(deps: ViewersDeps) {
    this.#deps = deps;
    this.#turns = new Turns(deps.clock);
    this.#beat = deps.clock.timer(() => {
      for (const [viewer, session] of this.#viewers) {
        viewer.beat();
        deps.sessions.touch(session);
      }
      deps.sessions.sweep();
      if (this.#viewers.size > 0) this.#beat.start(BEAT_MS);
    });
  }

  get size(): number {
    return this.#viewers.size;
  }

  /** Answers with the stream, until either side ends it. */
  add(res: ServerResponse, session: Session, lastEventId: string | undefined): void {
    // Without chunks: every delta would be written in three pieces. The end of the connection is the end of the answer.
    res.useChunkedEncodingByDefault = false;
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', Connection: 'close' });
    res.socket?.setNoDelay(true);
    if (this.#viewers.size >= MAX_VIEWERS) {
      const message = `${MAX_VIEWERS} pages are open, and this manager serves no more at a time`;
      const bye: Bye = { why: 'full', message, retryMs: FULL_RETRY_MS };
      res.end(sseEvent('bye', JSON.stringify(bye)));
      return;
    }
    const inTurn = async (work: () => Promise<void>): Promise<void> => {
      await this.#turns
        .run(work, () => res.destroy())
        .catch((error: unknown) => {
          this.#deps.logger.error({ err: error }, 'the state of the cluster could not be told to a page');
          throw error;
        });
    };
    const viewer = new Viewer(res, lastEventId, { stream: this.#deps.stream, inTurn, actions: session.actions });
    this.#viewers.set(viewer, session);
    res.once('close', () => this.#viewers.delete(viewer));
    if (this.#viewers.size === 1) this.#beat.start(BEAT_MS);
  }

  /** Ends the streams of a session that ended. */
  endOf(session: Session): void {
    const bye: Bye = { why: 'session', message: 'this session has ended: run "enxame page" to log in', retryMs: null };
    for (const [viewer, own] of this.#viewers) if (own === session) viewer.close(bye);
  }

  /** Says that the manager stops. Idempotent. */
  close(): void {
    this.#beat.stop();
    const bye: Bye = { why: 'stopping', message: 'the manager stops', retryMs: STOPPING_RETRY_MS };
    for (const viewer of this.#viewers.keys()) viewer.close(bye);
    this.#viewers.clear();
  }
}
