import { printableLines } from '../common/printable.ts';

/** The process around a command, so that tests need none. */
export interface Io {
  /** Writes to standard output, nothing added. */
  out(text: string): void;
  /** Writes to standard error, nothing added. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal, and how wide; absent otherwise. */
  readonly columns?: number | undefined;
  /** Whether standard error is a terminal. */
  readonly isErrTerminal: boolean;
  readonly isRoot: boolean;
  /**
   * For commands that run until told to stop: aborted by SIGINT or SIGTERM, and keeping the process alive until then. A second
   * signal ends the process at once.
   */
  stopSignal(): AbortSignal;
  /**
   * For commands that end by themselves: does `work` with a signal that SIGINT or SIGTERM aborts. A second one ends the process at
   * once.
   */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** The real process; `release` lets it end once a command has, also one that was to run until told to stop and failed. */
export function processIo(process: NodeJS.Process): Io & { release(): void } {
  const alive = new Set<NodeJS.Timeout>();
  // A reader that has seen enough (`enxame list … | head -1`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  process.stderr.on('error', () => undefined);
  return {
    out: (text) => void process.stdout.write(process.stdout.isTTY ? printableLines(text) : text),
    err: (text) => void process.stderr.write(process.stderr.isTTY ? printableLines(text) : text),
    env: process.env,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    isErrTerminal: process.stderr.isTTY === true,
    isRoot: process.getuid?.() === 0,
    stopSignal: () => stopSignal(process, alive),
    release: () => {
      for (const timer of alive) clearInterval(timer);
    },
    interruptible: (work) => interruptible(process, work),
  };
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

function stopSignal(process: NodeJS.Process, timers: Set<NodeJS.Timeout>): AbortSignal {
  const stop = new AbortController();
  const alive = setInterval(() => undefined, LONGEST_TIMER_MS);
  timers.add(alive);
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130);
    clearInterval(alive);
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return stop.signal;
}

async function interruptible<T>(process: NodeJS.Process, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort(new Error(`interrupted (${signal})`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // Sleeps alone do not keep a process alive.
  const alive = setInterval(() => undefined, LONGEST_TIMER_MS);
  try {
    return await work(stop.signal);
  } finally {
    clearInterval(alive);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
