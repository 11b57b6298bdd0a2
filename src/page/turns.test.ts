import { describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { eventually } from '../../test/fakes/wait.ts';
import { Turns } from './turns.ts';

/** So many pieces of work that end when they are cut, or told to. */
function started(turns: Turns, count: number) {
  return Array.from({ length: count }, () => {
    const work = { hasBegun: false, isCut: false, isOver: false, end: (): void => undefined };
    const ended = new Promise<void>((resolve) => {
      work.end = resolve;
    });
    const begin = (): Promise<void> => {
      work.hasBegun = true;
      return ended;
    };
    const cut = (): void => {
      work.isCut = true;
      work.end();
    };
    void turns.run(begin, cut).then(() => {
      work.isOver = true;
    });
    return work;
  });
}

describe('turns', () => {
  test('are for eight at a time, and who is slow holds up no other', async () => {
    const clock = new FakeClock();
    const works = started(new Turns(clock), 10);
    const begun = (): number => works.filter(({ hasBegun }) => hasBegun).length;
    await eventually(() => expect(begun()).toBe(8));
    works[0]?.end();
    await eventually(() => expect(begun()).toBe(9));
    expect(works[0]?.isOver).toBe(true);
    clock.advance(5_000);
    await eventually(() => expect(begun()).toBe(10));
    expect(works.some(({ isCut }) => isCut)).toBe(false);
  });

  test('end those that are slow where there are too many of them, and each at some time', async () => {
    const clock = new FakeClock();
    const works = started(new Turns(clock), 20);
    const count = (what: 'hasBegun' | 'isCut'): number => works.filter((work) => work[what]).length;
    for (const begun of [8, 16, 20]) {
      await eventually(() => expect(count('hasBegun')).toBe(begun));
      clock.advance(5_000);
    }
    // Sixteen may take longer.
    await eventually(() => expect(count('isCut')).toBe(4));
    clock.advance(115_000);
    await eventually(() => expect(count('isCut')).toBe(20));
  });

  test('tell how the work ended', async () => {
    const turns = new Turns(new FakeClock());
    const fails = turns.run(async () => Promise.reject(new Error('no')), vi.fn());
    await expect(fails).rejects.toThrow('no');
    await turns.run(async () => undefined, vi.fn());
  });
});
