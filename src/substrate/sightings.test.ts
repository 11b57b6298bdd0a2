import { expect, test } from 'vitest';
import { statesOf } from './sightings.ts';
import type { KnownSubstrate, ObservedMember, SwarmFacts } from './types.ts';

const known: KnownSubstrate = {
  swarmId: 's1',
  nodes: [
    ...['a', 'b', 'c'].map((id) => ({ nodeId: `sw-${id}`, memberId: id, isManager: true })),
    { nodeId: 'sw-d', memberId: 'd', isManager: false },
  ],
};

function manager(id: string, isHealthy: boolean, isManager = true): ObservedMember {
  const facts: SwarmFacts = {
    kind: 'member',
    nodeId: `sw-${id}`,
    state: 'active',
    isManager,
    swarmId: undefined,
    mark: undefined,
    epoch: 0,
    managerAddresses: [],
    error: '',
  };
  return { id, name: id, address: undefined, isHealthy, domain: [], facts, goneMs: 0, outMs: 0 };
}

test.each([
  { name: 'one of three managers', members: [manager('a', true), manager('b', false)], states: ['leaderless'] },
  { name: 'two of three', members: [manager('a', true), manager('b', true)], states: ['leaderless', 'electing'] },
  {
    name: 'one, and one that was let go of',
    members: [manager('a', true), manager('d', true)],
    states: ['leaderless'],
  },
  {
    name: 'one, and one that nobody remembers',
    members: [manager('a', true), manager('e', true)],
    states: ['leaderless', 'electing'],
  },
  { name: 'none', members: [manager('d', true, false)], states: ['orphaned'] },
  { name: 'a stranger', members: [manager('x', true)], states: [] },
])('without a leader: $name', ({ members, states }) => {
  expect([...statesOf([], members, known)]).toEqual(states);
});
