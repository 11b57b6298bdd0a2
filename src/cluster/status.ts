import { ageText, parseAge } from '../engine/age.ts';

/**
 * A container's `Status` ("Up 5 minutes (healthy)") that stays true without asking the engine again: the words
 * around the age are kept, the age is told from when the state began.
 */
export interface Status {
  readonly before: string;
  readonly after: string;
  /** When the state began, in milliseconds of our own clock; undefined when the text carries no age. */
  readonly sinceMs: number | undefined;
}

const AGED =
  /^(Up |Exited \(-?\d+\) |Restarting \(-?\d+\) )(Less than a second|About an? (?:minute|hour)|\d+ [a-z]+?s?)( ago)?( \(.*\))?$/;

/** Reads an engine's status text seen at `nowMs`; keeps the earlier beginning when the text still agrees with it. */
export function readStatus(text: string, nowMs: number, earlier?: Status): Status {
  const match = AGED.exec(text);
  const ageMs = match?.[2] === undefined ? undefined : parseAge(match[2]);
  if (!match?.[1] || ageMs === undefined) return { before: text, after: '', sinceMs: undefined };
  const before = match[1];
  const after = (match[3] ?? '') + (match[4] ?? '');
  if (
    earlier?.sinceMs !== undefined &&
    earlier.before === before &&
    ageText(nowMs - earlier.sinceMs).text === match[2]
  ) {
    return { before, after, sinceMs: earlier.sinceMs };
  }
  return { before, after, sinceMs: nowMs - ageMs };
}

/** The exit code in "Exited (137) 2 hours ago". */
export function exitCodeOf(status: Status): number | undefined {
  const match = /^Exited \((-?\d+)\)/.exec(status.before);
  return match ? Number(match[1]) : undefined;
}

/** The health in "Up 5 minutes (healthy)" as the `health` filter names it. */
export function healthOf(status: Status): 'healthy' | 'unhealthy' | 'starting' | 'none' {
  if (status.after === ' (healthy)') return 'healthy';
  if (status.after === ' (unhealthy)') return 'unhealthy';
  return status.after === ' (health: starting)' ? 'starting' : 'none';
}
