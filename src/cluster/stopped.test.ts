import { expect, test } from 'vitest';
import type { Node } from './node.ts';
import { refreshStopped } from './stopped.ts';

/** A node whose listings show these states one after the other; undefined is a container that is gone. */
function nodeShowing(...states: (string | undefined)[]): { node: Node; looks: () => number } {
  let looks = 0;
  const containers = new Map<string, { state: string }>();
  const refreshContainers = async (): Promise<void> => {
    const state = states[Math.min(looks++, states.length - 1)];
    containers.clear();
    if (state !== undefined) containers.set('c', { state });
  };
  return { node: { containers, refreshContainers } as unknown as Node, looks: () => looks };
}

test.each([
  { name: 'shown at once', states: ['exited'], looks: 1 },
  { name: 'shown late', states: ['running', 'running', 'exited'], looks: 3 },
  { name: 'removed', states: [undefined], looks: 1 },
  { name: 'started again meanwhile', states: ['running'], looks: 8 },
])('$name', async ({ states, looks }) => {
  const shown = nodeShowing(...states);
  await refreshStopped(shown.node, 'c');
  expect(shown.looks()).toBe(looks);
});
