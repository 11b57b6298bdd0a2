import { expect, test } from 'vitest';
import { flag } from './query-flag.ts';

test.each([
  ['all=1', true],
  ['all=true', true],
  ['all=0', false],
  ['all=false', false],
  ['all=', false],
  ['', false],
])('flag %s', (query, expected) => {
  expect(flag(new URLSearchParams(query), 'all')).toBe(expected);
});
