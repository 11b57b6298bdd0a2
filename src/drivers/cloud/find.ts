import type { DriverContext } from '../driver.ts';
import { LOOK_EVERY_MS, SETTLE_MS } from './removal.ts';

/**
 * Looks for what a lost process may have made, until a provider without idempotency tokens would surely list it: making it again
 * too early would make it twice.
 */
export async function findPatiently<T>(
  { clock, report }: Pick<DriverContext<unknown>, 'clock' | 'report'>,
  look: () => Promise<T | undefined>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const deadline = clock.now() + SETTLE_MS;
  for (let looks = 0; ; looks += 1) {
    const found = await look();
    if (found !== undefined || clock.now() >= deadline) return found;
    if (looks === 0) report('looking for what an interrupted run may have made');
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}
