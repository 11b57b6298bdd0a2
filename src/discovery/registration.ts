import { backoffMs, jitterMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
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
  let failures = 0;
  let wasRegistered = false;
  while (!signal.aborted) {
    const error = await backend.register(entry, ttlMs, signal).then(
      () => undefined,
      (reason: unknown) => reason ?? new Error('refused'),
    );
    if (signal.aborted) return;
    if (!wasRegistered && isLasting(error)) throw error;
    const failure = error === undefined ? undefined : reasonOf(error);
    wasRegistered ||= failure === undefined;
    failures = failure === undefined ? 0 : failures + 1;
    const pauseMs =
      failure === undefined
        ? jitterMs(heartbeatMs, JITTER)
        : backoffMs(failures, { baseMs: Math.min(RETRY_BASE_MS, heartbeatMs), maxMs: heartbeatMs });
    if (failure === undefined) options.onRegistered();
    else options.onFailed(failure, pauseMs);
    // Rejects only when aborted, which the loop sees.
    await clock.sleep(pauseMs, signal).catch(() => undefined);
  }
}
