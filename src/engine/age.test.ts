import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ageText, parseAge } from './age.ts';

const SECOND = 1;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;

/** Seconds and the words of Docker's own `units.HumanDuration`, each at a border and right before it. */
const WORDS: readonly (readonly [seconds: number, text: string])[] = [
  [0, 'Less than a second'],
  [0.999, 'Less than a second'],
  [1, '1 second'],
  [1.999, '1 second'],
  [2, '2 seconds'],
  [59.999, '59 seconds'],
  [MINUTE, 'About a minute'],
  [119.999, 'About a minute'],
  [2 * MINUTE, '2 minutes'],
  [59 * MINUTE + 59.999, '59 minutes'],
  [HOUR, 'About an hour'],
  [1.5 * HOUR - 0.001, 'About an hour'],
  [1.5 * HOUR, '2 hours'],
  [2.5 * HOUR - 0.001, '2 hours'],
  [2.5 * HOUR, '3 hours'],
  [47.5 * HOUR - 0.001, '47 hours'],
  [47.5 * HOUR, '2 days'],
  [71.5 * HOUR - 0.001, '2 days'],
  [71.5 * HOUR, '3 days'],
  [14 * DAY - 0.5 * HOUR - 0.001, '13 days'],
  [14 * DAY - 0.5 * HOUR, '2 weeks'],
  [21 * DAY - 0.5 * HOUR, '3 weeks'],
  [60 * DAY - 0.5 * HOUR - 0.001, '8 weeks'],
  [60 * DAY - 0.5 * HOUR, '2 months'],
  [90 * DAY - 0.5 * HOUR, '3 months'],
  [730 * DAY - 0.5 * HOUR - 0.001, '24 months'],
  [730 * DAY - 0.5 * HOUR, '1 years'],
  [730 * DAY, '2 years'],
  [1095 * DAY - SECOND, '2 years'],
  [1095 * DAY, '3 years'],
];

test.each(WORDS)('%d s: %s', (seconds, text) => {
  expect(ageText(seconds * 1000).text).toBe(text);
});

test('an age below zero is none', () => {
  expect(ageText(-5000).text).toBe('Less than a second');
});

const anAge = fc.oneof(
  fc.integer({ min: 0, max: 200_000 }),
  fc.integer({ min: 0, max: 3 * DAY * 1000 }),
  fc.integer({ min: 0, max: 5000 * DAY * 1000 }),
  // Near the borders, where mistakes are.
  fc.tuple(fc.constantFrom(...WORDS), fc.integer({ min: -3, max: 3 })).map(([[seconds], ms]) => seconds * 1000 + ms),
);

describe('the words', () => {
  test('stay true exactly as long as they say', () => {
    fc.assert(
      fc.property(anAge, fc.double({ min: 0, max: 1, noNaN: true }), (ageMs, part) => {
        const { text, validMs } = ageText(ageMs);
        expect(validMs).toBeGreaterThan(0);
        const start = Math.max(0, ageMs);
        expect(ageText(start + Math.floor(part * (validMs - 1))).text).toBe(text);
        expect(ageText(start + validMs - 1).text).toBe(text);
        expect(ageText(start + validMs).text).not.toBe(text);
      }),
    );
  });

  test('are read back as the least age that has them', () => {
    fc.assert(
      fc.property(anAge, (ageMs) => {
        const { text } = ageText(ageMs);
        const least = parseAge(text);
        if (least === undefined) throw new Error(`not read: ${text}`);
        expect(least).toBeLessThanOrEqual(Math.max(0, ageMs));
        expect(ageText(least).text).toBe(text);
        if (least > 0) expect(ageText(least - 1).text).not.toBe(text);
      }),
    );
  });
});

test.each(['', 'About a day', '5 fortnights', 'five minutes', '5', 'Up 5 minutes', '999999 years'])(
  '%j is no age',
  (text) => {
    expect(parseAge(text)).toBeUndefined();
  },
);
