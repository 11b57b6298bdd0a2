/**
 * Wraps an expensive refresh so that any number of callers share runs, and every caller's promise settles with a run
 * that *began after* the call: a caller that just wrote something sees its own write.
 */
export function coalesced(run: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    current = run().finally(() => {
      current = undefined;
    });
    return current;
  };
  return () => {
    // Also when the current run has just ended: the next one has not begun yet, and two must not run at once.
    if (next) return next;
    if (!current) return start();
    next = current
      .catch(() => undefined) // The failed run's own callers were told; this one gets its own run.
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
}
