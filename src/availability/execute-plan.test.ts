import { expect, test } from 'vitest';
import { PlanExecutor } from './execute-plan.ts';
import type { PlannedMove } from './plan.ts';

const NODE = { id: 'n', name: 'n' };

function move(key: string, spans: boolean): PlannedMove {
  const container = { key, id: key, name: key };
  return { container, from: NODE, to: NODE, how: 'replace', why: '', generation: 0, loses: [], spans };
}

test('containers that wait for cluster networks, however many, hold up no other on their node', async () => {
  const waiting = Array.from({ length: 100 }, (_, i) => move(`spanning-${i}`, true));
  let open: () => void = () => undefined;
  const isOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  const moved: string[] = [];
  const done = new PlanExecutor().execute(
    { reason: { kind: 'failover', lost: [NODE] }, moves: [...waiting, move('plain', false)], stays: [] },
    {
      move: async ({ container, spans }) => {
        if (spans) await isOpen;
        moved.push(container.key);
        if (container.key === 'plain') open();
      },
      onMoved: () => undefined,
      onFailed: (_, error) => {
        throw error;
      },
    },
  );
  await done;
  expect(moved[0]).toBe('plain');
  expect(moved).toHaveLength(101);
});
