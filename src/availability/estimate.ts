import type { MoveEstimate, MoveHow, PlannedCopy } from './plan.ts';

/** Beside the copying: an image may be missing, and that is not known; stopping, starting and settling take some seconds. */
const STOPPED_MS = 3_000;
const SETTLE_MS = 6_000;

/** Of a move that copies nothing. */
export const WITHOUT_COPIES: MoveEstimate = { durationMs: SETTLE_MS };

/** As {@link estimateOf} for one that copies nothing: where the old copy is stopped first, that is a time in which nothing runs. */
export function estimateFor(how: MoveHow, estimate: MoveEstimate): MoveEstimate {
  const { durationMs, downtimeMs } = estimate;
  if (how !== 'stop-first' || durationMs === undefined || downtimeMs !== undefined) return estimate;
  return { durationMs: durationMs + STOPPED_MS, downtimeMs: STOPPED_MS };
}

/**
 * How long a move may take. What is copied is read twice, and nothing runs meanwhile. Not told where a size is not known.
 *
 * @param bytesPerSecond of one reading
 */
export function estimateOf(copies: readonly PlannedCopy[], bytesPerSecond: number): MoveEstimate {
  if (copies.length === 0) return WITHOUT_COPIES;
  if (copies.some(({ bytes }) => bytes === undefined)) return {};
  const bytes = copies.reduce((sum, copy) => sum + (copy.bytes ?? 0), 0);
  const copyMs = Math.round((2 * bytes * 1_000) / bytesPerSecond);
  return { durationMs: copyMs + STOPPED_MS + SETTLE_MS, downtimeMs: copyMs + STOPPED_MS };
}
