/** Latencies of one measurement, in milliseconds. */
export interface Percentiles {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
}

/** Nearest-rank percentiles of unsorted samples; all 0 when there are none. */
export function percentilesOf(samplesMs: readonly number[]): Percentiles {
  const sorted = Float64Array.from(samplesMs).sort();
  return { p50Ms: rank(sorted, 0.5), p90Ms: rank(sorted, 0.9), p99Ms: rank(sorted, 0.99) };
}

function rank(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** The middle value, or the mean of the two middle ones; 0 without values. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return 0;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
