import { describe, expect, test } from 'vitest';
import { chooseCluster, type SeenEngine } from './choose-cluster.ts';
import { discoveryKey, type KnownCluster } from './known-cluster.ts';

const OLD_LIST = discoveryKey('nodes://a,b,c');
const FILE = discoveryKey('file:///nodes');

function cluster(id: string, names: string, more: Partial<KnownCluster> = {}): KnownCluster {
  const engines = [...names].map((name) => ({ id: `engine-${name}`, name, entry: `${name}:2375` }));
  return { id, marks: [id], engines, folder: `/state/clusters/${id}`, discovery: undefined, ...more };
}

function entries(names: string): readonly string[] {
  return [...names].map((name) => `${name}:2375`);
}

function seen(names: string, more: Partial<SeenEngine> = {}): readonly SeenEngine[] {
  return [...names].map((name) => ({ entry: `${name}:2375`, id: `engine-${name}`, name, mark: undefined, ...more }));
}

const one = cluster('one', 'abc', { discovery: OLD_LIST });
const two = cluster('two', 'xyz', { discovery: FILE });
/** Carried over from a version that noted no addresses. */
const carried: KnownCluster = { ...cluster('carried', ''), marks: ['carried', 'old'], engines: [{ id: 'engine-a' }] };

/** Two states that an earlier version kept of the same engines, and one of them when it was served since. */
const engineIds = [...'abc'].map((name) => ({ id: `engine-${name}` }));
const first = cluster('first', '', { marks: ['first', 'old', OLD_LIST], discovery: 'old', engines: engineIds });
const last = cluster('last', '', { marks: ['last', OLD_LIST, 'old'], discovery: OLD_LIST, engines: engineIds });
const served = cluster('served', 'abc', { marks: last.marks, discovery: OLD_LIST });

interface Case {
  readonly name: string;
  readonly clusters?: readonly KnownCluster[];
  readonly discovery?: string;
  readonly entries: readonly string[];
  readonly seen?: readonly SeenEngine[];
  readonly chosen: string;
  readonly hasDoubt?: boolean;
}

const cases: readonly Case[] = [
  { name: 'nothing is known', clusters: [], entries: entries('abc'), chosen: 'new' },
  { name: 'the same argument, engines where they were', discovery: OLD_LIST, entries: entries('abc'), chosen: 'one' },
  { name: 'the same argument while discovery knows nobody', discovery: OLD_LIST, entries: [], chosen: 'one' },
  { name: 'another argument', entries: entries('cab'), chosen: 'ask-engines' },
  { name: 'one engine more, in another order', entries: entries('dcab'), seen: seen('cab'), chosen: 'one' },
  { name: 'one engine fewer, one down', entries: entries('ab'), seen: seen('a'), chosen: 'one' },
  { name: 'new addresses', entries: ['10.0.0.9:1'], seen: seen('a', { entry: '10.0.0.9:1' }), chosen: 'one' },
  { name: 'nobody answers, the addresses are known', entries: entries('abd'), seen: [], chosen: 'one' },
  {
    name: 'the addresses are known and are others’ now',
    entries: entries('abc'),
    seen: seen('pqr').map((engine, i) => ({ ...engine, entry: entries('abc')[i] ?? '' })),
    chosen: 'new',
  },
  {
    name: 'a new engine answers, the remembered ones do not yet',
    entries: entries('abcd'),
    seen: seen('d'),
    chosen: 'one',
  },
  { name: 'other engines', entries: entries('pq'), seen: seen('pq'), chosen: 'new' },
  {
    name: 'a file that lists another cluster’s engines now',
    discovery: FILE,
    entries: entries('abc'),
    seen: seen('abc'),
    chosen: 'one',
  },
  {
    name: 'a file whose engines are all strangers',
    discovery: FILE,
    entries: entries('pq'),
    seen: seen('pq'),
    chosen: 'new',
    hasDoubt: true,
  },
  { name: 'a file whose new engines do not answer', discovery: FILE, entries: entries('pq'), seen: [], chosen: 'two' },
  {
    name: 'two engines of one cluster and one of another',
    entries: entries('abx'),
    seen: seen('abx'),
    chosen: 'one',
    hasDoubt: true,
  },
  {
    name: 'a list that took over another cluster’s engines',
    discovery: FILE,
    entries: entries('abx'),
    seen: seen('abx'),
    chosen: 'two',
    hasDoubt: true,
  },
  {
    name: 'clones of an engine that is known',
    entries: ['p:1', 'q:1'],
    seen: seen('pq', { id: 'engine-a' }),
    chosen: 'new',
  },
  {
    name: 'a mark, though the engine was re-installed',
    clusters: [carried, two],
    entries: entries('q'),
    seen: seen('q', { mark: 'old' }),
    chosen: 'carried',
  },
  {
    name: 'an engine noted by an earlier version',
    clusters: [carried, two],
    entries: entries('a'),
    seen: seen('a'),
    chosen: 'carried',
  },
  {
    name: 'an earlier version’s argument, though the mark is that of an earlier one',
    clusters: [first, last],
    discovery: OLD_LIST,
    entries: entries('abc'),
    seen: seen('abc', { mark: 'old' }),
    chosen: 'last',
    hasDoubt: true,
  },
  {
    name: 'another argument, after one of an earlier version’s states was served',
    clusters: [first, served],
    entries: entries('abc'),
    seen: [...seen('ab', { mark: 'old' }), ...seen('c')],
    chosen: 'served',
  },
  {
    name: 'a mark against an ID: the swarm says whose it is now',
    entries: entries('a'),
    seen: seen('a', { mark: 'two' }),
    chosen: 'two',
  },
];

describe('the cluster that is meant when', () => {
  test.each(cases)('$name', (each) => {
    const choice = chooseCluster(each.clusters ?? [one, two], {
      discovery: each.discovery ?? discoveryKey('another'),
      entries: each.entries,
      seen: each.seen,
    });
    expect(choice.kind === 'known' ? choice.cluster.id : choice.kind).toBe(each.chosen);
    expect('doubt' in choice).toBe(each.hasDoubt ?? false);
  });

  test.each([
    { name: 'engines', found: seen('ax') },
    { name: 'addresses', found: [] },
  ])('two are meant alike, by $name: nothing is guessed', ({ found }) => {
    const clues = { discovery: discoveryKey('another'), entries: entries('ax'), seen: found };
    expect(() => chooseCluster([one, two], clues)).toThrow(
      /one with 3 engines, two with 3 engines\. Choose one with --cluster/,
    );
  });
});
