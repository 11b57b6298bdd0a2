import { untilAborted } from '../common/abort.ts';

/** Options of one caller. */
export interface JoinOptions<P> {
  /** Ends this caller's wait; the work itself ends when its last caller left. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: P) => void) | undefined;
}

type Work<T, P> = (signal: AbortSignal, report: (progress: P) => void) => Promise<T>;

interface Run<T, P> {
  readonly outcome: Promise<T>;
  readonly stop: AbortController;
  readonly listeners: Set<(progress: P) => void>;
  callers: number;
}

/** Does a piece of work once for all who ask for it while it runs: they share its outcome and hear its progress. */
export class SharedWork<T, P> {
  readonly #runs = new Map<string, Run<T, P>>();

  /** Joins the run of that key, or starts it. Rejects with the signal's reason when aborted. */
  async join(key: string, work: Work<T, P>, options: JoinOptions<P>): Promise<T> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const run = this.#runs.get(key) ?? this.#start(key, work);
    const hear = onProgress && ((progress: P): void => onProgress(progress));
    if (hear) run.listeners.add(hear);
    run.callers += 1;
    try {
      return await untilAborted(run.outcome, signal);
    } finally {
      if (hear) run.listeners.delete(hear);
      run.callers -= 1;
      if (run.callers === 0) this.#abandon(key, run);
    }
  }

  #start(key: string, work: Work<T, P>): Run<T, P> {
    const stop = new AbortController();
    const listeners = new Set<(progress: P) => void>();
    const report = (progress: P): void => {
      for (const listener of listeners) listener(progress);
    };
    const outcome = work(stop.signal, report).finally(() => this.#forget(key, run));
    const run: Run<T, P> = { outcome, stop, listeners, callers: 0 };
    outcome.catch(() => undefined); // Callers hear of it; there may be none left.
    this.#runs.set(key, run);
    return run;
  }

  /** Without effect when the work is done. A later caller starts anew. */
  #abandon(key: string, run: Run<T, P>): void {
    this.#forget(key, run);
    run.stop.abort(new Error('no caller is left'));
  }

  #forget(key: string, run: Run<T, P>): void {
    if (this.#runs.get(key) === run) this.#runs.delete(key);
  }
}
