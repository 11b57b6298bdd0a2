import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { type RetryOptions, retry } from './retry.ts';

/** A retry under way, with the attempts and pauses it made so far; each answer is one attempt's, the last one for good. */
function begin<T>(answers: readonly (T | Error)[], options: RetryOptions<T>, clock = new FakeClock(0)) {
  const pauses: number[] = [];
  const attempts: number[] = [];
  const result = retry<T>(
    clock,
    async (attempt) => {
      attempts.push(attempt);
      const answer = answers[Math.min(attempt, answers.length) - 1] as T | Error;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    { ...options, onSetback: (_, pauseMs) => pauses.push(pauseMs) },
  );
  result.catch(() => undefined);
  /** Lets one pause pass. */
  const pass = async (): Promise<void> => {
    await waitUntil(() => clock.sleeping === 1);
    clock.advance(pauses.at(-1) ?? 0);
  };
  return { clock, result, pauses, attempts, pass };
}

const refused = new Error('refused');

describe('retry', () => {
  it('makes one attempt where it succeeds', async () => {
    const { result, attempts } = begin(['yes'], { backoff: 100 });
    expect(await result).toBe('yes');
    expect(attempts).toEqual([1]);
  });

  it('tries again after an error, and after a value that is not waited for', async () => {
    const { result, attempts, pauses, pass } = begin([refused, 'no', 'yes'], {
      backoff: 100,
      until: (value) => value === 'yes',
    });
    await pass();
    await pass();
    expect(await result).toBe('yes');
    expect(attempts).toEqual([1, 2, 3]);
    expect(pauses).toEqual([100, 100]);
  });

  it('grows the pauses up to their bound', async () => {
    const backoff = { baseMs: 100, maxMs: 300, random: () => 1 };
    const { result, pauses, pass } = begin([refused, refused, refused, refused, 'yes'], { backoff });
    for (let i = 0; i < 4; i++) await pass();
    expect(await result).toBe('yes');
    expect(pauses).toEqual([100, 200, 300, 300]);
  });

  it('throws an error that does not pass at once', async () => {
    const { result, attempts } = begin([refused], { backoff: 100, passes: (error) => error !== refused });
    await expect(result).rejects.toBe(refused);
    expect(attempts).toEqual([1]);
  });

  it('makes the last attempt at the deadline and leaves it as it came out', async () => {
    const failing = begin([refused], { backoff: 100, deadline: 150 });
    await failing.pass();
    await failing.pass();
    await expect(failing.result).rejects.toBe(refused);
    expect(failing.pauses).toEqual([100, 50]);
    expect(failing.clock.now()).toBe(150);
    const waiting = begin(['no'], { backoff: 100, deadline: 50, until: () => false });
    await waiting.pass();
    expect(await waiting.result).toBe('no');
    expect(waiting.attempts).toEqual([1, 2]);
  });

  it.each([3_600_000, -3_600_000])('keeps its deadline when the clock is set by %d ms', async (byMs) => {
    const failing = begin([refused], { backoff: 100, deadline: 150 });
    await failing.pass();
    failing.clock.set(byMs);
    await failing.pass();
    await expect(failing.result).rejects.toBe(refused);
    expect(failing.pauses).toEqual([100, 50]);
  });

  it('ends where no pause is chosen', async () => {
    const seen: unknown[] = [];
    const { result, pass } = begin([refused, refused], {
      backoff: (failures, setback) => {
        seen.push([failures, setback]);
        return failures < 2 ? 10 : undefined;
      },
    });
    await pass();
    await expect(result).rejects.toBe(refused);
    expect(seen).toEqual([
      [1, { error: refused }],
      [2, { error: refused }],
    ]);
  });

  it('rejects with the reason of an abort: before the first attempt, in a pause, in place of an error', async () => {
    const left = new Error('the client left');
    const before = begin(['yes'], { backoff: 100, signal: AbortSignal.abort(left) });
    await expect(before.result).rejects.toBe(left);
    expect(before.attempts).toEqual([]);
    const stop = new AbortController();
    const paused = begin([refused], { backoff: 100, signal: stop.signal });
    await waitUntil(() => paused.clock.sleeping === 1);
    stop.abort(left);
    await expect(paused.result).rejects.toBe(left);
    expect(paused.clock.sleeping).toBe(0);
    const during = new AbortController();
    const aborting = retry(
      new FakeClock(),
      async () => {
        during.abort(left);
        throw refused;
      },
      { backoff: 100, signal: during.signal },
    );
    await expect(aborting).rejects.toBe(left);
  });
});
