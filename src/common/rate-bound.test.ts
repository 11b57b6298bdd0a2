import { expect, test } from 'vitest';
import { RateBound } from './rate-bound.ts';

test('so many are admitted a second, and no more after a long pause or a clock that goes back', () => {
  let nowMs = 5_000;
  const bound = new RateBound(10, () => nowMs);
  const admitted = (): number => Array.from({ length: 100 }, () => bound.admits()).filter(Boolean).length;
  expect(admitted()).toBe(10);
  nowMs += 500;
  expect(admitted()).toBe(5);
  nowMs += 60_000;
  expect(admitted()).toBe(10);
  nowMs -= 60_000;
  expect(admitted()).toBe(0);
});
