import type { Clock } from '../../common/clock.ts';
import { retry } from '../../common/retry.ts';

/** A virtual machine that is asked to switch itself off. */
export interface Shutdown {
  readonly isOff: () => Promise<boolean>;
  readonly pressKey: () => Promise<void>;
  readonly withinMs: number;
  /** Pause between two looks, in milliseconds. */
  readonly everyMs: number;
}

const PRESS_EVERY_MS = 10_000;

/**
 * Presses the power key and waits; false when the machine is still on after that time. The key is pressed more than once: a system
 * that has just started does not notice yet.
 */
export async function shutDown(
  clock: Clock,
  { isOff, pressKey, withinMs, everyMs }: Shutdown,
  signal: AbortSignal,
): Promise<boolean> {
  let pressedAt = Number.NEGATIVE_INFINITY;
  const look = async (): Promise<boolean> => {
    if (await isOff()) return true;
    if (clock.now() - pressedAt < PRESS_EVERY_MS) return false;
    pressedAt = clock.now();
    await pressKey();
    return false;
  };
  return await retry(clock, look, {
    until: (isOff) => isOff,
    passes: () => false,
    backoff: everyMs,
    deadline: clock.now() + withinMs,
    signal,
  });
}
