import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planSubstrate } from './plan.ts';
import type {
  KnownSwarmNode,
  Observation,
  ObservedMember,
  ObservedSwarm,
  Step,
  SubstrateWish,
  SwarmFacts,
  SwarmNode,
} from './types.ts';

const WISH: SubstrateWish = {
  identity: { id: 'c1', marks: new Set(['c1', 'earlier']) },
  adoptSwarm: false,
  spreadBy: ['provider', 'region', 'zone'],
  graces: {
    quorumMs: 100,
    electionMs: 500,
    managerMs: 100,
    promotionMs: 100,
    strayMs: 100,
    joinMs: 100,
    orphanMs: 1_000,
    bridgeMs: 50,
    deafMs: 100,
  },
};

type Membership = Extract<SwarmFacts, { kind: 'member' }>;

function joined(name: string, more: Partial<Membership> = {}): Membership {
  const isManager = more.isManager ?? true;
  return {
    kind: 'member',
    nodeId: `sw-${name}`,
    state: 'active',
    isManager,
    swarmId: isManager ? 's1' : undefined,
    mark: isManager ? 'c1' : undefined,
    epoch: 0,
    managerAddresses: ['10.0.0.1:2377'],
    error: '',
    ...more,
  };
}

function leaderless(name: string): Membership {
  return { ...joined(name), swarmId: undefined, mark: undefined };
}

/** Members a, b, c … have addresses 10.0.0.1, 10.0.0.2, … */
function member(name: string, facts: SwarmFacts, more: Partial<ObservedMember> = {}): ObservedMember {
  const address = `10.0.0.${name.charCodeAt(0) - 96}`;
  return { id: name, name, address, isHealthy: true, domain: ['', '', ''], facts, goneMs: 0, outMs: 0, ...more };
}

function listed(name: string, role: 'manager' | 'worker', more: Partial<SwarmNode> = {}): SwarmNode {
  return {
    nodeId: `sw-${name}`,
    hostname: name,
    address: `10.0.0.${name.charCodeAt(0) - 96}`,
    role,
    state: 'ready',
    reachability: role === 'manager' ? 'reachable' : undefined,
    isLeader: name === 'a',
    managerAddress: undefined,
    version: 1,
    labels: new Map(),
    ...more,
  };
}

function swarm(nodes: readonly SwarmNode[], more: Partial<ObservedSwarm> = {}): ObservedSwarm {
  return { swarmId: 's1', epoch: 0, askedId: 'a', nodes, ...more };
}

function known(...names: readonly string[]): KnownSwarmNode[] {
  return names.map((name) => ({ nodeId: `sw-${name}`, memberId: name, isManager: true }));
}

function seen(members: readonly ObservedMember[], more: Partial<Observation> = {}): Observation {
  return {
    members,
    swarms: [],
    known: { swarmId: undefined, nodes: [] },
    leaderlessMs: 0,
    electingMs: 0,
    strayMs: new Map(),
    orphanedMs: 0,
    unreachableMs: new Map(),
    answering: new Set(),
    restingJoins: new Map(),
    failedJoins: new Map(),
    restingManagers: new Set(),
    silence: { deafMs: new Map(), allMs: 0 },
    isSettled: true,
    ...more,
  };
}

const NONE: SwarmFacts = { kind: 'none' };
const UNKNOWN: SwarmFacts = { kind: 'unknown' };
const DOWN = { isHealthy: false, goneMs: 50 } as const;
const GONE = { isHealthy: false, goneMs: 500 } as const;
const three = [listed('a', 'manager'), listed('b', 'manager'), listed('c', 'manager')];
/** Engines a and b are 28, c is 20.10, d is 28. */
const mixed = (c: 'manager' | 'worker', d: 'manager' | 'worker'): SwarmNode[] => [
  listed('a', 'manager', { release: 28 }),
  listed('b', 'manager', { release: 28 }),
  listed('c', c, { release: 20 }),
  listed('d', d, { release: 28 }),
];
/** An engine that is in no swarm yet, or failed to start in one: it tells no node, and in state `error` no managers. */
const outside = (state: string): Membership => {
  return { ...joined('b', { isManager: false }), nodeId: '', state, managerAddresses: [] };
};
const foreignManager = joined('c', { swarmId: 'other', mark: undefined });

interface Case {
  readonly name: string;
  readonly observed: Observation;
  readonly wish?: Partial<SubstrateWish>;
  readonly steps: readonly string[];
}

function textOf(step: Step): string {
  const who = 'memberId' in step ? step.memberId : step.name;
  return `${step.kind} ${who}${'role' in step ? ` ${step.role}` : ''}`;
}

const cases: readonly Case[] = [
  { name: 'nothing to form without engines', observed: seen([]), steps: [] },
  { name: 'one engine', observed: seen([member('a', NONE)]), steps: ['init a'] },
  {
    name: 'three free engines: one forms',
    observed: seen([member('b', NONE), member('a', NONE), member('c', NONE)]),
    steps: ['init a'],
  },
  {
    name: 'waits for engines not asked yet',
    observed: seen([member('a', NONE), member('b', UNKNOWN)], { isSettled: false }),
    steps: [],
  },
  {
    name: 'an engine without address cannot form',
    observed: seen([member('a', NONE, { address: undefined })]),
    steps: [],
  },
  {
    name: 'the others join, as workers',
    observed: seen([member('a', joined('a')), ...['b', 'c', 'd', 'e'].map((name) => member(name, NONE))], {
      swarms: [swarm([listed('a', 'manager')])],
    }),
    steps: ['join b', 'join c', 'join d', 'join e'],
  },
  {
    name: 'two engines need one manager',
    observed: seen([member('a', joined('a')), member('b', NONE)], { swarms: [swarm([listed('a', 'manager')])] }),
    steps: ['join b'],
  },
  {
    name: 'the second is promoted when the third has joined',
    observed: seen(
      ['a', 'b', 'c'].map((name) => member(name, joined(name, { isManager: name === 'a' }))),
      {
        swarms: [swarm([listed('a', 'manager'), listed('b', 'worker'), listed('c', 'worker')])],
      },
    ),
    steps: ['set-role b manager', 'set-role c manager'],
  },
  {
    name: 'all is well',
    observed: seen(
      ['a', 'b', 'c'].map((name) => member(name, joined(name))),
      { swarms: [swarm(three)] },
    ),
    steps: [],
  },
  {
    name: 'a manager that is away for a moment keeps its place',
    observed: seen(
      [
        member('a', joined('a')),
        member('b', joined('b')),
        member('c', joined('c'), DOWN),
        member('d', joined('d', { isManager: false })),
      ],
      {
        swarms: [
          swarm([
            ...three.slice(0, 2),
            listed('c', 'manager', { state: 'down', reachability: 'unreachable' }),
            listed('d', 'worker'),
          ]),
        ],
      },
    ),
    steps: [],
  },
  {
    name: 'a manager that stays away is replaced',
    observed: seen(
      [
        member('a', joined('a')),
        member('b', joined('b')),
        member('c', joined('c'), GONE),
        member('d', joined('d', { isManager: false })),
      ],
      {
        unreachableMs: new Map([['sw-c', 500]]),
        swarms: [
          swarm([
            ...three.slice(0, 2),
            listed('c', 'manager', { state: 'down', reachability: 'unreachable' }),
            listed('d', 'worker'),
          ]),
        ],
      },
    ),
    steps: ['set-role d manager'],
  },
  {
    name: 'a fourth joins and changes nothing for the managers',
    observed: seen([...['a', 'b', 'c'].map((name) => member(name, joined(name))), member('d', NONE)], {
      swarms: [swarm(three)],
    }),
    steps: ['join d'],
  },
  {
    name: 'a promotion that is stuck is undone',
    observed: seen(
      [...['a', 'b'].map((name) => member(name, joined(name))), member('c', joined('c', { isManager: false }))],
      {
        swarms: [swarm([...three.slice(0, 2), listed('c', 'manager', { reachability: undefined })])],
        unreachableMs: new Map([['sw-c', 150]]),
      },
    ),
    steps: ['set-role c worker'],
  },
  {
    name: 'and steps down when the other serves',
    observed: seen(
      [member('a', joined('a')), member('b', joined('b')), member('c', joined('c'), GONE), member('d', joined('d'))],
      {
        unreachableMs: new Map([['sw-c', 500]]),
        swarms: [
          swarm([
            ...three.slice(0, 2),
            listed('c', 'manager', { state: 'down', reachability: 'unreachable' }),
            listed('d', 'manager'),
          ]),
        ],
      },
    ),
    steps: ['set-role c worker'],
  },
  {
    name: 'one of three engines lost and none to replace it: nothing',
    observed: seen([member('a', joined('a')), member('b', joined('b')), member('c', joined('c'), GONE)], {
      unreachableMs: new Map([['sw-c', 500]]),
      swarms: [swarm([...three.slice(0, 2), listed('c', 'manager', { state: 'down', reachability: 'unreachable' })])],
    }),
    steps: [],
  },
  {
    name: 'without leader it waits for the grace time',
    observed: seen([member('a', leaderless('a')), member('b', joined('b'), GONE), member('c', joined('c'), GONE)], {
      known: { swarmId: 's1', nodes: known('a', 'b', 'c') },
      leaderlessMs: 50,
    }),
    steps: [],
  },
  {
    name: 'then makes a quorum of one survivor',
    observed: seen([member('a', leaderless('a')), member('b', joined('b'), GONE), member('c', joined('c'), GONE)], {
      known: { swarmId: 's1', nodes: known('a', 'b', 'c') },
      leaderlessMs: 150,
    }),
    steps: ['force-new-cluster a'],
  },
  {
    name: 'but leaves an election to managers that can hold one, however long they could not',
    observed: seen([member('a', leaderless('a')), member('b', leaderless('b')), member('c', joined('c'), GONE)], {
      known: { swarmId: 's1', nodes: known('a', 'b', 'c') },
      leaderlessMs: 10_000,
      electingMs: 450,
    }),
    steps: [],
  },
  {
    name: 'and no longer than it should take',
    observed: seen([member('a', leaderless('a')), member('b', leaderless('b')), member('c', joined('c'), GONE)], {
      known: { swarmId: 's1', nodes: known('a', 'b', 'c') },
      leaderlessMs: 550,
      electingMs: 550,
    }),
    steps: ['force-new-cluster a'],
  },
  {
    name: 'never on a leaderless swarm nothing is known of, nor beside it',
    observed: seen([member('a', leaderless('a')), member('b', NONE)], { leaderlessMs: 10_000 }),
    steps: [],
  },
  {
    name: 'not even when told to adopt: it may be ours',
    observed: seen([member('a', leaderless('a')), member('b', joined('b', { isManager: false }))], {
      leaderlessMs: 10_000,
    }),
    wish: { adoptSwarm: true },
    steps: [],
  },
  {
    name: 'workers wait while a manager may come back',
    observed: seen([member('a', joined('a'), GONE), member('b', joined('b', { isManager: false }))], {
      known: { swarmId: 's1', nodes: [...known('a'), { nodeId: 'sw-b', memberId: 'b', isManager: false }] },
    }),
    steps: [],
  },
  {
    name: 'workers start anew when every manager left for good',
    observed: seen([member('b', joined('b', { isManager: false }))], {
      orphanedMs: 1_000,
      known: { swarmId: 's1', nodes: [...known('a'), { nodeId: 'sw-b', memberId: 'b', isManager: false }] },
    }),
    steps: ['leave b'],
  },
  {
    name: 'a manager whose list was not to be had is left alone',
    observed: seen([member('a', joined('a')), member('b', joined('b'))], {
      known: { swarmId: 's1', nodes: known('a', 'b') },
    }),
    steps: [],
  },
  {
    name: 'somebody else’s swarm is not taken over',
    observed: seen([member('a', joined('a')), member('b', joined('b')), member('c', foreignManager)], {
      swarms: [swarm([listed('a', 'manager'), listed('b', 'worker')])],
    }),
    steps: [],
  },
  {
    name: 'unless told to',
    observed: seen([member('a', joined('a')), member('c', foreignManager)], {
      swarms: [swarm([listed('a', 'manager')])],
    }),
    wish: { adoptSwarm: true },
    steps: ['leave c'],
  },
  {
    name: 'beside another cluster’s substrate nothing is formed',
    observed: seen([member('a', NONE), member('c', joined('c', { mark: 'c2' }))]),
    steps: [],
  },
  {
    name: 'a worker of machines we do not know is foreign',
    observed: seen(
      [
        member('a', joined('a')),
        member('b', joined('b', { isManager: false, managerAddresses: ['192.168.7.1:2377'] })),
      ],
      { swarms: [swarm([listed('a', 'manager')])] },
    ),
    steps: [],
  },
  {
    name: 'a worker of a foreign manager among our engines is foreign',
    observed: seen(
      [
        member('a', joined('a')),
        member('b', joined('b', { isManager: false, managerAddresses: ['10.0.0.3:2377'] })),
        member('c', foreignManager),
      ],
      { swarms: [swarm([listed('a', 'manager')])] },
    ),
    steps: [],
  },
  {
    name: 'a worker the substrate forgot joins again',
    observed: seen([member('a', joined('a')), member('b', joined('b', { isManager: false }))], {
      swarms: [swarm([listed('a', 'manager')])],
    }),
    steps: ['leave b'],
  },
  {
    name: 'of two substrates formed at once one is dissolved',
    observed: seen([member('a', joined('a')), member('b', joined('b', { swarmId: 's2' }))], {
      swarms: [
        swarm([listed('a', 'manager')]),
        swarm([listed('b', 'manager', { isLeader: true })], { swarmId: 's2', askedId: 'b', networks: 0 }),
      ],
    }),
    steps: ['leave b'],
  },
  {
    name: 'the later epoch wins over more nodes: returned managers of the old quorum join again',
    observed: seen([member('a', joined('a', { epoch: 1 })), member('b', joined('b')), member('c', joined('c'))], {
      swarms: [
        swarm([listed('a', 'manager', { state: 'down', reachability: 'unreachable' }), ...three.slice(1)], {
          askedId: 'b',
        }),
        swarm(
          [
            listed('a', 'manager'),
            listed('b', 'manager', { state: 'down', reachability: undefined }),
            listed('c', 'manager', { state: 'down', reachability: undefined }),
          ],
          { epoch: 1 },
        ),
      ],
    }),
    steps: ['leave b', 'leave c', 'remove b', 'remove c'],
  },
  {
    name: 'a re-installed engine joins and its old entry goes',
    observed: seen([member('a', joined('a')), member('b', NONE)], {
      swarms: [swarm([listed('a', 'manager'), listed('b', 'worker', { state: 'down' })])],
    }),
    steps: ['join b', 'remove b'],
  },
  {
    name: 'who left discovery and is down goes after the grace time, managers step down first; what runs or was never ours stays',
    observed: seen(
      ['a', 'b', 'c'].map((name) => member(name, joined(name))),
      {
        swarms: [
          swarm([
            ...three,
            listed('d', 'worker', { state: 'down' }),
            listed('e', 'manager', { state: 'down', reachability: 'unreachable' }),
            listed('f', 'worker', { state: 'down' }),
            listed('g', 'worker'),
            listed('h', 'worker', { state: 'down' }),
          ]),
        ],
        known: { swarmId: 's1', nodes: known('a', 'b', 'c', 'd', 'e', 'f', 'g') },
        strayMs: new Map([
          ['sw-d', 150],
          ['sw-e', 150],
          ['sw-f', 50],
          ['sw-g', 100_000],
          ['sw-h', 100_000],
        ]),
      },
    ),
    steps: ['remove d', 'set-role e worker'],
  },
  {
    name: 'one engine fewer than before: the three managers stay, the one outside too',
    observed: seen(
      ['a', 'c'].map((name) => member(name, joined(name))),
      {
        swarms: [
          swarm([
            listed('a', 'manager', { isLeader: false }),
            listed('b', 'manager'),
            listed('c', 'manager', { isLeader: true }),
          ]),
        ],
        known: { swarmId: 's1', nodes: known('a', 'b', 'c') },
        strayMs: new Map([['sw-b', 1_000_000]]),
      },
    ),
    steps: [],
  },
  {
    name: 'of too many managers the leader stays',
    observed: seen(
      ['a', 'b', 'c', 'd'].map((name) => member(name, joined(name))),
      {
        swarms: [swarm(['a', 'b', 'c', 'd'].map((name) => listed(name, 'manager', { isLeader: name === 'd' })))],
      },
    ),
    steps: ['set-role c worker'],
  },
  {
    name: 'and nobody who serves is unmade while another manager may have other engines in its list',
    observed: seen(
      ['b', 'c', 'd'].map((name) => member(name, joined(name))),
      {
        swarms: [swarm(['a', 'b', 'c', 'd'].map((name) => listed(name, 'manager', { isLeader: name === 'd' })))],
      },
    ),
    steps: [],
  },
  {
    name: 'nobody steps down where that would leave too few that answer',
    observed: seen(
      ['a', 'b', 'c', 'd'].map((name) => member(name, joined(name))),
      {
        swarms: [
          swarm([
            ...['a', 'b'].map((name) => listed(name, 'manager')),
            ...['c', 'd'].map((name) => listed(name, 'manager', { reachability: 'unknown' })),
          ]),
        ],
      },
    ),
    steps: [],
  },
  {
    name: 'workers whose managers left discovery but answer stay',
    observed: seen([member('b', joined('b', { isManager: false }))], {
      known: { swarmId: 's1', nodes: [...known('a'), { nodeId: 'sw-b', memberId: 'b', isManager: false }] },
      orphanedMs: 1_000_000,
      answering: new Set(['10.0.0.1']),
    }),
    steps: [],
  },
  {
    name: 'and those whose managers do not answer for a while only',
    observed: seen([member('b', joined('b', { isManager: false }))], {
      known: { swarmId: 's1', nodes: [...known('a'), { nodeId: 'sw-b', memberId: 'b', isManager: false }] },
      orphanedMs: 150,
    }),
    steps: [],
  },
  {
    name: 'unless a person gave the networks up',
    observed: seen([member('b', joined('b', { isManager: false }))], {
      known: { swarmId: 's1', nodes: [...known('a'), { nodeId: 'sw-b', memberId: 'b', isManager: false }] },
      orphanedMs: 150,
    }),
    wish: { adoptSwarm: true },
    steps: ['leave b'],
  },
  {
    name: 'or all managers are here and in no swarm: re-installed, or made to leave',
    observed: seen([member('a', { kind: 'none' }), member('b', joined('b', { isManager: false }))], {
      known: { swarmId: 's1', nodes: [...known('a'), { nodeId: 'sw-b', memberId: 'b', isManager: false }] },
      orphanedMs: 150,
    }),
    steps: ['leave b'],
  },
  {
    name: 'but not while the workers know of another one',
    observed: seen(
      [
        member('a', { kind: 'none' }),
        member('b', joined('b', { isManager: false, managerAddresses: ['10.0.0.1:2377', '10.0.0.9:2377'] })),
      ],
      {
        known: { swarmId: 's1', nodes: [...known('a'), { nodeId: 'sw-b', memberId: 'b', isManager: false }] },
        orphanedMs: 150,
      },
    ),
    steps: [],
  },
  {
    name: 'no quorum of one while managers outside discovery answer',
    observed: seen([member('a', leaderless('a'))], {
      known: { swarmId: 's1', nodes: known('a', 'b', 'c') },
      leaderlessMs: 1_000_000,
      answering: new Set(['10.0.0.2']),
    }),
    steps: [],
  },
  {
    name: 'nor while something speaks against it',
    observed: seen([member('a', leaderless('a'))], {
      known: { swarmId: 's1', nodes: known('a', 'b', 'c') },
      leaderlessMs: 1_000_000,
      objection: '1 of 3 nodes that were healthy answer',
    }),
    steps: [],
  },
  {
    name: 'a manager that was let go of while it was down is no survivor',
    observed: seen([member('a', leaderless('a')), member('b', leaderless('b'))], {
      known: {
        swarmId: 's1',
        nodes: [...known('b'), { nodeId: 'sw-a', memberId: 'a', isManager: false }],
      },
      leaderlessMs: 1_000_000,
      electingMs: 1_000_000,
    }),
    steps: ['force-new-cluster b'],
  },
  {
    name: 'and joins again when the others have a leader',
    observed: seen([member('a', leaderless('a')), member('b', joined('b'))], {
      swarms: [swarm([listed('b', 'manager', { isLeader: true })], { askedId: 'b' })],
      known: {
        swarmId: 's1',
        nodes: [...known('b'), { nodeId: 'sw-a', memberId: 'a', isManager: false }],
      },
    }),
    steps: ['leave a'],
  },
  {
    name: 'nothing is formed beside a manager of ours whose list was not to be had',
    observed: seen([member('a', joined('a')), member('d', NONE)]),
    steps: [],
  },
  {
    name: 'another cluster’s substrate is left alone, --adopt-swarm or not: members, workers, free engines',
    observed: seen([
      member('a', joined('a', { mark: 'c2' })),
      member('b', joined('b', { isManager: false })),
      member('c', NONE),
      member('d', { ...leaderless('d'), mark: 'c2' }),
    ]),
    wish: { adoptSwarm: true },
    steps: [],
  },
  {
    name: 'beside ours as well, also while it elects a leader',
    observed: seen(
      [
        member('a', joined('a')),
        member('b', { ...leaderless('b'), mark: 'c2' }),
        member('c', joined('c', { isManager: false, managerAddresses: ['10.0.0.2:2377'] })),
        member('d', joined('d', { isManager: false, managerAddresses: ['10.0.0.5:2377'] })),
        member('e', leaderless('e')),
      ],
      { swarms: [swarm([listed('a', 'manager')])] },
    ),
    wish: { adoptSwarm: true },
    steps: [],
  },
  {
    name: 'a swarm of ours is given up for another only when it has no networks',
    observed: seen([member('a', joined('a')), member('b', joined('b', { swarmId: 's2' }))], {
      swarms: [
        swarm([listed('a', 'manager')], { networks: 1 }),
        swarm([listed('b', 'manager', { isLeader: true })], { swarmId: 's2', askedId: 'b', networks: 2 }),
      ],
    }),
    steps: [],
  },
  {
    name: 'an engine that failed to join rests',
    observed: seen([member('a', joined('a')), member('b', NONE), member('c', NONE)], {
      swarms: [swarm([listed('a', 'manager')])],
      restingJoins: new Map([['b', 'join failed: no space left on device']]),
    }),
    steps: ['join c'],
  },
  {
    name: 'and one that failed as a manager is a worker while it rests',
    observed: seen(
      ['a', 'b', 'c', 'd'].map((name) => member(name, joined(name, { isManager: name === 'a' }))),
      {
        swarms: [swarm([listed('a', 'manager'), ...['b', 'c', 'd'].map((name) => listed(name, 'worker'))])],
        restingManagers: new Set(['b']),
      },
    ),
    steps: ['set-role c manager', 'set-role d manager'],
  },
  {
    name: 'a manager of a healthy engine that the others do not reach steps down',
    observed: seen(
      ['a', 'b', 'c'].map((name) => member(name, joined(name))),
      {
        swarms: [swarm([...three.slice(0, 2), listed('c', 'manager', { reachability: 'unreachable' })])],
        unreachableMs: new Map([['sw-c', 150]]),
      },
    ),
    steps: ['set-role c worker'],
  },
  {
    name: 'a re-installed manager’s former self steps down before the engine joins',
    observed: seen([...['a', 'b'].map((name) => member(name, joined(name))), member('c', NONE)], {
      swarms: [swarm([...three.slice(0, 2), listed('c', 'manager', { state: 'down', reachability: 'unreachable' })])],
    }),
    steps: ['set-role c worker'],
  },
  {
    name: 'and then joins while the entry goes',
    observed: seen([...['a', 'b'].map((name) => member(name, joined(name))), member('c', NONE)], {
      swarms: [swarm([...three.slice(0, 2), listed('c', 'worker', { state: 'down' })])],
    }),
    steps: ['join c', 'remove c'],
  },
  {
    name: 'an engine that is down since before our start keeps its place by its address',
    observed: seen([member('a', joined('a')), member('b', joined('b')), member('c', UNKNOWN, DOWN)], {
      swarms: [swarm([...three.slice(0, 2), listed('c', 'manager', { state: 'down', reachability: 'unreachable' })])],
      strayMs: new Map([['sw-c', 100_000]]),
    }),
    steps: [],
  },
  {
    name: 'the newest engine forms: it cannot join through an older one',
    observed: seen([member('a', { ...NONE, release: 20 }), member('b', { ...NONE, release: 28 })]),
    steps: ['init b'],
  },
  {
    name: 'an older engine manages where there is no newer one',
    observed: seen(
      ['a', 'b', 'c'].map((name) => member(name, joined(name, { isManager: name === 'a' }))),
      {
        swarms: [
          swarm([
            listed('a', 'manager', { release: 28 }),
            listed('b', 'worker', { release: 28 }),
            listed('c', 'worker', { release: 20 }),
          ]),
        ],
      },
    ),
    steps: ['set-role b manager', 'set-role c manager'],
  },
  {
    name: 'and makes room for a newer one',
    observed: seen(
      ['a', 'b', 'c', 'd'].map((name) => member(name, joined(name, { isManager: name !== 'd' }))),
      { swarms: [swarm(mixed('manager', 'worker'))] },
    ),
    steps: ['set-role d manager'],
  },
  {
    name: 'as soon as that one serves',
    observed: seen(
      ['a', 'b', 'c', 'd'].map((name) => member(name, joined(name))),
      { swarms: [swarm(mixed('manager', 'manager'))] },
    ),
    steps: ['set-role c worker'],
  },
  {
    name: 'but not where it is the only one of its domain',
    observed: seen(
      ['a', 'b', 'c', 'd'].map((name) =>
        member(name, joined(name, { isManager: name !== 'd' }), { domain: ['', '', name === 'd' ? 'a' : name] }),
      ),
      { swarms: [swarm(mixed('manager', 'worker'))] },
    ),
    steps: [],
  },
  {
    name: 'a newer engine that joins in vain: a worker as new as it manages, beside the one that leads',
    observed: seen(
      [member('a', joined('a')), member('b', joined('b', { isManager: false })), member('c', { ...NONE, release: 28 })],
      {
        swarms: [swarm([listed('a', 'manager', { release: 20 }), listed('b', 'worker', { release: 28 })])],
        failedJoins: new Map([['c', 1]]),
        restingJoins: new Map([['c', 'join failed: missing selected ALPN property']]),
      },
    ),
    steps: ['set-role b manager'],
  },
  {
    name: 'an engine that is joining is waited for',
    observed: seen([member('a', joined('a')), member('b', outside('pending'), { outMs: 50 })], {
      swarms: [swarm([listed('a', 'manager')])],
      failedJoins: new Map([['b', 1]]),
    }),
    steps: [],
  },
  {
    name: 'not for ever: it leaves, and joins through another manager',
    observed: seen([member('a', joined('a')), member('b', outside('pending'), { outMs: 150 })], {
      swarms: [swarm([listed('a', 'manager')])],
      failedJoins: new Map([['b', 1]]),
    }),
    steps: ['leave b'],
  },
  {
    name: 'nor after a restart of ours, which forgot that it told it to',
    observed: seen(
      [
        member('a', joined('a')),
        member('b', { ...outside('pending'), managerAddresses: ['10.0.0.1:2377'] }, { outMs: 150 }),
      ],
      { swarms: [swarm([listed('a', 'manager')])] },
    ),
    steps: ['leave b'],
  },
  {
    name: 'one that gave up joining leaves at once',
    observed: seen([member('a', joined('a')), member('b', outside('error'), { outMs: 1 })], {
      swarms: [swarm([listed('a', 'manager')])],
      failedJoins: new Map([['b', 1]]),
    }),
    steps: ['leave b'],
  },
  {
    name: 'one of ours that does not start in the substrate joins anew',
    observed: seen([member('a', joined('a')), member('b', outside('error'), { outMs: 150 })], {
      swarms: [swarm([listed('a', 'manager'), listed('b', 'worker', { state: 'down' })])],
      known: { swarmId: 's1', nodes: known('a', 'b') },
    }),
    steps: ['leave b', 'remove b'],
  },
  {
    name: 'one that was never ours is left as it is',
    observed: seen([member('a', joined('a')), member('b', outside('error'), { outMs: 1_000_000 })], {
      swarms: [swarm([listed('a', 'manager')])],
    }),
    steps: [],
  },
  {
    name: 'and so is a manager that may have the only copy of the substrate, whatever failed there',
    observed: seen([member('a', outside('error'), { outMs: 1_000_000 }), member('b', NONE)], {
      known: { swarmId: 's1', nodes: known('a') },
      failedJoins: new Map([['a', 3]]),
    }),
    steps: [],
  },
  {
    name: 'a locked one too: somebody locked it',
    observed: seen([member('a', joined('a')), member('b', outside('locked'), { outMs: 1_000_000 })], {
      swarms: [swarm([listed('a', 'manager'), listed('b', 'worker', { state: 'down' })])],
      known: { swarmId: 's1', nodes: known('a', 'b') },
    }),
    steps: [],
  },
  {
    name: 'a worker that looks for managers which are no more joins anew',
    observed: seen(
      [
        member('a', joined('a')),
        member('b', joined('b', { isManager: false, managerAddresses: ['10.0.0.9:2377'] }), { outMs: 150 }),
      ],
      { swarms: [swarm([listed('a', 'manager'), listed('b', 'worker', { state: 'down' })])] },
    ),
    steps: ['leave b', 'remove b'],
  },
  {
    name: 'one that looks for those that are there does not: ports are closed',
    observed: seen([member('a', joined('a')), member('b', joined('b', { isManager: false }), { outMs: 150 })], {
      swarms: [swarm([listed('a', 'manager'), listed('b', 'worker', { state: 'down' })])],
    }),
    steps: [],
  },
];

describe('planSubstrate', () => {
  test.each(cases)('$name', ({ observed, wish, steps }) => {
    expect(planSubstrate(observed, { ...WISH, ...wish }).steps.map(textOf)).toEqual(steps);
  });

  test('tells why an engine takes no part', () => {
    const observed = seen([member('a', joined('a')), member('c', foreignManager)], {
      swarms: [swarm([listed('a', 'manager')])],
    });
    expect(planSubstrate(observed, WISH).problems.get('c')).toContain('--adopt-swarm');
  });

  test('never lets go of a healthy majority, whatever is seen', () => {
    const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const entry = fc.record({
      isManager: fc.boolean(),
      isUp: fc.boolean(),
      goneMs: fc.constantFrom(50, 500),
    });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 7 }), (entries) => {
        const nodes = entries.map(({ isManager, isUp }, index) =>
          listed(
            letters[index] ?? '',
            isManager ? 'manager' : 'worker',
            isUp ? {} : { state: 'down', ...(isManager && { reachability: 'unreachable' as const }) },
          ),
        );
        const members = entries.map(({ isManager, isUp, goneMs }, index) =>
          member(
            letters[index] ?? '',
            joined(letters[index] ?? '', { isManager }),
            isUp ? {} : { isHealthy: false, goneMs },
          ),
        );
        const managers = nodes.filter(({ role }) => role === 'manager');
        const up = managers.filter(({ state }) => state === 'ready');
        fc.pre(up.length * 2 > managers.length);
        const { steps } = planSubstrate(seen(members, { swarms: [swarm(nodes)] }), WISH);
        const demoted = steps.filter((step) => step.kind === 'set-role' && step.role === 'worker');
        const left = managers.filter(
          ({ nodeId }) => !demoted.some((step) => step.kind === 'set-role' && step.nodeId === nodeId),
        );
        expect(demoted.length).toBeLessThanOrEqual(1);
        expect(left.filter(({ state }) => state === 'ready').length * 2).toBeGreaterThan(left.length);
        expect(steps.some(({ kind }) => kind === 'leave' || kind === 'remove')).toBe(false);
      }),
    );
  });

  test('managers of one cluster with different lists come to rest', () => {
    const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const node = fc.record({
      isManager: fc.boolean(),
      release: fc.constantFrom(20, 28),
      zone: fc.constantFrom('x', 'y', 'z'),
      first: fc.boolean(),
      second: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(node, { minLength: 1, maxLength: 7 }), fc.nat(6), (given, leader) => {
        const managers = new Set(
          letters.filter((_, index) => given[index]?.isManager || index === leader % given.length),
        );
        const nodes = (): SwarmNode[] =>
          given.map(({ zone, release }, index) => {
            const name = letters[index] ?? '';
            const isLeader = index === leader % given.length;
            return listed(name, managers.has(name) ? 'manager' : 'worker', {
              isLeader,
              release,
              labels: new Map([['zone', zone]]),
            });
          });
        const stepsOf = (list: 'first' | 'second'): readonly Step[] => {
          const members = given.flatMap((each, index) => {
            const name = letters[index] ?? '';
            const facts = joined(name, { isManager: managers.has(name) });
            return each[list] ? member(name, facts, { domain: ['', '', each.zone] }) : [];
          });
          return planSubstrate(seen(members, { swarms: [swarm(nodes())] }), WISH).steps;
        };
        for (let round = 0; round < 20; round++) {
          const steps = stepsOf(round % 2 === 0 ? 'first' : 'second');
          for (const step of steps) {
            if (step.kind !== 'set-role') throw new Error(`unexpected: ${step.kind}`);
            if (step.role === 'manager') managers.add(step.name);
            else managers.delete(step.name);
          }
        }
        expect([...stepsOf('first'), ...stepsOf('second')]).toEqual([]);
      }),
    );
  });
});

test.each([
  {
    name: 'one that failed to start in a swarm of nobody knows whom',
    of: member('b', { ...outside('error'), error: 'certificate expired' }, { outMs: 150 }),
    says: /^it failed to join a swarm, or to start in the one that it was in: .*--adopt-swarm \(engine: certificate expired\)$/,
  },
  {
    name: 'one that is locked out of the substrate',
    of: member('b', outside('locked'), { outMs: 150 }),
    known: known('b'),
    says: /^its swarm is locked: run "docker swarm unlock" there$/,
  },
  {
    name: 'a manager that lists no nodes',
    of: member('b', joined('b'), { outMs: 150 }),
    without: true,
    says: /^it manages the cluster’s networks, but does not list their nodes$/,
  },
  {
    name: 'a manager that may not make a new quorum',
    of: member('b', leaderless('b')),
    known: known('b', 'c', 'd'),
    without: true,
    objection: '1 of 3 nodes that were healthy answer',
    says: /no new quorum is made: 1 of 3 nodes that were healthy answer; running containers are not affected$/,
  },
  {
    name: 'managers that elect no leader',
    of: member('b', leaderless('b')),
    known: known('b'),
    without: true,
    electingMs: 60,
    says: /^the managers of the cluster's networks have no leader, though most of them answer; running containers/,
  },
  {
    name: 'a manager that does not start, and no other',
    of: member('b', outside('error'), { outMs: 150 }),
    known: known('b'),
    without: true,
    says: /^it managed the substrate, and does not start in it: it is left alone/,
  },
])(
  'of engines that are stuck a person is told: $name',
  ({ of, known: nodes = [], without = false, electingMs = 0, objection, says }) => {
    const listing = swarm([listed('a', 'manager'), listed('b', 'worker', { state: 'down' })]);
    const others = without ? [] : [member('a', joined('a'))];
    const swarms = without ? [] : [listing];
    const observed = seen([...others, of], { swarms, electingMs, objection, known: { swarmId: 's1', nodes } });
    expect(planSubstrate(observed, WISH).problems.get('b')).toMatch(says);
  },
);

test('of engines whose managers were not asked yet nothing is told', () => {
  const worker = member('b', joined('b', { isManager: false, managerAddresses: ['10.0.0.1:2377'] }));
  const stranger = member('c', joined('c', { mark: 'c2' }));
  const members = [member('a', UNKNOWN), worker, stranger];
  const early = planSubstrate(seen(members, { isSettled: false }), WISH);
  expect(early).toMatchObject({ guestOf: undefined, problems: new Map(), isPending: true });
  const later = planSubstrate(seen(members), WISH);
  expect([...later.problems.keys()]).toEqual(['b', 'c']);
  expect(later.guestOf).toBe('c2');
});

test.each(['c1', 'earlier'])('a substrate marked %s is this cluster’s', (mark) => {
  const { problems } = planSubstrate(
    seen([member('a', joined('a', { mark })), member('b', joined('b', { mark: 'c2' }))]),
    WISH,
  );
  expect([...problems.keys()]).toEqual(['b']);
});

describe('names and packets do not pass', () => {
  const ready = [listed('a', 'manager'), listed('b', 'worker'), listed('c', 'worker')];
  const members = [
    member('a', joined('a')),
    ...['b', 'c'].map((name) => member(name, joined(name, { isManager: false }))),
  ];
  const silent = (ms: number): Observation =>
    seen(members, { swarms: [swarm(ready)], silence: { deafMs: new Map([['b', ms]]), allMs: ms } });

  test('an engine that hears none of the others is told of after a time, and nothing is done to it', () => {
    const early = planSubstrate(silent(99), WISH);
    expect([early.problems.size, early.notices]).toEqual([0, []]);
    const { problems, notices, steps } = planSubstrate(silent(100), WISH);
    expect([...problems.keys()]).toEqual(['b']);
    expect(problems.get('b')).toMatch(/hears none of the other engines.*restart its Docker engine/);
    expect(notices).toEqual([expect.stringContaining('do not hear each other')]);
    // An engine whose gossip does not run is not mended by joining again.
    expect(steps.map(({ kind }) => kind)).not.toContain('leave');
  });

  const four = ['a', 'b', 'c', 'd'];
  /** Engines a to d, of which these manage; the others are workers. */
  const world = (managers: readonly string[], more: Partial<Observation>): Observation => {
    const isManager = (name: string): boolean => managers.includes(name);
    const nodes = four.map((name) => listed(name, isManager(name) ? 'manager' : 'worker'));
    const of = four.map((name) => member(name, joined(name, { isManager: isManager(name) })));
    return seen(of, { swarms: [swarm(nodes)], ...more });
  };
  const deaf = (name: string, ms = 60): Observation['silence'] => ({ deafMs: new Map([[name, ms]]), allMs: 0 });
  const THREE = ['a', 'b', 'c'];
  test.each([
    { name: 'a worker that hears nobody', silence: deaf('d'), steps: ['set-role d manager'] },
    { name: 'a worker in place of a manager', silence: deaf('a'), steps: ['set-role d manager'] },
    {
      name: 'a worker where none hears another',
      silence: { deafMs: new Map(), allMs: 60 },
      steps: ['set-role d manager'],
    },
    { name: 'nobody before its time', silence: deaf('d', 49), steps: [] },
    { name: 'nobody where three did in vain', silence: deaf('a'), resting: ['x', 'y', 'z'], steps: [] },
    { name: 'nobody who just did', silence: deaf('a'), resting: ['d'], steps: [] },
  ])('$name manages for a moment', ({ silence, resting = [], steps }) => {
    const observed = world(THREE, { silence, restingManagers: new Set(resting) });
    expect(planSubstrate(observed, WISH).steps.map(textOf)).toEqual(steps);
  });

  test('nobody manages for a moment that would manage for good: while a node is none of our engines no manager steps down', () => {
    const { swarms, ...observed } = world(THREE, { silence: deaf('d') });
    const nodes = [...(swarms[0]?.nodes ?? []), listed('x', 'worker')];
    expect(planSubstrate({ ...observed, swarms: [swarm(nodes)] }, WISH).steps).toEqual([]);
  });

  test('who managed for a moment becomes a worker again', () => {
    const observed = world(four, { silence: deaf('a'), restingManagers: new Set(['d']) });
    expect(planSubstrate(observed, WISH).steps.map(textOf)).toEqual(['set-role d worker']);
  });
});

test('a member that takes part at another address than its own in the mesh is told what to do', () => {
  const moved = { address: '10.231.0.2', isInMesh: true };
  const told = (state: string, more: Partial<ObservedMember>): string | undefined =>
    planSubstrate(
      seen([member('a', joined('a')), member('b', joined('b', { isManager: false }), more)], {
        swarms: [swarm([listed('a', 'manager'), listed('b', 'worker', { state })])],
      }),
      WISH,
    ).problems.get('b');
  expect(told('ready', {})).toBeUndefined();
  expect(told('ready', moved)).toBe(
    'it takes part at 10.0.0.2, and its address in the mesh is 10.231.0.2: run "docker swarm leave --force" there, and it joins again',
  );
  expect(told('down', {})).toContain('open tcp 2377');
  expect(told('down', { isInMesh: true })).toContain('over the mesh: "enxame mesh" shows');
  const pending = seen([member('b', NONE, { address: undefined, isInMesh: true })]);
  expect(planSubstrate(pending, WISH).problems.get('b')).toBe('its address in the mesh is not set up yet');
});
