import { expect, test } from 'vitest';
import { joinAddresses } from './join-addresses.ts';
import type { SwarmNode } from './types.ts';

function manager(name: string, release: number | undefined, more: Partial<SwarmNode> = {}): SwarmNode {
  const node = { nodeId: name, managerAddress: `${name}:2377`, reachability: 'reachable', release, ...more };
  return node as SwarmNode;
}

const MIXED = [manager('old', 20), manager('mid', 26), manager('new', 28), manager('newer', 28)];

test('newest managers come first, whoever joins', () => {
  for (const memberId of ['a', 'b', 'c', 'd']) {
    const [first = '', second = '', ...older] = joinAddresses(MIXED, memberId, 0);
    expect([first, second].sort()).toEqual(['new:2377', 'newer:2377']);
    expect(older).toEqual(['mid:2377', 'old:2377']);
  }
});

test('engines begin at different ones', () => {
  const firsts = ['a', 'b'].map((memberId) => joinAddresses(MIXED, memberId, 0)[0]);
  expect(new Set(firsts).size).toBe(2);
});

test('after each failure another one is the first, until all had their turn', () => {
  const firsts = [0, 1, 2, 3, 4].map((failures) => joinAddresses(MIXED, 'a', failures)[0]);
  expect(new Set(firsts.slice(0, 4)).size).toBe(4);
  expect(firsts.slice(2, 4)).toEqual(['mid:2377', 'old:2377']);
  expect(firsts[4]).toBe(firsts[0]);
});

test.each([
  { name: 'no managers', nodes: [] },
  { name: 'workers', nodes: [manager('w', 28, { reachability: undefined })] },
  { name: 'managers that are not reachable', nodes: [manager('m', 28, { reachability: 'unreachable' })] },
  { name: 'managers without an address', nodes: [manager('m', 28, { managerAddress: undefined })] },
])('$name let nobody in', ({ nodes }) => {
  expect(joinAddresses(nodes, 'a', 3)).toEqual([]);
});

test('managers whose release is not known come last', () => {
  expect(joinAddresses([manager('silent', undefined), manager('old', 20)], 'a', 0)).toEqual([
    'old:2377',
    'silent:2377',
  ]);
});
