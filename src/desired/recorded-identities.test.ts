import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import { IDENTITY_LABEL } from '../cluster/listed-container.ts';
import { Node } from '../cluster/node.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import type { ContainerSummary, EngineEvent } from '../engine/types.ts';
import { Attempts } from './attempts.ts';
import { DesiredState } from './desired-state.ts';
import { switched, undone, withoutStale } from './move-edits.ts';
import type { ContainerRecord, Copy, OpenMove } from './record.ts';
import { showAsRecorded } from './recorded-identities.ts';

const ATTEMPTS = new Attempts('cluster');

const [FIRST, SECOND, THIRD] = ['aaa1', 'bbb2', 'ccc3'].map((id) => id.padEnd(64, '0')) as [string, string, string];

/** Two healthy nodes, and what is recorded. */
async function world() {
  const clock = new FakeClock();
  const cluster = new Cluster({ clock, logger: silentLogger() });
  const desired = await DesiredState.open({ ...memoryRecords(), bodies: memoryRecords().records });
  showAsRecorded(cluster, desired, ATTEMPTS);
  const nodes = ['one', 'two'].map((name) => {
    const node = new Node(`${name}:2375`, new EngineClient(nowhere()), '10.0.0.9');
    cluster.addNode(node);
    cluster.setInfo(node, engineInfo(name, `id-of-${name}`));
    cluster.setState(node, 'Healthy', '');
    return node;
  }) as [Node, Node];
  const told: ClusterEvent[] = [];
  cluster.subscribe((event) => told.push(event));
  const add = async (more: Partial<ContainerRecord> = {}): Promise<void> => {
    await desired.add(
      { ...RECORD, ...more },
      { format: 1, source: { text: '{}', api: '1.44', largestNodeCpus: 2 }, amendments: [] },
    );
  };
  const change = async (edit: (record: ContainerRecord) => ContainerRecord): Promise<void> => {
    await desired.change(RECORD.key, edit);
  };
  return { cluster, desired, one: nodes[0], two: nodes[1], told, add, change };
}

const RECORD: ContainerRecord = {
  format: 1,
  key: 'a0',
  id: FIRST,
  name: 'web',
  current: copy('one', 'a0', 0, FIRST),
  wanted: 'running',
  terms: { restart: 'always', priority: 0 },
};

function copy(node: string, attempt: string, generation: number, engineId?: string): Copy {
  return {
    nodeId: `id-of-${node}`,
    attempt: attempt.padEnd(32, '0'),
    generation,
    ...(engineId !== undefined && { engineId }),
  };
}

function move(to: Copy, how: OpenMove['how'] = 'replace'): OpenMove {
  return { to, how, why: 'node one is lost', sinceMs: 0 };
}

function listed(id: string, attempt?: string, more: Partial<ContainerSummary> = {}): ContainerSummary {
  const Labels = { app: 'web', ...(attempt && { [ATTEMPT_LABEL]: labelOf(attempt) }) };
  return containerSummary(id, { Names: ['/web'], Labels, ...more });
}

const moved = (record: ContainerRecord): ContainerRecord => (record.move ? switched(record, record.move.to) : record);

const labelOf = (attempt: string): string => ATTEMPTS.labelOf(attempt.padEnd(32, '0'));

const ids = (cluster: Cluster): string[] => [...cluster.containerList].map(({ id }) => id);

describe('a copy that is being made', () => {
  test('is not shown, by its attempt before its ID is known, and counts on its node', async () => {
    const { cluster, two, add, change, told } = await world();
    await add();
    await change((record) => ({ ...record, move: move(copy('two', 'a1', 1)) }));
    cluster.replaceContainers(two, [
      listed(SECOND, 'a1', { Ports: [{ PrivatePort: 80, PublicPort: 80, Type: 'tcp' }] }),
    ]);
    expect(ids(cluster)).toEqual([]);
    expect(cluster.findContainer('web')).toBeUndefined();
    expect(cluster.findContainer('bbb2')).toBeUndefined();
    expect(cluster.containersWithLabel('app', 'web').count).toBe(0);
    expect(two.counts).toEqual({ running: 0, paused: 0, stopped: 0 });
    expect(two.hidden.size).toBe(1);
    expect(two.usesPort('tcp', '', 80)).toBe(true);
    expect(told.filter(({ kind }) => kind.startsWith('container-'))).toEqual([]);
    await change((record) => undone(record, record.move?.to.attempt ?? '', false));
    expect(ids(cluster)).toEqual([]);
    cluster.replaceContainers(two, []);
    expect([two.hidden.size, two.usesPort('tcp', '', 80)]).toEqual([0, false]);
  });

  test('takes the place of the container in one step, under its identity', async () => {
    const { cluster, one, two, add, change, told } = await world();
    await add();
    cluster.replaceContainers(one, [listed(FIRST, 'a0')]);
    await change((record) => ({ ...record, move: move(copy('two', 'a1', 1, SECOND)) }));
    cluster.replaceContainers(two, [listed(SECOND, 'a1')]);
    told.length = 0;
    await change(moved);
    expect(ids(cluster)).toEqual([FIRST]);
    const web = cluster.container('web');
    expect([web.node.name, web.engineId, web.id]).toEqual(['two', SECOND, FIRST]);
    expect(told).toMatchObject([
      {
        kind: 'container-changed',
        node: { name: 'two' },
        before: { engineId: FIRST },
        after: web,
        why: 'node one is lost',
      },
    ]);
    expect([...one.hidden.keys()]).toEqual([FIRST]);
    await change((record) => withoutStale(record, { attempt: 'a0'.padEnd(32, '0') }));
    cluster.removeContainer(one, FIRST);
    expect(ids(cluster)).toEqual([FIRST]);
  });
});

describe('what a create left of which nothing was written', () => {
  test('is hidden until it is judged, where that is done', async () => {
    const { cluster, one } = await world();
    const attempt = 'a7'.padEnd(32, '0');
    const left = listed(FIRST, 'a7', { State: 'created' });
    cluster.replaceContainers(one, [left]);
    expect(ids(cluster)).toEqual([FIRST]);
    cluster.replaceContainers(one, []);
    ATTEMPTS.areResolvedHere = true;
    onTestFinished(() => {
      ATTEMPTS.areResolvedHere = false;
    });
    cluster.replaceContainers(one, [left]);
    expect([ids(cluster), one.hidden.size]).toEqual([[], 1]);
    cluster.replaceContainers(one, [{ ...left, State: 'running' }]);
    expect([ids(cluster), one.hidden.size]).toEqual([[FIRST], 0]);
    cluster.replaceContainers(one, []);
    cluster.replaceContainers(one, [left]);
    ATTEMPTS.admit(attempt);
    cluster.replaceContainers(one, [left]);
    expect([ids(cluster), one.hidden.size]).toEqual([[FIRST], 0]);
  });

  test('is no container whose record goes while it is listed', async () => {
    const { cluster, desired, one, add } = await world();
    ATTEMPTS.areResolvedHere = true;
    onTestFinished(() => {
      ATTEMPTS.areResolvedHere = false;
    });
    await add();
    const created = listed(FIRST, 'a8', { State: 'created' });
    cluster.replaceContainers(one, [created]);
    await desired.remove(RECORD.key);
    cluster.replaceContainers(one, [created]);
    expect([ids(cluster), one.hidden.size]).toEqual([[FIRST], 0]);
  });
});

describe('the name of a container that no node lists', () => {
  const BEGINS_SO = 'db1'.padEnd(64, '0');

  test('means no other one whose ID begins so', async () => {
    const { cluster, one, add } = await world();
    cluster.replaceContainers(one, [containerSummary(BEGINS_SO, { Names: ['/web'] })]);
    expect(cluster.container('db').name).toBe('web');
    await add({ name: 'db', id: SECOND, current: copy('one', 'a0', 0, SECOND) });
    for (const reference of ['db', '/db', 'one/db']) {
      expect(cluster.findContainer(reference)).toBeUndefined();
      expect(() => cluster.container(reference)).toThrow(`No such container: ${reference}`);
    }
    expect(cluster.container('db1').name).toBe('web');
    cluster.replaceContainers(one, [
      containerSummary(BEGINS_SO, { Names: ['/web'] }),
      containerSummary(SECOND, { Names: ['/db'] }),
    ]);
    expect(cluster.container('db').engineId).toBe(SECOND);
  });
});

describe('a copy left behind', () => {
  test('is hidden when its node returns, and before the container is listed', async () => {
    const { cluster, one, two, add } = await world();
    await add({ current: copy('two', 'a1', 1, SECOND), stale: [copy('one', 'a0', 0, FIRST), copy('one', 'a2', 0)] });
    cluster.replaceContainers(one, [listed(FIRST), listed(THIRD, 'a2')]);
    expect([ids(cluster), one.hidden.size]).toEqual([[], 2]);
    cluster.replaceContainers(two, [listed(SECOND)]);
    expect(ids(cluster)).toEqual([FIRST]);
    expect(cluster.container(FIRST).engineId).toBe(SECOND);
  });

  test('is hidden among what is remembered of a node that is down at the start', async () => {
    const { cluster, one, add } = await world();
    await add({ current: copy('two', 'a1', 1, SECOND), stale: [copy('one', 'a0', 0, FIRST)] });
    cluster.restoreHoldings(one, { containers: [listed(FIRST)], volumes: [] });
    expect(ids(cluster)).toEqual([]);
  });

  test('is shown for what it is once its record is gone', async () => {
    const { cluster, desired, one, add } = await world();
    await add({ current: copy('two', 'a1', 1, SECOND), stale: [copy('one', 'a0', 0, FIRST)] });
    cluster.replaceContainers(one, [listed(FIRST)]);
    await desired.remove(RECORD.key);
    expect(ids(cluster)).toEqual([FIRST]);
    expect(one.hidden.size).toBe(0);
  });

  test('is not shown once its record is gone when a client removed the container', async () => {
    const { cluster, desired, one, two, add } = await world();
    await add({ current: copy('two', 'a1', 1, SECOND), stale: [copy('one', 'a0', 0, FIRST)] });
    cluster.replaceContainers(one, [listed(FIRST)]);
    cluster.replaceContainers(two, [listed(SECOND)]);
    cluster.setState(one, 'Unhealthy', 'lost');
    const removed = new Set([FIRST]);
    cluster.hide(removed);
    await desired.remove(RECORD.key);
    cluster.removeContainer(two, SECOND);
    expect(ids(cluster)).toEqual([]);
    expect(one.hidden.size).toBe(0);
  });

  test('gives the container back when the move is taken back', async () => {
    const { cluster, one, two, add, change } = await world();
    const back = copy('one', 'a0', 0, FIRST);
    await add({ current: copy('two', 'a1', 1, SECOND), stale: [back] });
    cluster.replaceContainers(one, [listed(FIRST)]);
    cluster.replaceContainers(two, [listed(SECOND)]);
    await change((record) => switched(record, back));
    expect(ids(cluster)).toEqual([FIRST]);
    expect(cluster.container(SECOND).node.name).toBe('one');
    expect([...two.hidden.keys()]).toEqual([SECOND]);
  });
});

test('what engines called it earlier means the container, and makes no prefix ambiguous', async () => {
  const { cluster, one, two, add, change } = await world();
  await add({ current: copy('two', 'a1', 1, SECOND), stale: [copy('one', 'a0', 0, FIRST)] });
  cluster.replaceContainers(two, [listed(SECOND)]);
  await change((record) => ({ ...record, move: move(copy('one', 'a2', 2, THIRD)) }));
  cluster.replaceContainers(one, [listed(FIRST), listed(THIRD), containerSummary('bbb3', { Names: ['/other'] })]);
  await change(moved);
  await change((record) => withoutStale(record, { attempt: 'a1'.padEnd(32, '0') }));
  for (const reference of [FIRST, SECOND, THIRD, 'aaa', 'bbb2', 'ccc', 'web'])
    expect(cluster.container(reference).engineId, reference).toBe(THIRD);
  expect(cluster.container('bbb').name).toBe('other');
});

test('no label gives an identity, or hides anything of another', async () => {
  const { cluster, one, two, add } = await world();
  await add();
  cluster.replaceContainers(one, [listed(FIRST, 'a0')]);
  const copied = { ...listed(SECOND, 'a0').Labels, [IDENTITY_LABEL]: FIRST };
  cluster.replaceContainers(two, [listed(SECOND, undefined, { Names: ['/copied'], Labels: copied })]);
  expect(cluster.container(FIRST).name).toBe('web');
  expect(cluster.container('copied').id).toBe(SECOND);
});

describe('messages of engines', () => {
  const message = (Action: string, id: string, attributes: Record<string, string> = {}): EngineEvent => ({
    Type: 'container',
    Action,
    Actor: { ID: id, Attributes: { name: 'web', ...attributes } },
  });
  const attempt = (key: string): Record<string, string> => ({ [ATTEMPT_LABEL]: labelOf(key) });

  test('about copies that clients do not see are kept from them, to the last', async () => {
    const { cluster, one, two, add, change, told } = await world();
    await add();
    cluster.replaceContainers(one, [listed(FIRST, 'a0')]);
    await change((record) => ({ ...record, move: move(copy('two', 'a1', 1), 'stop-first') }));
    told.length = 0;
    cluster.emitEngineEvent(two, message('create', SECOND, attempt('a1')), SECOND);
    cluster.replaceContainers(two, [listed(SECOND, 'a1', { State: 'created' })]);
    await change((record) => ({ ...record, move: move(copy('two', 'a1', 1, SECOND), 'stop-first') }));
    cluster.emitEngineEvent(one, message('die', FIRST), FIRST);
    cluster.emitEngineEvent(two, message('start', SECOND), SECOND);
    const connect: EngineEvent = {
      Type: 'network',
      Action: 'connect',
      Actor: { ID: 'n', Attributes: { container: SECOND } },
    };
    cluster.emitEngineEvent(two, connect, SECOND);
    await change(moved);
    cluster.emitEngineEvent(two, message('create', SECOND, attempt('a1')), SECOND);
    await change((record) => withoutStale(record, { attempt: 'a0'.padEnd(32, '0') }));
    cluster.emitEngineEvent(one, message('destroy', FIRST), FIRST);
    expect(told.filter(({ kind }) => kind === 'engine-event')).toEqual([]);
    cluster.emitEngineEvent(two, message('die', SECOND), `{"ID":"${SECOND}"}`);
    cluster.emitEngineEvent(two, { ...connect, Action: 'disconnect' }, SECOND);
    expect(told.filter(({ kind }) => kind === 'engine-event')).toMatchObject([
      { event: { Action: 'die', Actor: { ID: FIRST } }, text: `{"ID":"${FIRST}"}` },
      { event: { Action: 'disconnect', Actor: { Attributes: { container: FIRST } } } },
    ]);
  });

  test('of the past are about one container also when that is gone', async () => {
    const { cluster, desired, one, two, add, change } = await world();
    await add();
    await change((record) => ({ ...record, move: move(copy('two', 'a1', 1, SECOND)) }));
    await change(moved);
    await desired.remove(RECORD.key);
    const past = (node: Node, action: string, id: string) =>
      cluster.engineMessages.shown(node, message(action, id), id, { isPast: true })?.text;
    expect(past(two, 'exec_start: sh', SECOND)).toBe(FIRST);
    expect(past(two, 'destroy', SECOND)).toBe(FIRST);
    expect(past(two, 'create', SECOND)).toBeUndefined();
    expect([past(one, 'start', FIRST), past(one, 'die', FIRST)]).toEqual([FIRST, undefined]);
    expect(cluster.engineMessages.shown(two, message('die', SECOND), SECOND)?.text).toBe(SECOND);
  });
});

/** Any history of one record's moves and of what two engines list. */
describe('after any history', () => {
  type Step = 'open' | 'learn' | 'move' | 'undo' | 'forget' | 'list one' | 'list two' | 'clear one' | 'clear two';
  const steps = fc.array(
    fc.constantFrom<Step>('open', 'learn', 'move', 'undo', 'forget', 'list one', 'list two', 'clear one', 'clear two'),
    { maxLength: 25 },
  );

  test('the container is shown once at most, its copies never, and each node holds what its engine lists', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const { cluster, desired, one, two, add, change, told } = await world();
        await add();
        const engines = { one: new Map([[FIRST, 'a0']]), two: new Map<string, string>() };
        let made = 0;
        const followed = new Map<string, string>();
        for (const step of history) {
          const open = desired.get(RECORD.key)?.move;
          if (step === 'open' && !open) {
            made += 1;
            const to = copy(made % 2 === 1 ? 'two' : 'one', `b${made}`, made);
            engines[made % 2 === 1 ? 'two' : 'one'].set(String(made).padEnd(64, 'd'), `b${made}`);
            await change((record) => ({ ...record, move: move(to) }));
          } else if (step === 'learn' && open)
            await change((record) => ({
              ...record,
              move: move({ ...open.to, engineId: String(made).padEnd(64, 'd') }),
            }));
          else if (step === 'move' && open?.to.engineId) await change(moved);
          else if (step === 'undo') await change((record) => undone(record, record.move?.to.attempt ?? '', false));
          else if (step.startsWith('list'))
            for (const node of [one, two])
              if (step.endsWith(node.name))
                cluster.replaceContainers(
                  node,
                  [...engines[node.name as 'one' | 'two']].map(([id, key]) => listed(id, key)),
                );
          if (step.startsWith('clear')) cluster.replaceContainers(step.endsWith('one') ? one : two, []);
          for (const event of told.splice(0)) {
            if (event.kind === 'container-removed' || event.kind === 'container-changed')
              followed.delete(event.before.engineId);
            if (event.kind === 'container-added' || event.kind === 'container-changed')
              followed.set(event.after.engineId, event.after.id);
          }
          const shownIds = [...cluster.containerList].map(({ engineId, id }) => [engineId, id]);
          expect(
            shownIds.every(([engineId, id]) => id === FIRST && engineId === desired.get(RECORD.key)?.current.engineId),
          ).toBe(true);
          expect([...followed]).toEqual(shownIds);
          for (const node of [one, two]) expect(node.containerCount).toBe(node.containers.size + node.hidden.size);
        }
      }),
      { numRuns: 60 },
    );
  });
});
