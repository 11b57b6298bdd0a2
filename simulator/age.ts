import type { Container } from './container.ts';

/** Upper bound in seconds (exclusive), unit in seconds, words; as the engine's own status texts count. */
const STEPS: readonly (readonly [below: number, unit: number, words: string])[] = [
  [1, 1, 'Less than a second'],
  [2, 1, '1 second'],
  [60, 1, '# seconds'],
  [120, 60, 'About a minute'],
  [3600, 60, '# minutes'],
  // Engines round hours, so "About an hour" lasts until half past one.
  [5400, 3600, 'About an hour'],
  [48 * 3600, 3600, '# hours'],
  [14 * 86400, 86400, '# days'],
  [60 * 86400, 7 * 86400, '# weeks'],
  [2 * 365 * 86400, 30 * 86400, '# months'],
];

/** A duration as engines word it. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  for (const [below, unit, words] of STEPS) {
    if (seconds >= below) continue;
    const count = unit === 3600 ? Math.floor(seconds / unit + 0.5) : Math.floor(seconds / unit);
    return words.replace('#', String(count));
  }
  return `${Math.floor(seconds / (365 * 86400))} years`;
}

/** The `Status` of a list entry. */
export function statusText(container: Container, now: number): string {
  if (container.state === 'created') return 'Created';
  if (container.state === 'exited') {
    return `Exited (${container.exitCode}) ${ageText(now - container.finishedAt)} ago`;
  }
  const suffix =
    container.state === 'paused' ? ' (Paused)' : container.health === 'none' ? '' : ` (${container.health})`;
  return `Up ${ageText(now - container.startedAt)}${suffix}`;
}
