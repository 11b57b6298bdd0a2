import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { Rest } from './rest.ts';

const signal = new AbortController().signal;

/** Whether the pause is over when everything that can go on has. */
async function isOver(pause: Promise<void>): Promise<boolean> {
  let over = false;
  void pause.then(() => {
    over = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

test('it lasts as long as it should, and ends when it is cut short', async () => {
  const clock = new FakeClock();
  const rest = new Rest(clock);
  const whole = rest.over(100, signal);
  clock.advance(99);
  expect(await isOver(whole)).toBe(false);
  clock.advance(1);
  expect(await isOver(whole)).toBe(true);
  for (const delayMs of [100, undefined]) {
    rest.begin();
    const pause = rest.over(delayMs, signal);
    expect(await isOver(pause)).toBe(false);
    rest.wake();
    expect(await isOver(pause)).toBe(true);
  }
});

test('what is told of during a round lets the next begin at once, and no other', async () => {
  const rest = new Rest(new FakeClock());
  rest.begin();
  rest.wake();
  expect(rest.isWoken).toBe(true);
  expect(await isOver(rest.over(100, signal))).toBe(true);
  rest.begin();
  expect(await isOver(rest.over(100, signal))).toBe(false);
});

test('it ends with the loop', async () => {
  const rest = new Rest(new FakeClock());
  const stop = new AbortController();
  const pause = rest.over(undefined, stop.signal);
  expect(await isOver(pause)).toBe(false);
  stop.abort(new Error('stopped'));
  expect(await isOver(pause)).toBe(true);
  expect(await isOver(rest.over(100, stop.signal))).toBe(true);
});
