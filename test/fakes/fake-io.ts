import type { Io } from '../../src/cli/io.ts';

/** A process of strings: what a command wrote, and a hand on its stop signal. */
export interface FakeIo extends Io {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** What a SIGTERM does. */
  readonly stop: () => void;
}

/** An {@link Io} with this environment, on no terminal. */
export function fakeIo(env: Readonly<Record<string, string>> = {}, options: Partial<Io> = {}): FakeIo {
  let out = '';
  let err = '';
  const stop = new AbortController();
  return {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env,
    isErrTerminal: false,
    isRoot: false,
    stopSignal: () => stop.signal,
    interruptible: (work) => work(stop.signal),
    ...options,
    stdout: () => out,
    stderr: () => err,
    stop: () => stop.abort(),
  };
}
