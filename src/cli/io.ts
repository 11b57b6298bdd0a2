import { printableLines } from '../common/printable.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** The process around a command, so that tests need none. */
export interface Io {
  /** Writes to standard output, nothing added. */
  out(text: string): void;
  /** Writes to standard error, nothing added. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal, and how wide; absent otherwise. */
  readonly columns?: number | undefined;
  /** For what takes the whole terminal; absent when standard input or output is none. */
  readonly terminal?: Terminal | undefined;
  /** Whether standard error is a terminal. */
  readonly isErrTerminal: boolean;
  readonly isRoot: boolean;
  /** For commands that run until told to stop: aborted by SIGINT or SIGTERM. A second signal ends the process at once. */
  stopSignal(): AbortSignal;
  /**
   * For commands that end by themselves: does `work` with a signal that SIGINT or SIGTERM aborts. A second one ends the process at
   * once.
   */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/**
 * The real process. It stays alive until `release`, once the command has ended: sleeps alone would let it end in silence in the middle
 * of a wait.
 */
export function processIo(process: NodeJS.Process): Io & { release(): void } {
  const alive = setInterval(() => undefined, LONGEST_TIMER_MS);
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
    terminal: processTerminal(process),
    isErrTerminal: process.stderr.isTTY === true,
    isRoot: process.getuid?.() === 0,
    stopSignal: () => stopSignal(process),
    release: () => clearInterval(alive),
    interruptible: (work) => interruptible(process, work),
  };
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

function stopSignal(process: NodeJS.Process): AbortSignal {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130);
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
  try {
    return await work(stop.signal);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
