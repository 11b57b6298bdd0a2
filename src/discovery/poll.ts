import { backoffMs, jitterMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { DiscoveryError, reasonOf } from '../common/errors.ts';
import type { WatchEvent } from './backend.ts';
import { type Entry, sameEntries } from './entry.ts';

/** How a backend without a change feed is watched. */
export interface PollOptions {
  /** Pause between two reads; a function where reads that wait for changes themselves need less. */
  readonly intervalMs: number | (() => number);
  /** Longest pause between two attempts while they fail. */
  readonly retryMaxMs: number;
  readonly clock: Clock;
}

const RETRY_BASE_MS = 1000;
const JITTER = 0.1;

/** A {@link DiscoveryBackend} watch made of repeated reads: quiet while nothing changes, backing off while reads fail. */
export async function* pollEntries(
  read: (signal: AbortSignal) => Promise<readonly Entry[]>,
  options: PollOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent, void, void> {
  let last: readonly Entry[] | undefined;
  let failures = 0;
  while (!signal.aborted) {
    const event = await attempt(read, signal);
    if (signal.aborted) return;
    const isNews =
      event.entries === undefined || failures > 0 || last === undefined || !sameEntries(last, event.entries);
    failures = event.entries === undefined ? failures + 1 : 0;
    last = event.entries ?? last;
    if (isNews) yield event;
    await pause(failures, options, signal);
  }
}

async function attempt(
  read: (signal: AbortSignal) => Promise<readonly Entry[]>,
  signal: AbortSignal,
): Promise<WatchEvent> {
  try {
    return { entries: await read(signal) };
  } catch (error) {
    return { error: error instanceof DiscoveryError ? error : new DiscoveryError(reasonOf(error), undefined, error) };
  }
}

async function pause(failures: number, options: PollOptions, signal: AbortSignal): Promise<void> {
  const retry = { baseMs: Math.min(RETRY_BASE_MS, options.retryMaxMs), maxMs: options.retryMaxMs };
  const intervalMs = typeof options.intervalMs === 'number' ? options.intervalMs : options.intervalMs();
  const ms = failures === 0 ? jitterMs(intervalMs, JITTER) : backoffMs(failures, retry);
  try {
    await options.clock.sleep(ms, signal);
  } catch {
    // Aborted: the loop sees it.
  }
}
