/** Bounds of a growing wait, in milliseconds. */
export interface BackoffOptions {
  /** Wait before the first repetition. */
  readonly baseMs: number;
  /** Longest wait. */
  readonly maxMs: number;
  /** A number in [0, 1), for tests. */
  readonly random?: () => number;
}

/**
 * How long to wait after `failures` failures in a row (1 for the first): doubling from `baseMs`, at most `maxMs`, of which
 * the upper half is random so that many waiters do not return together.
 */
export function backoffMs(failures: number, options: BackoffOptions): number {
  const random = options.random ?? Math.random;
  const ceiling = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(Math.max(failures - 1, 0), 52));
  return ceiling / 2 + (ceiling / 2) * random();
}

/** `ms` moved by up to `share` of itself in either direction, so that periodic work of many does not beat together. */
export function jitterMs(ms: number, share: number, random: () => number = Math.random): number {
  return ms * (1 + share * (2 * random() - 1));
}
