import { describe, expect, test } from 'vitest';
import { chooseManagers, managerCount } from './managers.ts';

function candidate(name: string, domain: string, isManager = false) {
  return { id: name, name, isManager, isFixed: false, domain: domain.split('/'), release: 0 };
}

interface Choice {
  readonly of: readonly ReturnType<typeof candidate>[];
  /** The domains of all nodes; those of the candidates unless told. */
  readonly population?: readonly string[];
  readonly count: number;
  readonly chosen: readonly string[];
}

describe('managerCount', () => {
  test.each([
    [1, 1],
    [2, 1],
    [3, 3],
    [6, 3],
    [7, 5],
    [1000, 5],
  ])('%d nodes have %d managers', (size, count) => {
    expect(managerCount(size)).toBe(count);
  });
});

describe('chooseManagers', () => {
  test.each([
    {
      name: 'by name without labels',
      of: ['c', 'a', 'b', 'd'].map((name) => candidate(name, '//')),
      count: 3,
      chosen: ['a', 'b', 'c'],
    },
    { name: 'present managers stay', of: [candidate('a', '//'), candidate('b', '//', true)], count: 1, chosen: ['b'] },
    {
      name: 'one for each zone',
      of: [candidate('a', '//z1'), candidate('b', '//z1'), candidate('c', '//z2'), candidate('d', '//z3')],
      count: 3,
      chosen: ['a', 'c', 'd'],
    },
    {
      name: 'providers before zones',
      of: [
        candidate('a', 'aws/eu/z1'),
        candidate('b', 'aws/eu/z2'),
        candidate('c', 'do/fra/z1'),
        candidate('d', 'hetzner/fsn/z1'),
      ],
      count: 3,
      chosen: ['a', 'c', 'd'],
    },
    {
      name: 'equal zone names in other regions are other zones',
      of: [candidate('a', '/r1/z1'), candidate('b', '/r1/z1'), candidate('c', '/r2/z1')],
      count: 2,
      chosen: ['a', 'c'],
    },
    {
      name: 'who is fixed stays, whatever the zones',
      of: [candidate('a', '//z1'), candidate('b', '//z2'), { ...candidate('c', '//z1', true), isFixed: true }],
      count: 2,
      chosen: ['c', 'b'],
    },
    {
      name: 'two of three in the larger of two providers, though it is in the smaller one that they are already',
      of: [
        candidate('a', 'aws'),
        candidate('b', 'aws'),
        candidate('c', 'do', true),
        candidate('d', 'do', true),
        candidate('e', 'aws', true),
      ],
      count: 3,
      chosen: ['e', 'c', 'a'],
    },
    {
      name: 'one that is down counts for its provider',
      of: [candidate('a', 'aws'), candidate('b', 'aws'), candidate('c', 'do'), candidate('d', 'do')],
      population: ['aws', 'aws', 'do', 'do', 'do'],
      count: 3,
      chosen: ['c', 'a', 'd'],
    },
    { name: 'no more than there are', of: [candidate('a', '//')], count: 3, chosen: ['a'] },
  ])('$name', ({ of, count, chosen, population }: Choice) => {
    const all = population?.map((domain) => domain.split('/')) ?? of.map(({ domain }) => domain);
    expect(chooseManagers(of, count, all).map(({ name }) => name)).toEqual(chosen);
  });
});
