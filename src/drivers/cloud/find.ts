import { retry } from '../../common/retry.ts';
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
  return await retry(clock, look, {
    backoff: LOOK_EVERY_MS,
    until: (found) => found !== undefined,
    passes: () => false,
    deadline: clock.now() + SETTLE_MS,
    signal,
    onSetback: (_, __, failures) => {
      if (failures === 1) report('looking for what an interrupted run may have made');
    },
  });
}
