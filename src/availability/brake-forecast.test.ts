import { describe, expect, test } from 'vitest';
import { forecast } from './brake-forecast.ts';

function healthy(count: number): { readonly id: string; readonly isHealthy: boolean }[] {
  return Array.from({ length: count }, (_, i) => ({ id: `n${i}`, isHealthy: true }));
}

describe('the brake after a loss', () => {
  test.each([
    [2, ['n0'], { left: 1, of: 2, holds: false }],
    [3, ['n0', 'n1'], { left: 1, of: 3, holds: true }],
    [5, ['n0', 'n1'], { left: 3, of: 5, holds: false }],
    [2, ['n0', 'n1'], { left: 0, of: 2, holds: true }],
  ])('of %i nodes without %j', (count, lost, expected) => {
    expect(forecast(healthy(count), new Set(lost), false)).toEqual({ ...expected, hasWitness: false });
  });

  test('a node that is lost already does not answer', () => {
    const nodes = healthy(3).map((node, i) => ({ ...node, isHealthy: i !== 0 }));
    expect(forecast(nodes, new Set(['n1']), true)).toEqual({ left: 1, of: 3, holds: true, hasWitness: true });
  });
});
