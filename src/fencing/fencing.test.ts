import { afterEach, describe, expect, test } from 'vitest';
import type { Container as FakeContainer } from '../../simulator/container.ts';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { ListBackend } from '../../test/fakes/list-backend.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { systemClock } from '../common/clock.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import { silentLogger } from '../common/logger.ts';
import { Attempts } from '../desired/attempts.ts';
import { DesiredState } from '../desired/desired-state.ts';
import { type ContainerRecord, type Copy, RECORD_FORMAT, type RecordBody } from '../desired/record.ts';
import type { Entry } from '../discovery/entry.ts';
import { connectorFor } from '../engine/connectors/connectors.ts';
import { Accounting } from '../monitor/accounting.ts';
import { Membership } from '../monitor/membership.ts';
import { DEFAULT_TIMES } from '../monitor/times.ts';
import { Fencing } from './fencing.ts';
import { VolumeKeeper } from './kept-volumes.ts';
import { FENCING_TIMES, type FencingTimes } from './times.ts';

const SOON = {
  ...DEFAULT_TIMES,
  probeIntervalMs: 30,
  probeTimeoutMs: 300,
  failureRetry: 2,
  retryMinMs: 10,
  retryMaxMs: 50,
  lostRetryMaxMs: 50,
};
const QUICK: FencingTimes = {
  ...FENCING_TIMES,
  lostMs: 60_000,
  ownEndMs: 20,
  lookMs: 20,
  decisionMs: 200,
  lateMs: 200,
};
const BODY: RecordBody = {
  format: RECORD_FORMAT,
  source: { text: '{"Image":"redis"}', api: '1.47' as RecordBody['source']['api'], largestNodeCpus: 2 },
  amendments: [],
};
const HEX = (digit: string): string => digit.repeat(32);

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Two engines: what was on `old` has moved to `next`, or is about to. */
class World {
  readonly old: FakeEngine;
  readonly next: FakeEngine;
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly fencing: Fencing;
  readonly attempts = new Attempts('c', 'i');
  readonly volumes: VolumeKeeper;
  readonly backend: ListBackend;
  readonly #membership: Membership;

  constructor(parts: Pick<World, 'old' | 'next' | 'cluster' | 'desired' | 'volumes'>, times: FencingTimes) {
    Object.assign(this, parts);
    this.old = parts.old;
    this.next = parts.next;
    this.cluster = parts.cluster;
    this.desired = parts.desired;
    this.volumes = parts.volumes;
    this.backend = new ListBackend([]);
    const shared = { cluster: this.cluster, clock: systemClock, logger: silentLogger() };
    this.fencing = new Fencing({ ...shared, ...parts, attempts: this.attempts }, times);
    this.#membership = new Membership(
      {
        ...shared,
        accounting: new Accounting(systemClock),
        backend: this.backend,
        connect: (entry: Entry) => connectorFor(entry, {}),
      },
      SOON,
    );
    this.#membership.guard(this.fencing);
    closing.push(
      () => this.#membership.close(),
      () => this.fencing.stop(),
    );
  }

  static async open(times: Partial<FencingTimes> = {}): Promise<World> {
    const [old, next] = [await FakeEngine.start({ name: 'old' }), await FakeEngine.start({ name: 'next' })];
    closing.push(
      () => old.close(),
      () => next.close(),
    );
    const shared = { clock: systemClock, logger: silentLogger() };
    const cluster = new Cluster({ ...shared, accounting: new Accounting(systemClock) });
    const desired = await DesiredState.open({ ...memoryRecords(), bodies: memoryRecords().records });
    const volumes = await VolumeKeeper.open({ ...shared, cluster, records: memoryRecords().records });
    return new World({ old, next, cluster, desired, volumes }, { ...QUICK, ...times });
  }

  /** Begins with these engines. */
  start(...engines: readonly FakeEngine[]): void {
    this.fencing.start();
    this.#membership.start();
    this.show(...engines);
  }

  show(...engines: readonly FakeEngine[]): void {
    this.backend.set(engines.map(({ address }) => address));
  }

  copyOn(engine: FakeEngine, container: FakeContainer | undefined, attempt: string, generation: number): Copy {
    const nodeId = engine.state.profile.id;
    return { nodeId, attempt, generation, ...(container && { engineId: container.id }) };
  }

  async record(changes: Partial<ContainerRecord> & Pick<ContainerRecord, 'current'>): Promise<void> {
    const terms = { restart: 'always', priority: 0 };
    await this.desired.add(
      { format: RECORD_FORMAT, key: HEX('a'), name: 'web', wanted: 'running', terms, ...changes },
      BODY,
    );
  }

  get now(): ContainerRecord | undefined {
    return this.desired.get(HEX('a'));
  }

  node(engine: FakeEngine): Node | undefined {
    return this.cluster.nodes.find(({ entry }) => entry === engine.address);
  }

  async healthy(...engines: readonly FakeEngine[]): Promise<void> {
    await waitUntil(() => engines.every((engine) => this.node(engine)?.isHealthy));
  }

  /** A container as the manager makes it. */
  make(engine: FakeEngine, attempt: string, isRunning = true): FakeContainer {
    const labels = { [ATTEMPT_LABEL]: this.attempts.labelOf(attempt) };
    return isRunning ? engine.run({ name: 'web', labels }) : engine.state.create({ name: 'web', labels });
  }
}

const A = HEX('a');
const B = HEX('b');
const C = HEX('c');

describe('a node that comes back with a copy of what runs elsewhere', () => {
  test('is healthy only when that copy is stopped and removed, with its own grace period', async () => {
    const world = await World.open();
    const stale = world.make(world.old, A);
    const current = world.make(world.next, B);
    world.old.lie(`GET /containers/${stale.id}/json`, 200, {
      Id: stale.id,
      Created: new Date().toISOString(),
      State: { Status: 'running', StartedAt: new Date().toISOString() },
      Config: { StopTimeout: 3 },
      Mounts: [
        { Type: 'volume', Name: 'f'.repeat(64), Driver: 'local' },
        { Type: 'volume', Name: 'data', Driver: 'local' },
      ],
    });
    world.old.state.addVolume('f'.repeat(64));
    await world.record({
      current: world.copyOn(world.next, current, B, 1),
      stale: [world.copyOn(world.old, stale, A, 0)],
    });
    world.start(world.next);
    await world.healthy(world.next);
    const seen: (string | undefined)[] = [];
    world.cluster.subscribe((event) => {
      if (event.kind === 'node-state' && event.to === 'Healthy')
        seen.push(world.old.state.containers.get(stale.id)?.state);
    });
    world.show(world.next, world.old);
    await world.healthy(world.old);
    expect(seen).toEqual([undefined]);
    const [stop] = world.old.requestsTo(`POST /containers/${stale.id}/stop`);
    expect(stop?.query.get('t')).toBe('3');
    expect(world.old.requests.findIndex(({ target }) => target === stop?.target)).toBeLessThan(
      world.old.requests.findIndex(({ path }) => path === '/containers/json'),
    );
    expect(world.now?.stale).toBeUndefined();
    expect(world.next.state.containers.get(current.id)?.state).toBe('running');
    // Its anonymous volume stays for a day.
    expect(world.old.state.volumes.has('f'.repeat(64))).toBe(true);
    await world.volumes.prune(AbortSignal.timeout(10_000));
    expect(world.old.requestsTo(`DELETE /volumes/${'f'.repeat(64)}`)).toEqual([]);
  });

  test.each([
    [2, '2'],
    [-1, '60'],
    [undefined, '3'],
  ])(
    'is healthy only when what clients stopped meanwhile is stopped, with %s seconds of grace',
    async (graceSeconds, t) => {
      const world = await World.open();
      const web = world.make(world.old, A);
      world.old.lie(`GET /containers/${web.id}/json`, 200, {
        Id: web.id,
        State: { Status: 'running' },
        Config: { StopTimeout: 3 },
      });
      const owedStop = { atMs: 1, ...(graceSeconds !== undefined && { graceSeconds }) };
      await world.record({ current: world.copyOn(world.old, web, A, 0), wanted: 'stopped', owedStop });
      const seen: (string | undefined)[] = [];
      world.cluster.subscribe((event) => {
        if (event.kind === 'node-state' && event.to === 'Healthy')
          seen.push(world.old.state.containers.get(web.id)?.state);
      });
      world.start(world.old);
      await world.healthy(world.old);
      expect(seen).toEqual(['exited']);
      const stops = world.old.requestsTo(`POST /containers/${web.id}/stop`);
      expect(stops.map(({ query }) => query.get('t'))).toEqual([t]);
      expect(world.now).toMatchObject({ wanted: 'stopped' });
      expect(world.now?.owedStop).toBeUndefined();
    },
  );

  test('has a container stopped that a client stopped in the moment in which it came back', async () => {
    const world = await World.open();
    const web = world.make(world.old, A);
    await world.record({ current: world.copyOn(world.old, web, A, 0) });
    world.start(world.old);
    await world.healthy(world.old);
    await world.desired.change(HEX('a'), (now) => ({ ...now, wanted: 'stopped', owedStop: { atMs: 1 } }));
    await waitUntil(() => world.old.state.containers.get(web.id)?.state === 'exited');
    await waitUntil(() => world.now?.owedStop === undefined);
  });

  test('forgets that it owes a stop of what is gone', async () => {
    const world = await World.open();
    const web = world.make(world.old, A);
    world.old.state.containers.delete(web.id);
    await world.record({ current: world.copyOn(world.old, web, A, 0), wanted: 'stopped', owedStop: { atMs: 1 } });
    world.start(world.old);
    await world.healthy(world.old);
    expect(world.now?.owedStop).toBeUndefined();
  });

  test('is killed when it cannot be stopped, and keeps its node up for a while only when it cannot be killed either', async () => {
    const world = await World.open({ patienceMs: 150 });
    const stale = world.make(world.old, A);
    const current = world.make(world.next, B);
    const heal = world.old.lie(`POST /containers/${stale.id}/*`, 500, {
      message: 'tried to kill container, but did not receive an exit event',
    });
    await world.record({
      current: world.copyOn(world.next, current, B, 1),
      stale: [world.copyOn(world.old, stale, A, 0)],
    });
    world.start(world.next, world.old);
    await waitUntil(() => world.old.requestsTo(`POST /containers/${stale.id}/kill`).length > 0);
    await waitUntil(() => /old copy of web cannot be ended.*did not receive/.test(world.node(world.old)?.reason ?? ''));
    await world.healthy(world.old);
    expect(world.fencing.problems()).toEqual([
      expect.stringMatching(/^WARNING: node old: an old copy of web cannot be ended/),
    ]);
    expect(world.now?.stale).toHaveLength(1);
    heal();
    await waitUntil(() => !world.old.state.containers.has(stale.id) && world.fencing.problems().length === 0);
    expect(world.now?.stale).toBeUndefined();
  });

  test('loses nothing that no record knows, whatever its labels say', async () => {
    const world = await World.open();
    const foreign = world.old.run({ name: 'web', labels: { [ATTEMPT_LABEL]: world.attempts.labelOf(C) } });
    const plain = world.old.run({ name: 'db' });
    await world.record({ current: world.copyOn(world.next, world.make(world.next, B), B, 1) });
    world.start(world.next, world.old);
    await world.healthy(world.old, world.next);
    expect([foreign, plain].map(({ id }) => world.old.state.containers.get(id)?.state)).toEqual(['running', 'running']);
  });

  test('has a copy ended whose ID was never learnt, also when it is made late', async () => {
    const world = await World.open({ lateMs: 60_000 });
    const current = world.make(world.next, B);
    await world.record({
      current: world.copyOn(world.next, current, B, 1),
      stale: [world.copyOn(world.old, undefined, C, 2)],
    });
    world.start(world.next, world.old);
    await world.healthy(world.old, world.next);
    const late = world.make(world.old, C, false);
    await waitUntil(() => !world.old.state.containers.has(late.id));
    await waitUntil(() => world.now?.stale === undefined);
  });

  test('forgets one that is not made within some time', async () => {
    const world = await World.open();
    const current = world.make(world.next, B);
    await world.record({
      current: world.copyOn(world.next, current, B, 1),
      stale: [world.copyOn(world.old, undefined, C, 2)],
    });
    world.start(world.next, world.old);
    await waitUntil(() => world.now !== undefined && world.now.stale === undefined);
  });

  test('has nothing ended that is listed in part only', async () => {
    const world = await World.open();
    const current = world.make(world.next, B);
    const late = world.make(world.old, C);
    await world.record({
      current: world.copyOn(world.next, current, B, 1),
      stale: [world.copyOn(world.old, undefined, C, 2)],
    });
    world.old.on('GET /containers/json', (exchange) => {
      if (!exchange.query.has('filters')) return false;
      exchange.json(500, '{"message":"no"}');
      return true;
    });
    world.start(world.next, world.old);
    await waitUntil(() => world.old.requestsTo('GET /containers/json').length > 3);
    expect(world.old.state.containers.get(late.id)?.state).toBe('running');
    expect(world.now?.stale).toHaveLength(1);
  });

  test('takes the container back when the node that it went to is lost', async () => {
    const world = await World.open({ lostMs: 1 });
    const stale = world.make(world.old, A);
    await world.record({
      current: world.copyOn(world.next, world.make(world.next, B), B, 1),
      stale: [world.copyOn(world.old, stale, A, 0)],
    });
    world.start(world.old);
    await waitUntil(() => world.now?.current.attempt === A);
    expect(world.now).toMatchObject({ current: { generation: 2, engineId: stale.id }, stale: [{ attempt: B }] });
    expect(world.old.state.containers.get(stale.id)?.state).toBe('running');
    // And the other one is ended when its node returns.
    await world.healthy(world.old);
    world.show(world.old, world.next);
    await world.healthy(world.next);
    await waitUntil(() => world.next.state.containers.size === 0);
    expect(world.old.state.containers.get(stale.id)?.state).toBe('running');
  });

  test('waits while it is not clear whether that node is lost', async () => {
    const world = await World.open();
    const stale = world.make(world.old, A);
    const current = world.make(world.next, B);
    await world.record({
      current: world.copyOn(world.next, current, B, 1),
      stale: [world.copyOn(world.old, stale, A, 0)],
    });
    world.start(world.old);
    await world.healthy(world.old);
    expect(world.old.state.containers.get(stale.id)?.state).toBe('running');
    world.show(world.old, world.next);
    await waitUntil(() => !world.old.state.containers.has(stale.id));
    expect(world.next.state.containers.get(current.id)?.state).toBe('running');
    await waitUntil(() => world.now?.stale === undefined);
  });

  test('with keep-old: the old one stays when it never stopped, and the new one goes', async () => {
    const world = await World.open();
    const terms = { restart: 'always', priority: 0, keepsOld: true };
    const stale = world.make(world.old, A);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const current = world.make(world.next, B);
    await world.record({
      terms,
      current: world.copyOn(world.next, current, B, 1),
      stale: [world.copyOn(world.old, stale, A, 0)],
    });
    world.start(world.next);
    await world.healthy(world.next);
    world.show(world.next, world.old);
    await world.healthy(world.old);
    expect(world.now?.current).toMatchObject({ attempt: A, generation: 2 });
    await waitUntil(() => !world.next.state.containers.has(current.id));
    expect(world.old.state.containers.get(stale.id)?.state).toBe('running');
    await waitUntil(() => world.now?.stale === undefined);
  });

  test('with keep-old: the new one stays when the old one was started again', async () => {
    const world = await World.open();
    const terms = { restart: 'always', priority: 0, keepsOld: true };
    const stale = world.make(world.old, A);
    const current = world.make(world.next, B);
    await new Promise((resolve) => setTimeout(resolve, 20));
    world.old.state.stop(stale);
    world.old.state.start(stale);
    await world.record({
      terms,
      current: world.copyOn(world.next, current, B, 1),
      stale: [world.copyOn(world.old, stale, A, 0)],
    });
    world.start(world.next);
    await world.healthy(world.next);
    world.show(world.next, world.old);
    await world.healthy(world.old);
    expect(world.old.state.containers.has(stale.id)).toBe(false);
    expect(world.now?.current.attempt).toBe(B);
  });

  test.each([
    { what: 'strict', terms: { restart: 'always', priority: 0, isStrict: true }, wanted: 'running' as const },
    { what: 'not wanted to run', terms: { restart: 'always', priority: 0 }, wanted: 'stopped' as const },
  ])('has it ended whatever became of the other one when it is $what', async ({ terms, wanted }) => {
    const world = await World.open();
    const stale = world.make(world.old, A);
    const { id: nodeId } = world.next.state.profile;
    await world.record({
      terms,
      wanted,
      current: { nodeId, attempt: B, generation: 1, engineId: 'e'.repeat(64) },
      stale: [world.copyOn(world.old, stale, A, 0)],
    });
    world.start(world.old);
    await world.healthy(world.old);
    expect(world.old.state.containers.has(stale.id)).toBe(false);
  });
});

describe('a node that comes back while its container is moved', () => {
  async function moving(successor: 'none' | 'created' | 'running'): Promise<World & { readonly to: Copy }> {
    const world = await World.open();
    const current = world.copyOn(world.old, world.make(world.old, A), A, 0);
    const made = successor === 'none' ? undefined : world.make(world.next, B, successor === 'running');
    const to = world.copyOn(world.next, made, B, 1);
    await world.record({ current, move: { to, how: 'replace', why: 'lost', sinceMs: Date.now() } });
    world.start(world.next);
    await world.healthy(world.next);
    world.show(world.next, world.old);
    return Object.assign(world, { to });
  }

  test.each(['none', 'created', 'running'] as const)('has it back; successor: %s', async (successor) => {
    const world = await moving(successor);
    await world.healthy(world.old);
    expect(world.now).toMatchObject({ current: { attempt: A, generation: 0 } });
    expect(world.now?.move).toBeUndefined();
    await waitUntil(() => world.next.state.containers.size === 0 && world.now?.stale === undefined);
    expect([...world.old.state.containers.values()].map(({ state }) => state)).toEqual(['running']);
  });

  test('has its copy ended when the successor takes over at that moment', async () => {
    const world = await World.open({ decisionMs: 60_000 });
    const stale = world.make(world.old, A);
    const successor = world.make(world.next, B);
    const current = world.copyOn(world.old, stale, A, 0);
    const to = world.copyOn(world.next, successor, B, 1);
    await world.record({ current, move: { to, how: 'replace', why: 'lost', sinceMs: Date.now() } });
    world.start(world.next);
    await world.healthy(world.next);
    world.show(world.next, world.old);
    await waitUntil(() => world.next.requestsTo(`GET /containers/${successor.id}/json`).length > 0);
    await world.desired.change(A, ({ move: _, ...record }) => ({ ...record, current: to, stale: [current] }));
    await world.healthy(world.old);
    expect(world.old.state.containers.has(stale.id)).toBe(false);
    expect(world.next.state.containers.get(successor.id)?.state).toBe('running');
  });

  test('lets the move go on when the copy went with its data', async () => {
    const world = await World.open();
    const current = { nodeId: world.old.state.profile.id, attempt: A, generation: 0, engineId: 'e'.repeat(64) };
    const to = world.copyOn(world.next, world.make(world.next, B, false), B, 1);
    await world.record({ current, move: { to, how: 'replace', why: 'lost', sinceMs: Date.now() } });
    world.start(world.next, world.old);
    await world.healthy(world.old, world.next);
    expect(world.now?.move?.to).toEqual(to);
  });
});

test('a copy that becomes stale on a healthy node is ended when nobody else does', async () => {
  const world = await World.open();
  const old = world.copyOn(world.old, world.make(world.old, A), A, 0);
  await world.record({ current: old });
  world.start(world.next, world.old);
  await world.healthy(world.old, world.next);
  const current = world.copyOn(world.next, world.make(world.next, B), B, 1);
  await world.desired.change(A, (record) => ({ ...record, current, stale: [old] }));
  await waitUntil(() => world.old.state.containers.size === 0 && world.now?.stale === undefined);
  expect(world.next.state.containers.size).toBe(1);
});

test('a manager that is no primary fences nothing', async () => {
  const world = await World.open();
  const stale = world.make(world.old, A);
  await world.record({
    current: world.copyOn(world.next, world.make(world.next, B), B, 1),
    stale: [world.copyOn(world.old, stale, A, 0)],
  });
  world.start(world.next, world.old);
  await world.fencing.stop();
  await world.healthy(world.next, world.old);
  // It goes on when it becomes one.
  const had = world.old.state.containers.has(stale.id);
  world.fencing.start();
  await waitUntil(() => !world.old.state.containers.has(stale.id));
  expect(had).toBe(true);
});

test('volumes of copies that were removed are removed when their time is over', async () => {
  const world = await World.open();
  world.start(world.old);
  await world.healthy(world.old);
  let nowMs = Date.now();
  const clock = { ...systemClock, now: () => nowMs };
  const shared = { clock, logger: silentLogger(), cluster: world.cluster };
  const keeper = await VolumeKeeper.open({ ...shared, records: memoryRecords().records });
  const name = 'f'.repeat(64);
  world.old.state.addVolume(name);
  await keeper.keep({ nodeId: world.old.state.profile.id, engineId: 'x', volumes: [name], container: 'web' });
  await keeper.prune(AbortSignal.timeout(10_000));
  expect(world.old.state.volumes.has(name)).toBe(true);
  nowMs += 25 * 3_600_000;
  await keeper.prune(AbortSignal.timeout(10_000));
  expect(world.old.state.volumes.has(name)).toBe(false);
});
