import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { Setbacks } from './setbacks.ts';

const ONE = [{ key: 'one' }];

test('what could not be moved is planned again after a pause that grows', () => {
  const clock = new FakeClock();
  const setbacks = new Setbacks(clock);
  expect(setbacks.due(ONE)).toEqual(ONE);
  for (let failures = 1; failures <= 8; failures++) setbacks.add('one');
  expect(setbacks.due(ONE)).toEqual([]);
  clock.advance(9_000);
  expect(setbacks.due(ONE)).toEqual([]);
  clock.advance(11_001);
  expect(setbacks.due(ONE)).toEqual(ONE);
});

test('what is known to have to wait is planned again when that is over, whatever failed before', () => {
  const clock = new FakeClock();
  const setbacks = new Setbacks(clock);
  for (let failures = 1; failures <= 8; failures++) setbacks.add('one');
  setbacks.add('one', 3_000);
  clock.advance(2_999);
  expect(setbacks.due(ONE)).toEqual([]);
  clock.advance(1);
  expect(setbacks.due(ONE)).toEqual(ONE);
});
