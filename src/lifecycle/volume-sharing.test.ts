import { expect, test } from 'vitest';
import type { Container } from '../cluster/container.ts';
import { VolumeSharing } from './volume-sharing.ts';

/** Containers of one node by the volumes they mount; `nfs` is the same everywhere. */
function sharersOf(mounts: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, readonly string[]>> {
  const node = { containers: new Map<string, unknown>() };
  for (const [name, volumes] of Object.entries(mounts)) {
    const Mounts = volumes.map((Name) => ({ Type: Name.startsWith('/') ? 'bind' : 'volume', Name }));
    node.containers.set(name, { name, node, entry: () => ({ Mounts }) });
  }
  const sharing = new VolumeSharing({
    summaryOf: (volume) => ({ Scope: volume === 'nfs' ? 'global' : 'local' }) as never,
  });
  return Object.fromEntries(
    [...node.containers].map(([name, container]) => [
      name,
      sharing
        .with(container as Container)
        .map((each) => each.name)
        .sort(),
    ]),
  );
}

test.each([
  ['nothing shared', { a: ['x'], b: ['y'], c: [] }, { a: [], b: [], c: [] }],
  ['one volume', { a: ['x'], b: ['x'], c: ['y'] }, { a: ['b'], b: ['a'], c: [] }],
  ['a chain', { a: ['x'], b: ['x', 'y'], c: ['y'] }, { a: ['b', 'c'], b: ['a', 'c'], c: ['a', 'b'] }],
  [
    'two pairs that a third joins',
    { a: ['x'], b: ['x'], c: ['y'], d: ['y'], e: ['x', 'y'] },
    {
      a: ['b', 'c', 'd', 'e'],
      b: ['a', 'c', 'd', 'e'],
      c: ['a', 'b', 'd', 'e'],
      d: ['a', 'b', 'c', 'e'],
      e: ['a', 'b', 'c', 'd'],
    },
  ],
  ['one mounted twice by the same container', { a: ['x', 'x'], b: [] }, { a: [], b: [] }],
  ['volumes that are the same everywhere, and paths', { a: ['nfs', '/srv'], b: ['nfs', '/srv'] }, { a: [], b: [] }],
])('%s', (_case, mounts, expected) => {
  expect(sharersOf(mounts)).toEqual(expected);
});
