import { expect, test } from 'vitest';
import { PlanExecutor } from './execute-plan.ts';
import type { PlannedMove } from './plan.ts';

const NODE = { id: 'n', name: 'n' };

function move(key: string, more: Partial<PlannedMove> = {}): PlannedMove {
  const container = { key, id: key, name: key };
  return { container, from: NODE, to: NODE, how: 'stop-first', why: '', generation: 0, loses: [], ...more };
}

/** What is carried out in one call, in order, and what becomes of each; `broken` cannot be moved. */
async function executed(moves: readonly PlannedMove[], broken?: string): Promise<readonly string[]> {
  const said: string[] = [];
  await new PlanExecutor({ atOnce: 1 }).execute(
    { reason: { kind: 'move' }, moves, stays: [] },
    {
      move: async (_, unit) => {
        said.push(unit.map(({ container }) => container.key).join('+'));
        if (unit.some(({ container }) => container.key === broken)) throw new Error('no');
      },
      onMoved: ({ container }) => said.push(`${container.key} moved`),
      onFailed: ({ container }) => said.push(`${container.key} failed`),
    },
  );
  return said;
}

const together = ['data', 'app'];

test('those that move as one are one call, in their order, in the place of the first of them', async () => {
  const moves = [move('app', { together }), move('web', { after: ['data'] }), move('data', { together })];
  expect(await executed(moves)).toEqual(['data+app', 'data moved', 'app moved', 'web', 'web moved']);
});

test('all of them fail, and what needs one of them', async () => {
  const moves = [move('data', { together }), move('app', { together }), move('web', { after: ['app'] })];
  expect(await executed(moves, 'app')).toEqual(['data+app', 'data failed', 'app failed', 'web failed']);
});

test('one whose companions are not in the plan is alone', async () => {
  expect(await executed([move('app', { together })])).toEqual(['app', 'app moved']);
});
