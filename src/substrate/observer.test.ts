import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeSwarms } from '../../test/fakes/fake-swarms.ts';
import { Observer } from './observer.ts';
import { Setbacks } from './setbacks.ts';
import { ADDRESS_LABEL, MARK_LABEL, type Observation, type SubstrateMember } from './types.ts';

interface Engine {
  mark: string | undefined;
  hasLeader: boolean;
}

/** A member that manages a swarm; `engine` may be changed between rounds. */
function managing(name: string, engine: Engine): SubstrateMember {
  const json = async ({ path }: { path: string }): Promise<unknown> => {
    if (path === '/nodes' || path.startsWith('/networks')) return [];
    const Cluster = engine.hasLeader
      ? { ID: `swarm-${name}`, Spec: { Labels: engine.mark === undefined ? {} : { 'io.enxame.cluster': engine.mark } } }
      : {};
    return { Swarm: { NodeID: `sw-${name}`, LocalNodeState: 'active', ControlAvailable: true, Cluster } };
  };
  const client = { json };
  return {
    id: name,
    name,
    address: '10.0.0.1',
    isHealthy: true,
    labels: new Map(),
    client,
  } as unknown as SubstrateMember;
}

function observer(clock: FakeClock = new FakeClock()): Observer {
  const setbacks = () => new Setbacks(clock, { baseMs: 1, maxMs: 1 });
  const deps = { setbacks: { joins: setbacks(), managers: setbacks() }, clock };
  return new Observer(deps, {
    identity: { id: 'c1', marks: new Set(['c1', 'old']) },
    spreadBy: ['zone'],
    quietMs: 15_000,
  });
}

/** An engine that is in no swarm. */
function free(name: string, address: string): SubstrateMember {
  const client = { json: async () => ({ Swarm: { LocalNodeState: 'inactive' } }) };
  return { id: name, name, address, isHealthy: true, labels: new Map(), client } as unknown as SubstrateMember;
}

const NOTHING = { swarmId: undefined, nodes: [] };
const { signal } = new AbortController();

test('only swarms with a mark of ours are looked into', async () => {
  const engines = [
    { mark: 'c1', hasLeader: true },
    { mark: 'old', hasLeader: true },
    { mark: 'c2', hasLeader: true },
    { mark: undefined, hasLeader: true },
  ];
  const members = engines.map((engine, index) => managing(`e${index}`, engine));
  const { swarms } = await observer().observe(members, NOTHING, signal);
  expect(swarms.map(({ swarmId, networks }) => `${swarmId} ${networks}`)).toEqual(['swarm-e0 0', 'swarm-e1 0']);
});

test('a manager that lost its leader is still known by the mark it had', async () => {
  const engine: Engine = { mark: 'c2', hasLeader: true };
  const member = managing('e0', engine);
  const looking = observer();
  await looking.observe([member], NOTHING, signal);
  engine.hasLeader = false;
  const { members } = await looking.observe([member], NOTHING, signal);
  expect(members[0]?.facts).toMatchObject({ swarmId: undefined, mark: 'c2' });
});

test('managers without a leader are given the time to elect one before anything is told', async () => {
  const engines: Engine[] = ['e0', 'e1', 'e2'].map(() => ({ mark: 'c1', hasLeader: true }));
  const members = engines.map((engine, index) => managing(`e${index}`, engine));
  const clock = new FakeClock();
  const looking = observer(clock);
  const nodes = members.map(({ id }) => ({ memberId: id, nodeId: `sw-${id}`, isManager: true }));
  const look = (): Promise<Observation> => looking.observe(members, { swarmId: 'swarm-e0', nodes }, signal);
  expect(await look()).toMatchObject({ isFresh: false, electingMs: 0 });
  for (const engine of engines) engine.hasLeader = false;
  expect(await look()).toMatchObject({ isFresh: true, leaderlessMs: 0, electingMs: 0 });
  clock.advance(44_000);
  expect(await look()).toMatchObject({ isFresh: true, electingMs: 44_000 });
  clock.advance(1_000);
  expect(await look()).toMatchObject({ isFresh: false, electingMs: 45_000 });
  for (const engine of engines) engine.hasLeader = true;
  expect(await look()).toMatchObject({ isFresh: false, leaderlessMs: 0, electingMs: 0 });
});

describe('over several rounds', () => {
  const marked = { [MARK_LABEL]: 'c1' };

  /** Engines a, b and c, of which a manages our swarm. */
  function world(): { swarms: FakeSwarms; look: () => Promise<Observation>; looking: Observer; clock: FakeClock } {
    const swarms = new FakeSwarms(['a', 'b', 'c']);
    swarms.found('a', marked);
    const clock = new FakeClock();
    const setbacks = () => new Setbacks(clock, { baseMs: 60_000, maxMs: 60_000 });
    const all = { joins: setbacks(), managers: setbacks() };
    all.joins.add('b', 'no route');
    const looking = new Observer(
      { setbacks: all, clock },
      { identity: { id: 'c1', marks: new Set(['c1']) }, spreadBy: ['zone'], quietMs: 15_000 },
    );
    return { swarms, looking, clock, look: () => looking.observe(swarms.nodes, NOTHING, signal) };
  }

  const asked = ({ calls }: FakeSwarms): string[] => calls.splice(0).sort();

  test('every engine is asked once, the managers in each round', async () => {
    const { swarms, look, looking } = world();
    await look();
    expect(asked(swarms)).toEqual(['a GET /info', 'a GET /nodes', 'b GET /info', 'c GET /info']);
    await look();
    expect(asked(swarms)).toEqual(['a GET /info', 'a GET /nodes']);
    looking.forget('c');
    await look();
    expect(asked(swarms)).toEqual(['a GET /info', 'a GET /nodes', 'c GET /info']);
  });

  test('an engine that is down keeps what was known, counts its absence, and is asked when it is back', async () => {
    const { swarms, look, clock } = world();
    await look();
    swarms.setHealth('a', false);
    clock.advance(7_000);
    asked(swarms);
    const { members, swarms: seen } = await look();
    expect(asked(swarms)).toEqual([]);
    expect(seen).toEqual([]);
    expect(members[0]).toMatchObject({ isHealthy: false, goneMs: 7_000, facts: { kind: 'member', mark: 'c1' } });
    swarms.setHealth('a', true);
    expect((await look()).members[0]).toMatchObject({ isHealthy: true, goneMs: 0 });
    expect(asked(swarms)).toContain('a GET /info');
  });

  test('it is settled when all have answered, or after some seconds', async () => {
    const { swarms, look, clock } = world();
    swarms.setHealth('c', false);
    expect((await look()).isSettled).toBe(false);
    clock.advance(5_000);
    expect((await look()).isSettled).toBe(true);
    const whole = world();
    expect((await whole.look()).isSettled).toBe(true);
  });

  test('a node that no engine answers to is counted from when it was first seen so', async () => {
    const { swarms, look, clock } = world();
    await look();
    swarms.engine('a').swarm?.entries.push({ nodeId: 'x', engine: swarms.engine('b'), role: 'worker', isIn: true });
    expect((await look()).strayMs.get('x')).toBe(0);
    clock.advance(3_000);
    expect((await look()).strayMs.get('x')).toBe(3_000);
  });

  test('two engines behind one address cannot be reached by it: the second has none', async () => {
    const { swarms, look } = world();
    Object.assign(swarms.engine('b'), { address: swarms.engine('a').address });
    const { members } = await look();
    expect(members.map(({ address }) => address)).toEqual(['10.9.0.1', undefined, '10.9.0.3']);
  });

  test('an engine label tells another address', async () => {
    const { swarms, look } = world();
    Object.assign(swarms.engine('b'), { labels: new Map([[ADDRESS_LABEL, '192.0.2.7']]) });
    expect((await look()).members[1]?.address).toBe('192.0.2.7');
  });

  /** Lets what waits for the clock go on. */
  async function passed(clock: FakeClock, ms: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(ms);
  }

  test('when most managers are lost none is asked for a while, until it has noticed that it has no leader', async () => {
    const { swarms, looking, clock } = world();
    const nodes = ['a', 'b', 'c'].map((memberId) => ({ memberId, nodeId: `n-${memberId}`, isManager: true }));
    const look = async (): Promise<Observation> => {
      const seen = looking.observe(swarms.nodes, { swarmId: 'swarm-1', nodes }, signal);
      await passed(clock, 1_500);
      return seen;
    };
    await look();
    asked(swarms);
    for (const name of ['b', 'c']) swarms.setHealth(name, false);
    expect(await look()).toMatchObject({ swarms: [], isFresh: true, leaderlessMs: 0 });
    await passed(clock, 13_000);
    expect((await look()).isFresh).toBe(true);
    expect(asked(swarms)).toEqual([]);
    await passed(clock, 1_000);
    await look();
    expect(asked(swarms)).toEqual(['a GET /info', 'a GET /nodes']);
    await passed(clock, 20_000);
    expect((await look()).isFresh).toBe(false);
  });

  test('what is lost together with a manager is awaited before the others are asked', async () => {
    const { swarms, looking, clock } = world();
    const nodes = ['a', 'b', 'c'].map((memberId) => ({ memberId, nodeId: `n-${memberId}`, isManager: true }));
    const look = (): Promise<Observation> => looking.observe(swarms.nodes, { swarmId: 'swarm-1', nodes }, signal);
    await look();
    asked(swarms);
    swarms.setHealth('b', false);
    const seen = look();
    await passed(clock, 1_000);
    swarms.setHealth('c', false);
    await passed(clock, 500);
    expect((await seen).isFresh).toBe(true);
    expect(asked(swarms)).toEqual([]);
  });

  test('one that does not answer is asked no second thing until it does', async () => {
    const { swarms, look, clock } = world();
    await look();
    asked(swarms);
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { client } = swarms.engine('a');
    const json = client.json.bind(client);
    Object.assign(client, { json: (request: Parameters<typeof json>[0]) => held.then(() => json(request)) });
    const seen = look();
    await passed(clock, 5_000);
    expect((await seen).swarms).toEqual([]);
    const again = look();
    await passed(clock, 5_000);
    await again;
    answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked(swarms)).toEqual(['a GET /info']);
  });

  test('what failed a moment ago is told until its rest ends', async () => {
    const { look, clock } = world();
    expect([...(await look()).restingJoins]).toEqual([['b', 'no route']]);
    clock.advance(60_000);
    expect((await look()).restingJoins.size).toBe(0);
  });
});

test('members in the mesh have their addresses there, and none before these are set up', async () => {
  const clock = new FakeClock();
  const setbacks = (): Setbacks => new Setbacks(clock, { baseMs: 1, maxMs: 1 });
  const addresses = new Map<string, string | undefined>([
    ['a', '10.231.0.1'],
    ['b', 'pending'],
  ]);
  const mesh = { addressOf: ({ id }: SubstrateMember) => addresses.get(id), subscribe: () => () => undefined };
  const looking = new Observer(
    { setbacks: { joins: setbacks(), managers: setbacks() }, clock, mesh },
    { identity: { id: 'c1', marks: new Set(['c1']) }, spreadBy: [], quietMs: 0 },
  );
  const members = [free('a', '10.0.0.1'), free('b', '10.0.0.2'), free('c', '10.0.0.3')];
  const seen = async (): Promise<unknown> =>
    (await looking.observe(members, NOTHING, new AbortController().signal)).members.map(({ id, address, isInMesh }) => [
      id,
      address,
      isInMesh,
    ]);
  expect(await seen()).toEqual([
    ['a', '10.231.0.1', true],
    ['b', undefined, true],
    ['c', '10.0.0.3', undefined],
  ]);
  addresses.set('b', '10.231.0.2');
  addresses.set('a', undefined);
  expect(await seen()).toEqual([
    ['a', '10.0.0.1', undefined],
    ['b', '10.231.0.2', true],
    ['c', '10.0.0.3', undefined],
  ]);
});
