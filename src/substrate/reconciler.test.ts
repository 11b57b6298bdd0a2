import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeSwarms } from '../../test/fakes/fake-swarms.ts';
import { silentLogger } from '../common/logger.ts';
import { Reconciler, type ReconcilerDeps, type ReconcilerOptions } from './reconciler.ts';
import { StatusBoard } from './status-board.ts';
import { type KnownSubstrate, MARK_LABEL } from './types.ts';

const IDENTITY = { id: 'c1', marks: new Set(['c1']) };
const OURS = { [MARK_LABEL]: 'c1' };

/** The loop over engines in memory; time passes when a test lets it. */
class Loop {
  readonly clock: FakeClock = new FakeClock();
  readonly board: StatusBoard = new StatusBoard(this.clock, silentLogger());
  readonly reconciler: Reconciler;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(
    swarms: FakeSwarms,
    options: ReconcilerOptions = {},
    more: Pick<ReconcilerDeps, 'memory' | 'endpoints' | 'objection'> = {},
  ) {
    const deps = { members: swarms, clock: this.clock, logger: silentLogger(), board: this.board, ...more };
    this.reconciler = new Reconciler(deps, { identity: IDENTITY, ...options });
    swarms.subscribe((event) => this.reconciler.onEvent(event));
    this.#ended = this.reconciler.run(this.#stop.signal);
    loops.push(this);
  }

  /** Lets time pass until something holds, an hour at most; resolves with the milliseconds it took. */
  async until(condition: () => boolean): Promise<number> {
    const startMs = this.clock.now();
    while (!condition()) {
      if (this.clock.now() - startMs > 3_600_000) throw new Error(`it never came about: ${condition}`);
      await this.pass(250);
    }
    return this.clock.now() - startMs;
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(250);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  problem(memberId: string): string | undefined {
    return this.board.current.problems.get(memberId);
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('done'));
    await this.#ended;
  }
}

const loops: Loop[] = [];
afterEach(() => Promise.all(loops.splice(0).map((loop) => loop.close())));

/** A loop that has brought all engines into one substrate. */
async function grown(names: readonly string[], options: ReconcilerOptions = {}): Promise<[FakeSwarms, Loop]> {
  const swarms = new FakeSwarms(names);
  const loop = new Loop(swarms, options);
  await loop.until(() => loop.board.current.active.size === names.length);
  await loop.pass(60_000);
  swarms.changes.length = 0;
  return [swarms, loop];
}

describe('forming', () => {
  test('one engine begins, the others join, three manage; then nothing is changed any more', async () => {
    const swarms = new FakeSwarms(['a', 'b', 'c']);
    const loop = new Loop(swarms);
    await loop.until(() => loop.board.current.managers.length === 3);
    expect(swarms.changes).toEqual(['a init', 'b join', 'c join', 'a promote b', 'a promote c']);
    expect(loop.board.current).toMatchObject({ swarmId: 'swarm-1', guestOf: undefined, problems: new Map() });
    expect(loop.board.current.managers[0]?.name).toBe('a');
    await loop.pass(300_000);
    expect(swarms.changes).toHaveLength(5);
  });

  test('at rest a worker is not asked again', async () => {
    const [swarms, loop] = await grown(['a', 'b', 'c', 'd']);
    swarms.calls.length = 0;
    await loop.pass(120_000);
    expect(swarms.calls.filter((call) => call.startsWith('d '))).toEqual([]);
    expect(swarms.calls).toContain('a GET /nodes');
  });

  test('an engine that comes later joins without waiting for the next round', async () => {
    const [swarms, loop] = await grown(['a']);
    swarms.add('late');
    expect(await loop.until(() => loop.board.current.active.has('late'))).toBeLessThan(5_000);
  });
});

test('an engine that is down, and has containers to connect again, does not keep the loop awake, nor does it without a manager', async () => {
  const [endpoint, swarms] = [
    { containerId: 'c1', network: 'web', networkId: 'n', config: {} },
    new FakeSwarms(['a', 'b']),
  ];
  swarms.setHealth('b', false);
  const endpoints = { load: async () => new Map([['b', [endpoint]]]), save: async () => undefined };
  const loop = new Loop(swarms, {}, { endpoints });
  await loop.until(() => loop.board.current.managers.length > 0);
  await loop.pass(30_000);
  swarms.calls.length = 0;
  await loop.pass(60_000);
  expect(swarms.calls.filter((call) => call === 'a GET /nodes').length).toBeLessThan(10);
  swarms.setHealth('a', false);
  const another = new Loop(swarms, {}, { endpoints });
  await another.pass(60_000);
  expect(another.board.current.managers).toEqual([]);
});

describe('what fails', () => {
  test('a join rests, with the reason and a hint, and holds up nobody; when it passes it is forgotten', async () => {
    const swarms = new FakeSwarms(['a', 'b', 'c']);
    swarms.engine('b').joinFailure = 'rpc error: code = Unavailable desc = connection refused';
    const loop = new Loop(swarms);
    await loop.until(() => loop.board.current.active.size === 2);
    expect(loop.problem('b')).toBe(
      'join failed: rpc error: code = Unavailable desc = connection refused; open tcp 2377, tcp and udp 7946 and udp 4789 between the nodes',
    );
    expect(loop.board.current.excluded.has('b')).toBe(false);
    swarms.engine('b').joinFailure = undefined;
    await loop.until(() => loop.board.current.active.has('b'));
    await loop.pass(1_000);
    expect(loop.problem('b')).toBeUndefined();
  });

  test('joins that fail are tried ever more rarely', async () => {
    const swarms = new FakeSwarms(['a', 'b']);
    swarms.engine('b').joinFailure = 'no';
    const loop = new Loop(swarms);
    await loop.pass(3_600_000);
    const tries = swarms.calls.filter((call) => call === 'b POST /swarm/join').length;
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(25);
  });

  test('a join that hangs in the background is begun anew through another manager', async () => {
    const [swarms, loop] = await grown(['a', 'b', 'c']);
    // What an engine joins through first depends on its ID: one of these begins at the manager that is cut off.
    const late = ['d', 'e', 'f'];
    for (const name of late) swarms.add(name).isCutOffFrom = (manager) => manager.name === 'a';
    await loop.until(() => late.some((name) => swarms.engine(name).joining === 'pending'));
    const stuck = late.filter((name) => swarms.engine(name).joining === 'pending');
    for (const name of stuck) swarms.engine(name).joining = 'error';
    await loop.until(() => loop.board.current.active.size === 6);
    expect(swarms.changes).toEqual(expect.arrayContaining(stuck.map((name) => `${name} leave`)));
  });

  test('engines that were let go of join again in whatever order they return: newer ones never through an older one', async () => {
    // Which of three managers an engine tries first depends on its ID: of c, d and e each begins at another one.
    const names = ['a', 'b', 'c', 'd', 'e', 'old'];
    for (const order of [
      ['old', 'c', 'd', 'e'],
      ['c', 'd', 'e', 'old'],
    ]) {
      const swarms = new FakeSwarms(names);
      swarms.engine('old').release = 20;
      const loop = new Loop(swarms);
      await loop.until(() => loop.board.current.active.size === names.length);
      await loop.pass(60_000);
      for (const name of order) {
        swarms.setHealth(name, false);
        swarms.forget('a', name);
      }
      await loop.pass(60_000);
      swarms.calls.length = 0;
      for (const name of order) {
        swarms.setHealth(name, true);
        await loop.until(() => loop.board.current.active.has(name));
        await loop.pass(60_000);
      }
      expect(swarms.calls.filter((call) => call.endsWith('POST /swarm/join'))).toEqual(
        order.map((name) => `${name} POST /swarm/join`),
      );
      expect(swarms.roles('a')).toContain('old worker');
    }
  });

  test('a round that fails is made again', async () => {
    const swarms = new FakeSwarms(['a']);
    let failures = 0;
    const load = async (): Promise<KnownSubstrate | undefined> => {
      failures += 1;
      if (failures < 4) throw new Error('disk full');
      return undefined;
    };
    const loop = new Loop(swarms, {}, { memory: { load, save: async () => undefined } });
    await loop.until(() => loop.board.current.active.has('a'));
    expect(failures).toBe(4);
  });

  test('an engine that does not get to manage becomes a worker, and another one manages', async () => {
    const swarms = new FakeSwarms(['a', 'b', 'c', 'd']);
    swarms.engine('b').canManage = false;
    const loop = new Loop(swarms);
    await loop.until(() => loop.board.current.managers.length === 3);
    await loop.until(() => swarms.changes.includes('a demote b'));
    await loop.pass(60_000);
    expect(swarms.roles('a')).toBe('a leader, b worker, c manager, d manager');
  });
});

describe('repair', () => {
  test('a manager that is down is replaced after its grace time, and is a worker when it comes back', async () => {
    const [swarms, loop] = await grown(['a', 'b', 'c', 'd']);
    swarms.setHealth('b', false);
    await loop.pass(20_000);
    expect(swarms.changes).toEqual([]);
    await loop.until(() => swarms.changes.includes('a demote b'));
    expect(swarms.changes).toEqual(['a promote d', 'a demote b']);
    swarms.setHealth('b', true);
    await loop.pass(60_000);
    expect(swarms.roles('a')).toBe('a leader, b worker, c manager, d manager');
  });

  test('without a quorum one survivor makes a new one, and the others join it when they come back', async () => {
    const [swarms, loop] = await grown(['a', 'b', 'c']);
    swarms.setHealth('a', false);
    swarms.setHealth('b', false);
    await loop.pass(10_000);
    expect(swarms.changes).toEqual([]);
    await loop.until(() => swarms.changes.length > 0);
    expect(swarms.changes).toEqual(['c force-new-cluster']);
    await loop.until(() => loop.board.current.managers[0]?.name === 'c');
    expect(swarms.engine('c').swarm?.labels['io.enxame.epoch']).toBe('1');
    swarms.setHealth('a', true);
    swarms.setHealth('b', true);
    await loop.until(() => loop.board.current.active.size === 3);
    expect(swarms.changes).toEqual(expect.arrayContaining(['a leave', 'b leave', 'a join', 'b join']));
    expect(new Set(swarms.nodes.map(({ swarm }) => swarm)).size).toBe(1);
  });

  test('no survivor makes a quorum while something speaks against it; it is asked now and then, and said', async () => {
    const swarms = new FakeSwarms(['a', 'b', 'c']);
    let asked = 0;
    let objection: string | undefined = 'another manager sees a leader';
    const objects = async (): Promise<string | undefined> => {
      asked += 1;
      return objection;
    };
    const loop = new Loop(swarms, {}, { objection: objects });
    await loop.until(() => loop.board.current.managers.length === 3);
    await loop.pass(60_000);
    expect(asked).toBe(0);
    swarms.changes.length = 0;
    for (const name of ['a', 'b']) swarms.setHealth(name, false);
    await loop.pass(600_000);
    expect(swarms.changes).toEqual([]);
    expect(loop.problem('c')).toContain('no new quorum is made: another manager sees a leader');
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(250);
    objection = undefined;
    await loop.until(() => swarms.changes.length > 0);
    expect(swarms.changes).toEqual(['c force-new-cluster']);
  });

  test('an engine that left the cluster and is down is removed; one that runs stays and is told of', async () => {
    const [swarms, loop] = await grown(['a', 'b', 'c', 'd', 'e']);
    swarms.drop('e');
    swarms.drop('d').isHealthy = false;
    await loop.until(() => swarms.changes.length > 0);
    await loop.pass(120_000);
    expect(swarms.changes).toEqual(['a remove d']);
    expect(loop.board.current.notices.join()).toContain("e (10.9.0.5) takes part in the cluster's networks");
  });
});

describe('swarms of somebody else', () => {
  test('are left alone', async () => {
    const swarms = new FakeSwarms(['a', 'b']);
    swarms.found('b');
    const loop = new Loop(swarms);
    await loop.until(() => loop.board.current.active.has('a'));
    await loop.pass(60_000);
    expect(swarms.changes).toEqual(['a init']);
    expect(loop.problem('b')).toMatch(/^it manages a swarm of its own: .*--adopt-swarm$/);
    expect(loop.board.current.excluded.has('b')).toBe(true);
  });

  test('are left with --adopt-swarm', async () => {
    const swarms = new FakeSwarms(['a', 'b']);
    swarms.found('b');
    const loop = new Loop(swarms, { adoptSwarm: true });
    await loop.until(() => loop.board.current.active.size === 2);
    expect(swarms.changes).toContain('b leave');
  });

  test.each([false, true])('never another cluster’s, with --adopt-swarm %s', async (adoptSwarm) => {
    const swarms = new FakeSwarms(['a', 'b']);
    swarms.found('b', { [MARK_LABEL]: 'c2' });
    const loop = new Loop(swarms, { adoptSwarm });
    await loop.until(() => loop.board.current.guestOf === 'c2');
    await loop.pass(600_000);
    expect(swarms.changes).toEqual([]);
    expect(loop.problem('b')).toContain('start the manager with --cluster c2');
  });

  test('a substrate of ours is taken over as it is', async () => {
    const swarms = new FakeSwarms(['a', 'b']);
    swarms.found('b', OURS);
    const loop = new Loop(swarms);
    await loop.until(() => loop.board.current.active.size === 2);
    expect(swarms.changes).toEqual(['a join']);
  });
});

describe('memory', () => {
  test('what ever took part is remembered, so that it is known when it comes back after a restart of ours', async () => {
    const swarms = new FakeSwarms(['a']);
    swarms.found('a', OURS);
    const { nodeId } = swarms.engine('a');
    const earlier = [
      { nodeId: 'sw-b', memberId: 'b', isManager: true },
      { nodeId: 'sw-a-before', memberId: 'a', isManager: true },
    ];
    const saved: KnownSubstrate[] = [];
    const memory = {
      load: async () => ({ swarmId: 's0', nodes: earlier }),
      save: async (known: KnownSubstrate) => void saved.push(known),
    };
    const loop = new Loop(swarms, {}, { memory });
    await loop.pass(60_000);
    // Written once, for nothing changed since.
    expect(saved.map(({ nodes }) => nodes)).toEqual([
      [
        { nodeId, memberId: 'a', isManager: true },
        { nodeId: 'sw-b', memberId: 'b', isManager: false },
        { nodeId: 'sw-a-before', memberId: 'a', isManager: false },
      ],
    ]);
  });
});

describe('an engine that hears none of the others', () => {
  test('takes no part until it does, and is asked for nothing but that', async () => {
    const [swarms, loop] = await grown(['a', 'b', 'c']);
    // As after a restart of its engine.
    swarms.setHealth('b', false);
    await loop.pass(1_000);
    swarms.engine('b').hears = 0;
    swarms.setHealth('b', true);
    const tookMs = await loop.until(() => loop.problem('b') !== undefined);
    expect(tookMs).toBeGreaterThanOrEqual(90_000);
    expect(loop.board.current.active).toEqual(new Set(['a', 'c']));
    expect(loop.board.current.managers.map(({ name }) => name)).toContain('b');
    expect(swarms.changes).toEqual([]);
    swarms.engine('b').hears = undefined;
    await loop.until(() => loop.board.current.active.has('b'));
    expect(loop.problem('b')).toBeUndefined();
  });
});
