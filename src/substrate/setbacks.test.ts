import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { Setbacks } from './setbacks.ts';

const random = (): number => 0;

test('what failed rests, longer each time, and is told until it goes well', () => {
  const clock = new FakeClock();
  const setbacks = new Setbacks(clock, { baseMs: 1_000, maxMs: 4_000, random });
  const rests: (number | undefined)[] = [];
  for (let failure = 1; failure <= 4; failure++) {
    setbacks.add('a', 'no space left on device');
    rests.push(setbacks.nextMs());
    clock.advance(setbacks.nextMs() ?? 0);
    expect(setbacks.resting().size).toBe(0);
  }
  expect(rests).toEqual([500, 1_000, 2_000, 2_000]);
  expect(setbacks.reasons().get('a')).toBe('no space left on device');
  setbacks.clear('a');
  expect(setbacks.reasons().size).toBe(0);
  setbacks.add('a', 'again');
  expect(setbacks.nextMs()).toBe(500);
});

test('one that rests holds up nobody else', () => {
  const setbacks = new Setbacks(new FakeClock(), { baseMs: 1_000, maxMs: 4_000, random });
  setbacks.add('a', 'down');
  expect(setbacks.resting().has('b')).toBe(false);
});

test('a rest ends when something changed, and the next one is as long as it would have been', () => {
  const clock = new FakeClock();
  const setbacks = new Setbacks(clock, { baseMs: 1_000, maxMs: 4_000, random });
  for (const key of ['a', 'b']) for (let failure = 0; failure < 2; failure++) setbacks.add(key, 'no way in');
  setbacks.wake('a');
  expect([...setbacks.resting().keys()]).toEqual(['b']);
  setbacks.wake();
  expect(setbacks.resting().size).toBe(0);
  expect(setbacks.failures()).toEqual(
    new Map([
      ['a', 2],
      ['b', 2],
    ]),
  );
  setbacks.add('a', 'again');
  expect(setbacks.nextMs()).toBe(2_000);
});
