import { describe, expect, test } from 'vitest';
import type { FakeEngine } from '../../simulator/fake-engine.ts';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { systemClock } from '../common/clock.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import { silentLogger } from '../common/logger.ts';
import { Attempts } from '../desired/attempts.ts';
import { undone } from '../desired/move-edits.ts';
import { RECORD_FORMAT } from '../desired/record.ts';
import { OpenCreates } from './open-creates.ts';

const PATIENT = { timeout: 150_000 };
const CREATE = 'POST /containers/create';

function over(world: FakeLifecycle): OpenCreates {
  const { lifecycle, desired, attempts, fake } = world;
  const deps = { cluster: fake.cluster, desired, attempts, recorder: lifecycle.recorder, tombstones: world.tombstones };
  return new OpenCreates({ ...deps, clock: systemClock, logger: silentLogger() });
}

/** What a manager leaves that was killed between its word and the engine's answer. Returns the record's key. */
async function interrupted(world: FakeLifecycle, name: string): Promise<string> {
  const key = world.attempts.next();
  await world.desired.add(
    {
      format: RECORD_FORMAT,
      key,
      name,
      current: { nodeId: world.fake.at(0).node.id, attempt: key, generation: 0 },
      wanted: 'created',
      terms: { restart: 'no', priority: 0 },
    },
    { format: RECORD_FORMAT, source: { text: '{"Image":"redis"}', api: '1.44', largestNodeCpus: 1 }, amendments: [] },
  );
  return key;
}

function names(engine: FakeEngine): readonly string[] {
  return [...engine.state.containers.values()].map(({ name }) => name);
}

function shown({ fake }: FakeLifecycle): readonly string[] {
  return [...fake.cluster.containerList].map(({ name }) => name);
}

describe('a create that was interrupted', () => {
  test('is undone when its container was never started', async () => {
    await using world = await FakeLifecycle.start([{}]);
    const { engine } = world.fake.at(0);
    const key = await interrupted(world, 'web');
    const creates = over(world);
    creates.start();
    const removal = engine.hold('DELETE /containers/*');
    engine.state.create({ name: 'web', labels: { [ATTEMPT_LABEL]: world.attempts.labelOf(key) } });
    await expect(world.create('web')).rejects.toMatchObject({ status: 409 });
    await expect.poll(() => world.fake.at(0).node.hidden.size, PATIENT).toBe(1);
    expect(shown(world)).toEqual([]);
    removal.release();
    await expect.poll(() => [world.desired.size, names(engine)], PATIENT).toEqual([0, []]);
    await expect.poll(() => world.fake.cluster.findContainer('web')).toBeUndefined();
    await world.made('web');
    await creates.stop();
    expect(names(engine)).toEqual(['web']);
  });

  test('is complete when its container was started since', async () => {
    await using world = await FakeLifecycle.start([{}]);
    const key = await interrupted(world, 'web');
    const { id } = world.fake
      .at(0)
      .engine.run({ name: 'web', labels: { [ATTEMPT_LABEL]: world.attempts.labelOf(key) } });
    const creates = over(world);
    creates.start();
    await expect
      .poll(() => world.desired.get(key), PATIENT)
      .toMatchObject({ id, wanted: 'running', current: { engineId: id, generation: 0 } });
    await expect.poll(() => shown(world), PATIENT).toEqual(['web']);
    await creates.stop();
  });

  test('holds its name for as long as its node is away, and is decided when that is back', async () => {
    await using world = await FakeLifecycle.start([{}, {}]);
    const { engine, node } = world.fake.at(0);
    await engine.apply({ kind: 'refuse' });
    await expect.poll(() => node.isHealthy, PATIENT).toBe(false);
    await interrupted(world, 'web');
    const creates = over(world);
    creates.start();
    await expect(world.create('web')).rejects.toMatchObject({ status: 409, code: 'NAME_IN_USE' });
    expect(world.desired.size).toBe(1);
    await engine.apply({ kind: 'none' });
    await expect.poll(() => world.desired.size, PATIENT).toBe(0);
    await world.made('web');
    await creates.stop();
  });

  test('by a client that left is undone when the engine made it all the same', async () => {
    await using world = await FakeLifecycle.start([{}]);
    const { engine } = world.fake.at(0);
    const creates = over(world);
    creates.start();
    const resume = engine.stall(CREATE);
    const client = new AbortController();
    const creating = world.create('web', {}, client.signal);
    await expect.poll(() => engine.requestsTo(CREATE).length).toBe(1);
    client.abort();
    await expect(creating).rejects.toThrow();
    expect(world.desired.size).toBe(0);
    resume();
    await world.made('db');
    await expect.poll(() => names(engine), PATIENT).toEqual(['db']);
    await creates.stop();
  });
});

describe('what an engine makes late', () => {
  test('while its create is being undone is removed', async () => {
    await using world = await FakeLifecycle.start([{}]);
    const { engine, node } = world.fake.at(0);
    const key = await interrupted(world, 'web');
    const { recorder } = world.lifecycle;
    const forget = recorder.forget.bind(recorder);
    recorder.forget = async (record) => {
      engine.state.create({ name: 'web', labels: { [ATTEMPT_LABEL]: world.attempts.labelOf(key) } });
      await expect.poll(() => node.hidden.size, PATIENT).toBe(1);
      await forget(record);
    };
    const creates = over(world);
    creates.start();
    await expect.poll(() => [world.desired.size, names(engine)], PATIENT).toEqual([0, []]);
    await creates.stop();
  });

  test('while its move is being undone is removed', async () => {
    await using world = await FakeLifecycle.start([{}, {}]);
    const { engine, node } = world.fake.at(1);
    const key = await interrupted(world, 'web');
    const engineId = world.fake.at(0).engine.run({ name: 'web' }).id;
    const to = { nodeId: node.id, attempt: world.attempts.next(), generation: 1 };
    const move = { to, how: 'start-first', why: 'drain', sinceMs: 0 } as const;
    await world.desired.change(key, (record) => ({
      ...{ ...record, id: engineId, move },
      current: { ...record.current, engineId },
    }));
    const creates = over(world);
    const looks = (): number => engine.requestsTo('GET /containers/json').length;
    const before = looks();
    creates.start();
    await expect.poll(looks, PATIENT).toBeGreaterThan(before);
    engine.state.create({ name: 'web', labels: { [ATTEMPT_LABEL]: world.attempts.labelOf(to.attempt) } });
    await expect.poll(() => node.hidden.size, PATIENT).toBe(1);
    await world.desired.change(key, (record) => undone(record, to.attempt, true));
    await expect.poll(() => names(engine), PATIENT).toEqual([]);
    await creates.stop();
    expect(shown(world)).toEqual(['web']);
  });
});

describe('what an engine made although its client was refused', () => {
  /** The engine makes it, and its answer does not arrive. */
  async function refused() {
    const world = await FakeLifecycle.start([{}]);
    const { engine, node } = world.fake.at(0);
    engine.on(CREATE, (exchange) => {
      exchange.readJson(({ Labels }) => {
        engine.state.create({ name: 'web', labels: Labels as Record<string, string> });
        exchange.json(500, '{"message":"the disk is slow"}');
      });
      return true;
    });
    expect((await world.create('web')).statusCode).toBe(500);
    expect(names(engine)).toEqual(['web']);
    await expect.poll(() => node.hidden.size, PATIENT).toBe(1);
    return { world, engine, node, [Symbol.asyncDispose]: () => world.fake.close() };
  }

  test('is not listed, and is removed', async () => {
    await using at = await refused();
    expect(shown(at.world)).toEqual([]);
    const creates = over(at.world);
    creates.start();
    await expect.poll(() => names(at.engine), PATIENT).toEqual([]);
    await creates.stop();
  });

  test('is listed, and told, once somebody has started it', async () => {
    await using at = await refused();
    for (const container of at.engine.state.containers.values()) at.engine.state.start(container);
    const creates = over(at.world);
    creates.start();
    await expect.poll(() => shown(at.world), PATIENT).toEqual(['web']);
    expect(creates.problems()).toHaveLength(1);
    await creates.stop();
  });
});

describe('a container whose mark no record knows', () => {
  const attempt = '0123456789abcdef0123456789abcdef';

  async function left(marked: (own: Attempts) => string, run: boolean) {
    const world = await FakeLifecycle.start([{}]);
    const { engine } = world.fake.at(0);
    const labels = { [ATTEMPT_LABEL]: marked(world.attempts) };
    if (run) engine.run({ name: 'web', labels });
    else engine.state.create({ name: 'web', labels });
    const creates = over(world);
    creates.start();
    await expect.poll(() => names(engine).length === 0 || creates.problems().length > 0, PATIENT).toBe(true);
    await creates.stop();
    const [problem] = creates.problems();
    await world.fake.close();
    return { left: names(engine), problem };
  }

  test('is removed when it was made for this state and never started', async () => {
    expect(await left((own) => own.labelOf(attempt), false)).toEqual({ left: [], problem: undefined });
  });

  test.each([
    ['that was started', (own: Attempts) => own.labelOf(attempt), true],
    ['of another incarnation', (own: Attempts) => new Attempts(own.cluster).labelOf(attempt), false],
    ['of another cluster', (own: Attempts) => new Attempts('other', own.incarnation).labelOf(attempt), false],
  ])('%s is left alone, and told', async (_case, mark, run) => {
    expect(await left(mark, run)).toEqual({
      left: ['web'],
      problem: expect.stringMatching(/^WARNING: container web: [^\n]+$/),
    });
  });

  test('that comes from its image is left alone', async () => {
    await using world = await FakeLifecycle.start([{}]);
    const { engine } = world.fake.at(0);
    const label = world.attempts.labelOf(attempt);
    engine.lie('GET /images/*', 200, { Config: { Labels: { [ATTEMPT_LABEL]: label } } });
    engine.state.create({ name: 'web', labels: { [ATTEMPT_LABEL]: label } });
    const creates = over(world);
    creates.start();
    await expect
      .poll(() => engine.requestsTo('GET /images/*').filter(({ path }) => path.endsWith('/json')).length, PATIENT)
      .toBeGreaterThan(1);
    await creates.stop();
    expect(names(engine)).toEqual(['web']);
  });

  test.each([
    ['and is removed is never listed', false],
    ['and comes from its image is listed once that is known', true],
  ])('that appears later %s', async (_case, isInherited) => {
    await using world = await FakeLifecycle.start([{}]);
    const { engine, node } = world.fake.at(0);
    const label = world.attempts.labelOf(attempt);
    if (isInherited) engine.lie('GET /images/*', 200, { Config: { Labels: { [ATTEMPT_LABEL]: label } } });
    const met: string[] = [];
    world.fake.cluster.subscribe((event) => {
      if (event.kind === 'container-added') met.push(event.after.name);
    });
    const creates = over(world);
    creates.start();
    const judged = engine.hold('GET /containers/*/json');
    engine.state.create({ name: 'web', labels: { [ATTEMPT_LABEL]: label } });
    await expect.poll(() => node.hidden.size, PATIENT).toBe(1);
    expect(shown(world)).toEqual([]);
    judged.release();
    await expect.poll(() => [shown(world), node.hidden.size], PATIENT).toEqual([isInherited ? ['web'] : [], 0]);
    await creates.stop();
    expect([names(engine), met]).toEqual(isInherited ? [['web'], ['web']] : [[], []]);
  });
});

test('creates of many nodes are resolved at once without a warning', async () => {
  const warnings: string[] = [];
  const note = ({ name }: Error): number => warnings.push(name);
  process.on('warning', note);
  await using world = await FakeLifecycle.start(Array.from({ length: 12 }, () => ({})));
  await interrupted(world, 'web');
  const creates = over(world);
  creates.start();
  await expect.poll(() => world.desired.size, PATIENT).toBe(0);
  await creates.stop();
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
