import { expect, test } from 'vitest';
import { NodeDirectory } from './node-directory.ts';

interface Part {
  readonly id: string;
  readonly name: string;
  readonly isHealthy: boolean;
  readonly availability: string;
  readonly containers: ReadonlyMap<string, { readonly isOfSwarm: boolean }>;
}

function node(name: string, isHealthy: boolean, availability: string = 'active'): Part {
  return { id: name, name, isHealthy, availability, containers: new Map([['c', { isOfSwarm: false }]]) };
}

/** What is said to a drain of the first of these nodes. */
function drained(...nodes: readonly Part[]): string {
  const directory = new NodeDirectory({ cluster: { nodes } } as never);
  try {
    directory.assertDrainable(nodes.slice(0, 1).map((each) => ({ ...each, node: each })) as never);
    return 'drained';
  } catch (error) {
    return (error as Error).message;
  }
}

test('a node is drained when another one that is active is healthy', () => {
  expect(drained(node('a', true), node('b', true), node('c', false))).toBe('drained');
  expect(drained({ ...node('a', true), containers: new Map() })).toBe('drained');
  expect(drained(node('a', true), node('b', true, 'pause'))).toMatch(/no other node is active, .*make another one/);
  expect(drained(node('a', true), node('b', false))).toMatch(/no other node is active and healthy, .*bring one back/);
});
