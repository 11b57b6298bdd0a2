import { describe, expect, it } from 'vitest';
import { PriceMemory } from './price-memory.ts';

const HOUR = 3_600_000;

describe('prices that change', () => {
  it('count once they have held for long enough', () => {
    const memory = new PriceMemory();
    memory.note('n', 10, 0);
    expect(memory.settled('n', HOUR, 0)).toEqual({ micros: 10 });
    memory.note('n', 4, 5 * HOUR);
    expect(memory.settled('n', HOUR, 5.5 * HOUR)).toEqual({ micros: 10, unsettled: { micros: 4, sinceMs: 5 * HOUR } });
    expect(memory.settled('n', HOUR, 6 * HOUR)).toEqual({ micros: 4 });
    expect(memory.settled('n', 0, 5 * HOUR)).toEqual({ micros: 4 });
  });

  it('do not count while they go up and down', () => {
    const memory = new PriceMemory();
    memory.note('n', 10, 0);
    for (let i = 0; i < 100; i++) memory.note('n', i % 2 === 0 ? 4 : 10, 2 * HOUR + i * 60_000);
    expect(memory.settled('n', HOUR, 2 * HOUR + 100 * 60_000)?.micros).toBe(10);
    expect(memory.settled('n', HOUR, 10 * HOUR)).toEqual({ micros: 10 });
  });

  it('are not known of a node that is not, or is no more', () => {
    const memory = new PriceMemory();
    memory.note('n', 10, 0);
    memory.keep(new Set());
    expect(memory.settled('n', 0, 1)).toBeUndefined();
  });
});
