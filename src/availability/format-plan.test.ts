import { expect, it } from 'vitest';
import { formatPlan } from './format-plan.ts';

it('shows a plan with a line for each container', () => {
  const lost = { id: 'n1', name: 'bee-1' };
  const text = formatPlan({
    reason: { kind: 'failover', lost: [lost] },
    moves: [
      {
        container: { key: 'a', id: 'a1', name: 'web' },
        from: lost,
        to: { id: 'n2', name: 'bee-2' },
        how: 'replace',
        why: 'bee-1 is lost',
        generation: 0,
        loses: ['writable layer'],
      },
    ],
    stays: [{ container: { key: 'b', id: 'b1', name: 'db' }, node: lost, why: 'volume "data" is there', waits: true }],
  });
  expect(text.split('\n')).toEqual([
    'Lost bee-1: 1 to move, 1 to wait, 0 to stay',
    '  move  web: bee-1 -> bee-2 (bee-1 is lost; loses writable layer)',
    '  wait  db: bee-1 (volume "data" is there)',
  ]);
});

it('says what is copied, how long it may take, and what it costs', () => {
  const text = formatPlan({
    reason: { kind: 'cheaper' },
    moves: [
      {
        container: { key: 'a', id: 'a1', name: 'db' },
        from: { id: 'n1', name: 'bee-1' },
        to: { id: 'n2', name: 'bee-2' },
        how: 'stop-first',
        why: 'bee-2 costs less',
        generation: 0,
        loses: [],
        copies: [
          { volume: 'data', bytes: 728_000_000 },
          { volume: 'f'.repeat(64), isAnonymous: true },
        ],
        estimate: { durationMs: 61_200, downtimeMs: 40_000 },
      },
    ],
    stays: [],
    cost: { currency: 'EUR', monthlyBefore: 30, monthlyAfter: 21.5, once: 0.08 },
  });
  expect(text.split('\n')).toEqual([
    'Cheapest placement: 1 to move, 0 to stay',
    '  cost  30.00 -> 21.50 EUR a month, 0.08 EUR once',
    '  move  db: bee-1 -> bee-2 (stop-first; bee-2 costs less; copies volume data, 728MB; copies anonymous volume ffffffffffff, size not known; takes about 1m2s, down for 40s of it)',
  ]);
});
