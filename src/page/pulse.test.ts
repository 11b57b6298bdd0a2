import { expect, test } from 'vitest';
import { Pulse } from './pulse.ts';

test('a browser that is not heard between two beats is gone', () => {
  const pulse = new Pulse();
  expect([pulse.beat(), pulse.beat()]).toEqual([false, true]);
});

test('one that answers, or takes what is shown, is not', () => {
  const pulse = new Pulse();
  for (let beat = 0; beat < 5; beat += 1) {
    expect(pulse.beat()).toBe(false);
    pulse.heard();
  }
});

test('one that is not read from is not, and has time to be heard afterwards', () => {
  const pulse = new Pulse();
  pulse.hold();
  for (let beat = 0; beat < 5; beat += 1) expect(pulse.beat()).toBe(false);
  pulse.release();
  expect([pulse.beat(), pulse.beat()]).toEqual([false, true]);
});
