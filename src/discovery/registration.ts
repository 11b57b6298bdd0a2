import { jitterMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import { type DiscoveryBackend, isLasting } from './backend.ts';
import type { Entry } from './entry.ts';

/** How an entry is kept registered. */
export interface RegistrationOptions {
  readonly heartbeatMs: number;
  readonly ttlMs: number;
  readonly clock: Clock;
  /** Told of every success. */
  readonly onRegistered: () => void;
  /** Told of every failure and when the next attempt comes. */
  readonly onFailed: (reason: string, retryInMs: number) => void;
}

const RETRY_BASE_MS = 1000;
const JITTER = 0.05;

/**
 * Registers `entry` at once and each heartbeat after that, trying again with a growing pause while that fails. Resolves when
 * `signal` is aborted; the entry then ends with its TTL, so that an agent may restart without its engine leaving the cluster. Rejects with
 * what {@link isLasting} as long as nothing was registered.
 */
export async function keepRegistered(
  backend: Pick<Required<DiscoveryBackend>, 'register'>,
  entry: Entry,
  options: RegistrationOptions,
  signal: AbortSignal,
): Promise<void> {
  const { heartbeatMs, ttlMs, clock } = options;
  const backoff = { baseMs: Math.min(RETRY_BASE_MS, heartbeatMs), maxMs: heartbeatMs };
  let wasRegistered = false;
  try {
    for (;;) {
      await retry(clock, () => backend.register(entry, ttlMs, signal), {
        passes: (error) => wasRegistered || !isLasting(error),
        backoff,
        onSetback: (setback, pauseMs) => {
          if ('error' in setback) options.onFailed(reasonOf(setback.error), pauseMs);
        },
        signal,
      });
      wasRegistered = true;
      options.onRegistered();
      await clock.sleep(jitterMs(heartbeatMs, JITTER), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
