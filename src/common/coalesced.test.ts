import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coalesced } from './coalesced.ts';

test('at most one run at a time, and every caller waits for one that began after the call', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
      async (scheduler, fails) => {
        let begun = 0;
        let running = 0;
        let most = 0;
        const refresh = coalesced(async () => {
          const fail = fails[begun % fails.length];
          begun += 1;
          running += 1;
          most = Math.max(most, running);
          await scheduler.schedule(Promise.resolve(), `run ${begun}`);
          running -= 1;
          if (fail) throw new Error('the listing failed');
        });
        const call = async (): Promise<void> => {
          const before = begun;
          await refresh().catch(() => undefined);
          expect(begun).toBeGreaterThan(before);
          // A caller that goes on at once falls between the end of one run and the beginning of the next.
          const again = begun;
          await refresh().catch(() => undefined);
          expect(begun).toBeGreaterThan(again);
        };
        const calls = fails.map((_, index) => scheduler.schedule(Promise.resolve(), `call ${index}`).then(call));
        await scheduler.waitFor(Promise.all(calls));
        expect(most).toBe(1);
      },
    ),
  );
});

test('callers that come while one runs share the next', async () => {
  let runs = 0;
  const gates: (() => void)[] = [];
  const refresh = coalesced(() => {
    runs += 1;
    return new Promise<void>((resolve) => gates.push(resolve));
  });
  const first = refresh();
  const others = Promise.all([refresh(), refresh(), refresh()]);
  gates.shift()?.();
  await first;
  await new Promise((resolve) => setImmediate(resolve));
  gates.shift()?.();
  await others;
  expect(runs).toBe(2);
});

test('a failed run is told to its own callers only', async () => {
  let runs = 0;
  const refresh = coalesced(async () => {
    runs += 1;
    if (runs === 1) throw new Error('first');
  });
  const [first, second] = await Promise.allSettled([refresh(), refresh()]);
  expect(first.status).toBe('rejected');
  expect(second.status).toBe('fulfilled');
});
