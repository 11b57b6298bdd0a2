import { type BackoffOptions, backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';

/** What an attempt that is to be made again came to. */
export type Setback<T> = { readonly value: T } | { readonly error: unknown };

/** How something is tried again. Without a deadline, and as long as `backoff` gives a pause, it is tried for ever. */
export interface RetryOptions<T> {
  /**
   * Milliseconds before the next attempt: always the same, growing ({@link backoffMs}), or chosen after each setback, where undefined
   * ends the attempts. `failures` is 1 after the first attempt.
   */
  readonly backoff: number | BackoffOptions | ((failures: number, setback: Setback<T>) => number | undefined);
  /** Whether a value is the one that is waited for; any value is, unless told. */
  readonly until?: (value: T) => boolean;
  /** Whether an error may pass; any may, unless told. Others are thrown at once. */
  readonly passes?: (error: unknown) => boolean;
  /** When the last attempt begins at the latest, by the clock as it is now: the pause before it is cut short. */
  readonly deadline?: number;
  /** Ends the pauses; to end an attempt, hand it the signal too. */
  readonly signal?: AbortSignal | undefined;
  /** Told before each pause. */
  readonly onSetback?: (setback: Setback<T>, pauseMs: number, failures: number) => void;
}

/**
 * Makes an attempt until it succeeds: it resolves, and `until` holds. At the end, the last attempt stands as it came out: its error is
 * thrown, its value is returned even where `until` does not hold. Rejects with the signal's reason when aborted. One attempt runs at
 * a time; `attempt` is told which it is, from 1.
 */
export async function retry<T>(
  clock: Clock,
  attempt: (attempt: number) => Promise<T> | T,
  options: RetryOptions<T>,
): Promise<T> {
  const { until = () => true, passes = () => true, deadline = Number.POSITIVE_INFINITY, signal } = options;
  const endMs = clock.elapsed() + deadline - clock.now();
  for (let failures = 1; ; failures++) {
    signal?.throwIfAborted();
    const setback = await outcomeOf(() => attempt(failures));
    if ('value' in setback && until(setback.value)) return setback.value;
    signal?.throwIfAborted();
    if ('error' in setback && !passes(setback.error)) throw setback.error;
    const leftMs = endMs - clock.elapsed();
    const pauseMs = leftMs > 0 ? pauseOf(options.backoff, failures, setback) : undefined;
    if (pauseMs === undefined) return settled(setback);
    options.onSetback?.(setback, Math.min(pauseMs, leftMs), failures);
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
  }
}

async function outcomeOf<T>(attempt: () => Promise<T> | T): Promise<Setback<T>> {
  try {
    return { value: await attempt() };
  } catch (error) {
    return { error };
  }
}

function pauseOf<T>(backoff: RetryOptions<T>['backoff'], failures: number, setback: Setback<T>): number | undefined {
  if (typeof backoff === 'number') return backoff;
  return typeof backoff === 'function' ? backoff(failures, setback) : backoffMs(failures, backoff);
}

function settled<T>(setback: Setback<T>): T {
  if ('error' in setback) throw setback.error;
  return setback.value;
}
