import { getEventListeners } from 'node:events';
import { expect, test, vi } from 'vitest';
import { abortedOf, onAbort, sharedStop } from './abort.ts';
import { systemClock } from './clock.ts';

test('the first that is aborted is found', () => {
  const aborted = AbortSignal.abort();
  expect(abortedOf([undefined, new AbortController().signal, aborted])).toBe(aborted);
  expect(abortedOf([undefined, new AbortController().signal])).toBeUndefined();
});

test('tells the first reason, once', () => {
  const [one, two] = [new AbortController(), new AbortController()];
  const action = vi.fn();
  onAbort([one.signal, undefined, two.signal], action);
  two.abort(new Error('second'));
  one.abort(new Error('first'));
  expect(action.mock.calls).toEqual([[new Error('second')]]);
});

test('leaves nothing on a signal when it is ended, or told', () => {
  const [long, short] = [new AbortController(), new AbortController()];
  const action = vi.fn();
  onAbort([long.signal], action)();
  onAbort([long.signal, short.signal], action);
  expect(getEventListeners(long.signal, 'abort')).toHaveLength(1);
  short.abort();
  expect(getEventListeners(long.signal, 'abort')).toHaveLength(0);
  long.abort();
  expect(action).toHaveBeenCalledTimes(1);
});

test('any number may wait for a shared stop without a warning', async () => {
  const warnings: string[] = [];
  const note = ({ name }: Error): number => warnings.push(name);
  process.on('warning', note);
  const stop = sharedStop();
  const waits = Array.from({ length: 50 }, () => systemClock.sleep(60_000, stop.signal));
  stop.abort(new Error('enough'));
  const outcomes = await Promise.allSettled(waits);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', note);
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(warnings).toEqual([]);
});
