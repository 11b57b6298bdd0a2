import { describe, expect, test } from 'vitest';
import { ageText, statusText } from './age.ts';
import { toContainer } from './container.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('ageText', () => {
  test.each([
    [200, 'Less than a second'],
    [1500, '1 second'],
    [59_999, '59 seconds'],
    [MINUTE, 'About a minute'],
    [2 * MINUTE, '2 minutes'],
    [HOUR, 'About an hour'],
    [1.6 * HOUR, '2 hours'],
    [47 * HOUR, '47 hours'],
    [2 * DAY, '2 days'],
    [14 * DAY, '2 weeks'],
    [61 * DAY, '2 months'],
    [3 * 365 * DAY, '3 years'],
  ])('%d ms is %s', (ms, text) => {
    expect(ageText(ms)).toBe(text);
  });
});

describe('statusText', () => {
  const now = 10 * DAY;
  const at = (seed: Parameters<typeof toContainer>[0]): string =>
    statusText(toContainer(seed, 1, '', now), now + MINUTE);

  test.each([
    [{ state: 'created' }, 'Created'],
    [{ state: 'running', startedAt: now }, 'Up About a minute'],
    [{ state: 'running', startedAt: now, health: 'healthy' }, 'Up About a minute (healthy)'],
    [{ state: 'paused', startedAt: now }, 'Up About a minute (Paused)'],
    [{ state: 'exited', exitCode: 3 }, 'Exited (3) 55 seconds ago'],
  ] as const)('%j is %s', (seed, text) => {
    expect(at(seed)).toBe(text);
  });
});
