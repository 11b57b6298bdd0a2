import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { medianOf, percentilesOf } from './percentiles.ts';

describe('percentilesOf', () => {
  test.each([
    [[], { p50Ms: 0, p90Ms: 0, p99Ms: 0 }],
    [[7], { p50Ms: 7, p90Ms: 7, p99Ms: 7 }],
    [Array.from({ length: 100 }, (_, i) => 100 - i), { p50Ms: 50, p90Ms: 90, p99Ms: 99 }],
    // As numbers, not as text.
    [[10, 9, 1], { p50Ms: 9, p90Ms: 10, p99Ms: 10 }],
  ])('%j', (samples, expected) => {
    expect(percentilesOf(samples)).toEqual(expected);
  });

  test('at least the share of samples is not above a percentile', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1 }), (samples) => {
        const { p50Ms, p99Ms } = percentilesOf(samples);
        const share = (limit: number): number => samples.filter((sample) => sample <= limit).length / samples.length;
        expect(share(p50Ms)).toBeGreaterThanOrEqual(0.5);
        expect(share(p99Ms)).toBeGreaterThanOrEqual(0.99);
      }),
    );
  });
});

describe('medianOf', () => {
  test.each([
    [[], 0],
    [[3], 3],
    [[1, 3], 2],
    [[9, 1, 5], 5],
  ])('%j is %d', (values, median) => {
    expect(medianOf(values)).toBe(median);
  });
});
