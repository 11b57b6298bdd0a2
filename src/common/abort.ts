import { setMaxListeners } from 'node:events';

/** The first signal that is aborted already. */
export function abortedOf(signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined {
  return signals.find((signal) => signal?.aborted);
}

/**
 * Calls `action` with the reason, once, when the first of the signals is aborted; none is yet ({@link abortedOf}). The returned
 * function ends the watch. Not `AbortSignal.any`, which leaves something behind with every use on a signal that lives long (seen
 * with Node 20).
 */
export function onAbort(signals: readonly (AbortSignal | undefined)[], action: (reason: Error) => void): () => void {
  const watches = signals.flatMap((signal) => (signal ? [{ signal, listener: () => abort(signal.reason) }] : []));
  const forget = (): void => {
    for (const { signal, listener } of watches) signal.removeEventListener('abort', listener);
  };
  const abort = (reason: Error): void => {
    forget();
    action(reason);
  };
  for (const { signal, listener } of watches) signal.addEventListener('abort', listener);
  return forget;
}

/** Settles as `outcome` does, or rejects with the signal's reason when that comes first. Leaves nothing behind on the signal. */
export function untilAborted<T>(outcome: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return outcome;
  return new Promise((resolve, reject) => {
    const forget = onAbort([signal], reject);
    outcome.then(resolve, reject).finally(forget);
  });
}

/** A controller whose signal any number of calls and pauses wait for at a time, one or more for each node: Node warns of more than ten. */
export function sharedStop(): AbortController {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  return stop;
}
