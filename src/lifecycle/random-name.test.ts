import { expect, test } from 'vitest';
import { seeded } from '../../test/fakes/fixture-cluster.ts';
import { randomName } from './random-name.ts';

test('names are an adjective and a surname that engines accept', () => {
  const random = seeded(1);
  const names = Array.from({ length: 500 }, () => randomName(() => true, random));
  expect(names.filter((name) => !/^[a-z]+_[a-z]+$/.test(name))).toEqual([]);
});

test('fifty thousand containers get as many names', () => {
  const random = seeded(2);
  const taken = new Set<string>();
  for (let i = 0; i < 50_000; i++) {
    taken.add(randomName((each) => !taken.has(each), random));
  }
  expect(taken.size).toBe(50_000);
});

test('a name comes back even when nothing is free', () => {
  expect(randomName(() => false)).toMatch(/^[a-z]+_[a-z]+\d+$/);
});
