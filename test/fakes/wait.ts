import { vi } from 'vitest';

/** Resolves once `condition` holds; rejects after `timeoutMs` with its text. */
export async function waitUntil(condition: () => boolean, timeoutMs: number = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves with what `look` does once it throws no more; rejects with its error after minutes. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 120_000 });
}
