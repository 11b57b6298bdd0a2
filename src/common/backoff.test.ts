import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, jitterMs } from './backoff.ts';

const highest = (): number => 1;
const lowest = (): number => 0;

describe('backoffMs', () => {
  it.each([
    [0, 100],
    [1, 100],
    [2, 200],
    [5, 1600],
    [6, 2000],
    [5000, 2000],
  ])('after %d failures is at most %d ms', (failures, ms) => {
    expect(backoffMs(failures, { baseMs: 100, maxMs: 2000, random: highest })).toBe(ms);
    expect(backoffMs(failures, { baseMs: 100, maxMs: 2000, random: lowest })).toBe(ms / 2);
  });

  it('stays between half the base and the maximum', () => {
    fc.assert(
      fc.property(fc.nat(), (failures) => {
        const ms = backoffMs(failures, { baseMs: 100, maxMs: 5000 });
        expect(ms).toBeGreaterThanOrEqual(50);
        expect(ms).toBeLessThanOrEqual(5000);
      }),
    );
  });
});

describe('jitterMs', () => {
  it('moves both ways by the share', () => {
    expect(jitterMs(1000, 0.1, lowest)).toBe(900);
    expect(jitterMs(1000, 0.1, highest)).toBe(1100);
    expect(jitterMs(1000, 0.1, () => 0.5)).toBe(1000);
  });
});
