/**
 * How far a clock is off at least that was read some time between two moments, all in milliseconds: an engine that has just started may take
 * seconds for its answer. 0 for one that was not read (NaN).
 */
export function leastOffsetMs(readMs: number, fromMs: number, toMs: number): number {
  if (readMs > toMs) return readMs - toMs;
  return readMs < fromMs ? readMs - fromMs : 0;
}
