import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `done` holds, looking every `everyMs`; answers the milliseconds it took, or undefined after `withinMs`. */
export async function waitUntil(
  done: () => boolean | Promise<boolean>,
  withinMs: number,
  everyMs: number = 20,
): Promise<number | undefined> {
  const startedAt = performance.now();
  while (!(await done())) {
    if (performance.now() - startedAt > withinMs) return undefined;
    await sleep(everyMs);
  }
  return performance.now() - startedAt;
}
