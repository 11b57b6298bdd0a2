import type { Clock } from '../common/clock.ts';
import type { DiscoveryError } from '../common/errors.ts';
import { type DiscoveryBackend, isLasting, type WatchEvent } from './backend.ts';

const LOOK_WITHIN_MS = 3000;

/**
 * Looks at the entries once, for a short time. Rejects with what {@link isLasting}; what may pass, a slow answer too, is left to the watch.
 */
export async function firstLook(backend: DiscoveryBackend, clock: Clock): Promise<void> {
  const over = new AbortController();
  const looking = backend.entries(over.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  const waiting = clock.sleep(LOOK_WITHIN_MS, over.signal).catch(() => undefined);
  const error = await Promise.race([looking, waiting]);
  over.abort(new Error('the first look is over'));
  await Promise.all([looking, waiting]);
  if (isLasting(error)) throw error;
}

/**
 * The backend, with a watch that tells `onLasting` when it fails for a reason that {@link isLasting} before it ever worked: a service that
 * comes up late may not know the token either. Once it has worked, every failure may pass.
 */
export function untilItWorked(backend: DiscoveryBackend, onLasting: (error: DiscoveryError) => void): DiscoveryBackend {
  return {
    name: backend.name,
    entries: (signal) => backend.entries(signal),
    watch: (signal) => told(backend.watch(signal), onLasting),
    close: () => backend.close(),
  };
}

async function* told(
  events: AsyncIterable<WatchEvent>,
  onLasting: (error: DiscoveryError) => void,
): AsyncGenerator<WatchEvent, void, void> {
  let hasWorked = false;
  for await (const event of events) {
    hasWorked ||= event.entries !== undefined;
    if (!hasWorked && isLasting(event.error)) onLasting(event.error);
    yield event;
  }
}
