import { expect, test } from 'vitest';
import type { Node } from '../cluster/node.ts';
import { refreshUntilStopped } from './until-stopped.ts';

const clock = {
  sleep: () => Promise.resolve(),
  now: () => 0,
  elapsed: () => 0,
  timer: () => never(),
  coarseTimer: () => never(),
};

function never(): never {
  throw new Error('not used');
}

/** A node whose listings show these states one after the other; undefined is a container that is gone. */
function nodeShowing(...states: (string | undefined)[]): { node: Node; looks: () => number } {
  let looks = 0;
  const containers = new Map<string, { state: string }>();
  const refreshContainers = async (): Promise<void> => {
    const state = states[Math.min(looks++, states.length - 1)];
    containers.clear();
    if (state !== undefined) containers.set('c', { state });
  };
  const held = (id: string): unknown => containers.get(id);
  return { node: { held, refreshContainers } as unknown as Node, looks: () => looks };
}

test.each([
  { name: 'shown at once', states: ['exited'], looks: 1 },
  { name: 'shown late', states: ['running', 'running', 'exited'], looks: 3 },
  { name: 'removed', states: [undefined], looks: 1 },
  { name: 'started again meanwhile', states: ['running'], looks: 8 },
])('$name', async ({ states, looks }) => {
  const shown = nodeShowing(...states);
  await refreshUntilStopped(shown.node, 'c', clock);
  expect(shown.looks()).toBe(looks);
});

test('an engine that does not answer is not asked again', async () => {
  let asked = 0;
  const refreshContainers = async (): Promise<void> => {
    asked += 1;
    throw new Error('no answer');
  };
  const node = { containers: new Map(), refreshContainers } as unknown as Node;
  await expect(refreshUntilStopped(node, 'c', clock)).rejects.toThrow('no answer');
  expect(asked).toBe(1);
});
