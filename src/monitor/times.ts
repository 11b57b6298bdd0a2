/**
 * Times of a monitor, in milliseconds. Each is lengthened to the next beat of 100 ms. A silent engine is known after at most
 * probeIntervalMs + failureRetry × probeTimeoutMs and as many beats: 9.4 s with the defaults.
 */
export interface MonitorTimes {
  /** Between two probes; the first comes after half of it and a random part, so that a thousand do not beat together. */
  readonly probeIntervalMs: number;
  /** An engine that does not answer a probe within this has failed it. */
  readonly probeTimeoutMs: number;
  /** Probes failed in a row that make a node unhealthy. */
  readonly failureRetry: number;
  /** Everything is listed again after a random time between these two. */
  readonly refreshMinMs: number;
  readonly refreshMaxMs: number;
  /** Wait before an unreachable engine is tried again: doubles from the first to the second. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** The longest such wait for an engine that was reached before: it is likely to come back soon. */
  readonly lostRetryMaxMs: number;
}

export const DEFAULT_TIMES: MonitorTimes = {
  probeIntervalMs: 3_000,
  probeTimeoutMs: 2_000,
  failureRetry: 3,
  refreshMinMs: 30_000,
  refreshMaxMs: 60_000,
  retryMinMs: 500,
  retryMaxMs: 10_000,
  lostRetryMaxMs: 3_000,
};
