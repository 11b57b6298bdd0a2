import { retry } from '../../common/retry.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';

/** How a provider is polled for something. */
export interface PollOptions {
  /** What is waited for, as in `the server to stop`. */
  readonly what: string;
  readonly timeoutMs: number;
  /** Between two looks; default 3 s, which stays far below every provider's rate limit. */
  readonly everyMs?: number;
}

type Surroundings = Pick<DriverContext<unknown>, 'clock' | 'report'>;

/**
 * Asks `probe` until it answers something else than undefined. Rejects with a {@link DriverError} of code `TIMEOUT` when it took
 * too long, with the signal's reason when aborted, and with what `probe` throws.
 */
export async function pollUntil<T>(
  { clock, report }: Surroundings,
  { what, timeoutMs, everyMs = 3_000 }: PollOptions,
  probe: () => Promise<T | undefined>,
  signal: AbortSignal,
): Promise<T> {
  const found = await retry(clock, probe, {
    backoff: everyMs,
    until: (value) => value !== undefined,
    passes: () => false,
    deadline: clock.now() + timeoutMs,
    signal,
    onSetback: (_, __, failures) => {
      if (failures === 2) report(`waiting for ${what}`);
    },
  });
  if (found === undefined) throw tooLong(what, timeoutMs);
  return found;
}

function tooLong(what: string, timeoutMs: number): DriverError {
  const waited = timeoutMs < 120_000 ? `${timeoutMs / 1_000} seconds` : `${timeoutMs / 60_000} minutes`;
  return new DriverError(`gave up waiting for ${what} after ${waited}. Try the same command again later`, 'TIMEOUT');
}
