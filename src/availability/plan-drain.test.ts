import { expect, test } from 'vitest';
import { FixtureCluster } from '../../test/fakes/fixture-cluster.ts';
import { parseSpec } from '../desired/container-spec.ts';
import type { MoveTerms } from '../desired/move-terms.ts';
import { schedule, schedulerOptions } from '../scheduler/scheduler.ts';
import type { Plan } from './plan.ts';
import { planDrain } from './plan-drain.ts';

/** The plan for one container of a node `old` that is drained, beside a node `new`. */
function planOf(body: object, terms: Partial<MoveTerms>, homeReason?: string): Plan {
  const cluster = new FixtureCluster([{ name: 'old', availability: 'drain' }, { name: 'new' }]);
  const old = cluster.node('old');
  const value = { Image: 'redis', ...body };
  const spec = parseSpec({ text: JSON.stringify(value), api: '1.44', largestNodeCpus: 2 }, value, 'c');
  const current = { nodeId: old.id, engineId: 'e1', attempt: 'a1', generation: 3 };
  const all = { restart: 'always', priority: 0, ...terms } as const;
  return planDrain({
    nodes: [{ id: old.id, name: 'old' }],
    candidates: [{ spec, record: { format: 1, key: 'c', id: 'c', name: 'c', current, wanted: 'running', terms: all } }],
    policy: 'auto',
    stage: { decide: (request) => schedule(request, cluster, schedulerOptions()), place: () => undefined },
    questions: {
      idOf: () => undefined,
      homesOf: () => (homeReason === undefined ? [] : [{ nodeId: old.id, reason: homeReason }]),
      refusalsFor: () => new Map(),
    },
  });
}

const address = (config: object): object => ({
  NetworkingConfig: { EndpointsConfig: { front: { IPAMConfig: config } } },
});

test.each<[string, object, Partial<MoveTerms>, string, RegExp]>([
  ['any other', {}, {}, 'start-first', /^old is drained$/],
  [
    'an alias only',
    { NetworkingConfig: { EndpointsConfig: { front: { Aliases: ['a'] } } } },
    {},
    'start-first',
    /drained$/,
  ],
  ['an address that is left open', address({ IPv4Address: '' }), {}, 'start-first', /drained$/],
  ['what never runs twice', {}, { stopsFirst: true }, 'stop-first', /never runs twice/],
  ['what is fenced strictly', {}, { isStrict: true }, 'stop-first', /fenced strictly/],
  ['a fixed address', address({ IPv4Address: '10.0.0.9' }), {}, 'stop-first', /keeps its address/],
  ['a fixed IPv6 address', address({ IPv6Address: 'fd00::9' }), {}, 'stop-first', /keeps its address/],
])('how it leaves: %s', (_case, body, terms, how, why) => {
  const { moves, stays } = planOf(body, terms);
  expect(stays).toEqual([]);
  expect(moves).toMatchObject([{ how, to: { name: 'new' }, generation: 3, why: expect.stringMatching(why) }]);
  // A time in which nothing runs is told.
  expect((moves[0]?.estimate?.downtimeMs ?? 0) > 0).toBe(how === 'stop-first');
});

test('data on the node keeps it there', () => {
  const { moves, stays } = planOf({}, {}, 'volume "data" lives on old');
  expect(moves).toEqual([]);
  expect(stays).toMatchObject([{ why: 'it is bound to its node: volume "data" lives on old', waits: true }]);
});
