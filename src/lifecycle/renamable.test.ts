import { expect, test } from 'vitest';
import type { Container } from '../cluster/container.ts';
import { requireRenamable } from './renamable.ts';

const networks = { spans: ([name]: readonly string[]) => name !== 'bridge' };

function container(state: string, ...names: readonly string[]): Container {
  const Networks = Object.fromEntries(names.map((name) => [name, {}]));
  return { name: 'web', state, entry: () => ({ NetworkSettings: { Networks } }) } as unknown as Container;
}

test.each(['running', 'paused', 'restarting'])('one that is %s on a cluster network keeps its name', (state) => {
  expect(() => requireRenamable(container(state, 'bridge', 'front'), networks)).toThrow(
    /^container web is up on cluster network front, .*stop it first \(docker stop web\)/,
  );
  expect(() => requireRenamable(container(state, 'back', 'front'), networks)).toThrow(/cluster networks back, front/);
});

test.each([['created', 'front'], ['exited', 'front'], ['running', 'bridge'], ['running']])(
  'others are renamed: %s',
  (state, ...names) => {
    requireRenamable(container(state, ...names), networks);
  },
);
