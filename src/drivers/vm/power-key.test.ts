import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../common/clock.ts';
import { shutDown } from './power-key.ts';

/** Moved by sleeping alone. */
function sleepyClock(): Clock {
  let nowMs = 0;
  return {
    ...systemClock,
    now: () => nowMs,
    elapsed: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
}

/** A machine that notices the key when it is pressed for the `notices`th time. */
function pressing(notices: number): { presses: number; isOff: () => Promise<boolean>; pressKey: () => Promise<void> } {
  const machine = {
    presses: 0,
    isOff: async () => machine.presses >= notices,
    pressKey: async () => {
      machine.presses += 1;
    },
  };
  return machine;
}

const { signal } = new AbortController();

describe('shutDown', () => {
  it.each([
    { notices: 0, withinMs: 60_000, isOff: true, presses: 0, why: 'is off already' },
    { notices: 1, withinMs: 60_000, isOff: true, presses: 1, why: 'notices at once' },
    { notices: 3, withinMs: 60_000, isOff: true, presses: 3, why: 'has just started' },
    { notices: Number.POSITIVE_INFINITY, withinMs: 35_000, isOff: false, presses: 4, why: 'never notices' },
  ])('a machine that $why', async ({ notices, withinMs, isOff, presses }) => {
    const machine = pressing(notices);
    expect(await shutDown(sleepyClock(), { ...machine, withinMs, everyMs: 250 }, signal)).toBe(isOff);
    expect(machine.presses).toBe(presses);
  });

  it('ends with what a look throws', async () => {
    const isOff = () => Promise.reject(new Error('no such machine'));
    const shutdown = { isOff, pressKey: async () => undefined, withinMs: 60_000, everyMs: 250 };
    await expect(shutDown(sleepyClock(), shutdown, signal)).rejects.toThrow('no such machine');
  });
});
