import { UsageError } from './errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/**
 * Milliseconds of a duration written as Go writes it (`1m30s`, `500ms`, `1.5h`, `0`), never negative.
 * Throws a {@link UsageError} for anything else.
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  let totalMs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (match === null) throw malformed(text);
    totalMs += Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN);
  }
  if (text === '' || !Number.isFinite(totalMs)) throw malformed(text);
  return totalMs;
}

/** A duration in Go's notation, rounded to milliseconds: `90000` is `1m30s`. */
export function formatDuration(ms: number): string {
  const whole = Math.round(ms);
  if (whole < 1000) return whole === 0 ? '0s' : `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = (whole % 60_000) / 1000;
  return [hours > 0 ? `${hours}h` : '', minutes > 0 ? `${minutes}m` : '', seconds > 0 ? `${seconds}s` : ''].join('');
}

function malformed(text: string): UsageError {
  return new UsageError(`"${text}" is not a duration; write it like 30s, 1m30s or 500ms`, 'BAD_DURATION');
}
