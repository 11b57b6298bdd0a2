import { expect, test } from 'vitest';
import { latest } from './latest.ts';

test('of values that come meanwhile the last one alone is worked on', async () => {
  const done: number[] = [];
  let go = (): void => undefined;
  const work = latest(async (value: number) => {
    done.push(value);
    await new Promise<void>((resolve) => {
      go = resolve;
    });
  });
  const all = work(1);
  for (const value of [2, 3, 4]) await work(value);
  expect(done).toEqual([1]);
  go();
  await expect.poll(() => done).toEqual([1, 4]);
  go();
  await all;
  void work(5);
  expect(done).toEqual([1, 4, 5]);
});
