import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { DiscoveryError } from '../common/errors.ts';
import { parseEntry } from './entry.ts';
import { keepRegistered } from './registration.ts';

describe('keepRegistered', () => {
  it('registers at once, each heartbeat, backs off while that fails, and ends when stopped', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const heard: string[] = [];
    let isDown = false;
    let calls = 0;
    const backend = {
      register: async (): Promise<void> => {
        calls += 1;
        if (isDown) throw new Error('service is away');
      },
    };
    const kept = keepRegistered(
      backend,
      parseEntry('a:1'),
      {
        heartbeatMs: 60_000,
        ttlMs: 180_000,
        clock,
        onRegistered: () => heard.push('registered'),
        onFailed: (reason, retryInMs) => heard.push(retryInMs <= 2000 ? reason : `${reason}, long pause`),
      },
      stop.signal,
    );
    const settled = async (): Promise<void> => {
      while (clock.sleeping === 0) await new Promise(setImmediate);
    };
    await settled();
    expect(heard).toEqual(['registered']);
    clock.advance(50_000);
    await settled();
    expect(calls).toBe(1);
    clock.advance(13_000);
    await settled();
    expect(calls).toBe(2);
    isDown = true;
    clock.advance(63_000);
    await settled();
    for (let i = 0; i < 9; i += 1) {
      clock.advance(60_000);
      await settled();
    }
    expect(heard.slice(2, 4)).toEqual(['service is away', 'service is away']);
    expect(heard.at(-1)).toBe('service is away, long pause');
    isDown = false;
    clock.advance(60_000);
    await settled();
    expect(heard.at(-1)).toBe('registered');
    stop.abort();
    await kept;
    expect(clock.sleeping).toBe(0);
  });

  it('ends with a reason that no time mends, unless it has worked before', async () => {
    const clock = new FakeClock();
    const wrong = new DiscoveryError('no such token', 'UNKNOWN_TOKEN');
    const answers: (Error | undefined)[] = [wrong];
    const backend = {
      register: async (): Promise<void> => {
        const answer = answers.shift();
        if (answer) throw answer;
      },
    };
    const heard: string[] = [];
    const options = {
      heartbeatMs: 1000,
      ttlMs: 3000,
      clock,
      onRegistered: () => heard.push('registered'),
      onFailed: (reason: string) => heard.push(reason),
    };
    await expect(keepRegistered(backend, parseEntry('a:1'), options, new AbortController().signal)).rejects.toBe(wrong);
    answers.push(new DiscoveryError('away', 'SERVICE_UNREACHABLE'), undefined, wrong);
    const stop = new AbortController();
    const kept = keepRegistered(backend, parseEntry('a:1'), options, stop.signal);
    while (heard.length < 4) {
      if (clock.sleeping > 0) clock.advance(2000);
      await new Promise(setImmediate);
    }
    expect(heard.slice(0, 4)).toEqual(['away', 'registered', 'no such token', 'registered']);
    stop.abort();
    await kept;
  });
});
