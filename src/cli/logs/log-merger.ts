import type { Clock } from '../../common/clock.ts';
import type { Timer } from '../../common/timer.ts';
import type { LogLine } from './log-lines.ts';

export interface LogMergerDeps {
  readonly clock: Clock;
  /** Writes a line of a source. */
  readonly write: (line: LogLine, title: string) => void;
}

export interface LogMergerOptions {
  /** How long a line waits for earlier ones of sources that are silent, in milliseconds. */
  readonly holdMs: number;
  /** How long the first lines wait for sources that have not said anything yet. */
  readonly firstHoldMs: number;
}

/** Lines of one source that may wait; then the source is not read until some are written. */
const MAX_WAITING = 500;

/** What lines come from: one opening of one container's log. */
export interface LogSource {
  /** Adds the next line; resolves when the source may be read on. */
  push(line: LogLine): Promise<void>;
  /** No more lines come. Idempotent. */
  end(): void;
}

interface Held extends LogLine {
  readonly heldMs: number;
}

interface Source {
  readonly title: string;
  readonly openedMs: number;
  lines: Held[];
  isHeard: boolean;
  isEnded: boolean;
  resume: (() => void) | undefined;
}

/**
 * Merges the lines of many logs by their time, from bounded buffers. A line is written when every other source has a later one or has
 * ended; a source that is silent is waited for only so long, and lines that come after that are written when they come.
 */
export class LogMerger {
  readonly #deps: LogMergerDeps;
  readonly #options: LogMergerOptions;
  readonly #sources = new Set<Source>();
  readonly #timer: Timer;

  constructor(deps: LogMergerDeps, options: LogMergerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#timer = deps.clock.timer(() => this.#write());
  }

  /** Takes a source in; `title` is put before its lines. */
  add(title: string): LogSource {
    const openedMs = this.#deps.clock.now();
    const source: Source = { title, openedMs, lines: [], isHeard: false, isEnded: false, resume: undefined };
    this.#sources.add(source);
    return {
      push: (line) => this.#push(source, line),
      end: () => {
        source.isEnded = true;
        this.#write();
      },
    };
  }

  /** Writes everything that waits, in order. */
  flush(): void {
    for (let next = this.#first(); next; next = this.#first()) this.#take(next);
    this.#timer.stop();
  }

  #push(source: Source, line: LogLine): Promise<void> {
    source.isHeard = true;
    source.lines.push({ ...line, heldMs: this.#deps.clock.now() });
    this.#write();
    if (source.lines.length < MAX_WAITING) return Promise.resolve();
    return new Promise((resolve) => {
      source.resume = resolve;
    });
  }

  #write(): void {
    this.#timer.stop();
    for (let next = this.#first(); next; next = this.#first()) {
      const waitMs = this.#waitFor(next);
      if (waitMs > 0) return this.#timer.start(waitMs);
      this.#take(next);
    }
  }

  /** How long the first line of all has to wait yet. */
  #waitFor({ lines: [line] }: Source): number {
    const nowMs = this.#deps.clock.now();
    let waitMs = 0;
    for (const { lines, isHeard, isEnded, openedMs } of this.#sources) {
      if (isEnded || lines.length > 0) continue;
      const firstMs = isHeard ? 0 : openedMs + this.#options.firstHoldMs;
      waitMs = Math.max(waitMs, firstMs - nowMs, (line?.heldMs ?? 0) + this.#options.holdMs - nowMs);
    }
    return waitMs;
  }

  /** The source with the earliest line. */
  #first(): Source | undefined {
    let first: Source | undefined;
    for (const source of this.#sources) {
      const [line] = source.lines;
      if (!line) {
        if (source.isEnded) this.#sources.delete(source);
      } else if (first === undefined || line.at < (first.lines[0]?.at ?? '')) first = source;
    }
    return first;
  }

  #take(source: Source): void {
    const line = source.lines.shift();
    if (line) this.#deps.write(line, source.title);
    if (source.lines.length > MAX_WAITING / 2) return;
    source.resume?.();
    source.resume = undefined;
  }
}
