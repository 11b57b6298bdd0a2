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
    'Lost bee-1: 1 to move, 1 to stay',
    '  move  web: bee-1 -> bee-2 (bee-1 is lost; loses writable layer)',
    '  stay  db: bee-1 (volume "data" is there)',
  ]);
});
