import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { systemClock } from './clock.ts';

describe.each(['timer', 'coarseTimer'] as const)('the system clock: %s', (kind) => {
  it('runs the action after the last start, and can be started again by it', async () => {
    let runs = 0;
    await new Promise<void>((resolve) => {
      const timer = systemClock[kind](() => {
        runs += 1;
        if (runs === 1) timer.start(1);
        else resolve();
      });
      timer.start(60_000);
      timer.start(20);
      // Nothing here keeps the process alive, which would end the test.
      const alive = setInterval(() => runs === 2 && clearInterval(alive), 10);
    });
    expect(runs).toBe(2);
  });

  it('does not run the action after a stop', async () => {
    const stopped = systemClock[kind](() => expect.unreachable());
    stopped.start(1);
    stopped.stop();
    stopped.stop();
    await new Promise<void>((resolve) => systemClock[kind](resolve).start(300));
  });
});

describe('the fake clock', () => {
  it('runs timers as it is advanced, unless one stops another', () => {
    const clock = new FakeClock(0);
    const ran: string[] = [];
    const second = clock.timer(() => ran.push('second'));
    const first = clock.timer(() => {
      ran.push('first');
      second.stop();
      first.start(100);
    });
    first.start(10);
    second.start(20);
    clock.advance(50);
    expect(ran).toEqual(['first']);
    clock.advance(100);
    expect(ran).toEqual(['first', 'first']);
  });
});
