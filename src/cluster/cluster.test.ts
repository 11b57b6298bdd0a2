import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import type { ContainerSummary } from '../engine/types.ts';
import { parsePlacement } from '../scheduler/placement.ts';
import { Cluster } from './cluster.ts';
import type { Container } from './container.ts';
import type { ClusterEvent } from './events.ts';
import { Node } from './node.ts';

/** A cluster of healthy nodes, each with what it lists. */
function clusterOf(nodes: Readonly<Record<string, readonly ContainerSummary[]>>) {
  const clock = new FakeClock();
  const cluster = new Cluster({ clock, logger: silentLogger() });
  const made = Object.entries(nodes).map(([name, summaries]) => {
    const node = new Node(`${name}:2375`, new EngineClient(nowhere()), '10.0.0.9');
    cluster.addNode(node);
    cluster.setInfo(node, engineInfo(name, `id-of-${name}`));
    cluster.replaceContainers(node, summaries);
    cluster.setState(node, 'Healthy', '');
    return node;
  });
  const node = (name: string): Node => {
    const found = made.find((each) => each.name === name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  };
  return { cluster, clock, node };
}

const WEB = containerSummary('aaa1', { Names: ['/web'] });
const DB = containerSummary('aaa2', { Names: ['/db'] });
/** Its name is the beginning of another one's ID. */
const TRICKY = containerSummary('bbb', { Names: ['/aaa1'] });

describe('a reference', () => {
  const { cluster } = clusterOf({ one: [WEB, TRICKY], two: [DB, containerSummary('ccc', { Names: ['/web'] })] });

  test.each([
    ['a full ID', WEB.Id, WEB.Id],
    ['a name', 'db', DB.Id],
    ['a name with slash', '/db', DB.Id],
    ['node/name', 'two/web', 'ccc'.padEnd(64, '0')],
    ['/node/name', '/one/web', WEB.Id],
    ['node ID/name', 'id-of-two/web', 'ccc'.padEnd(64, '0')],
    ['node/ID prefix', 'two/aaa2', DB.Id],
    ['an ID prefix', 'aaa2', DB.Id],
    ['a name before an ID prefix', 'aaa1', TRICKY.Id],
    ['one digit', 'c', 'ccc'.padEnd(64, '0')],
  ])('%s', (_what, reference, id) => {
    expect(cluster.container(reference).id).toBe(id);
    expect(cluster.findContainer(reference)?.id).toBe(id);
  });

  test.each(['nobody', 'd', '/', '', 'one/db', 'three/web', 'one/', 'AAA2', `${'a'.repeat(64)}0`, 'web\n'])(
    '%j means nothing',
    (reference) => {
      expect(() => cluster.container(reference)).toThrow(
        expect.objectContaining({ status: 404, message: `No such container: ${reference}` }),
      );
      expect(cluster.findContainer(reference)).toBeUndefined();
    },
  );

  test.each(['aaa', 'web'])('%s is ambiguous and says what it could mean', (reference) => {
    expect(() => cluster.container(reference)).toThrow(
      expect.objectContaining({
        status: 400,
        message: expect.stringMatching(/one\/web.*Use a longer ID or node\/name/),
      }),
    );
    expect(cluster.findContainer(reference)).toBeUndefined();
  });
});

test('of two containers with one name the one on the healthy node is meant', () => {
  const { cluster, node } = clusterOf({ one: [WEB], two: [containerSummary('ccc', { Names: ['/web'] })] });
  cluster.setState(node('one'), 'Unhealthy', 'gone');
  expect(cluster.container('web').node.name).toBe('two');
  cluster.setState(node('two'), 'Unhealthy', 'gone');
  expect(cluster.findContainer('web')).toBeUndefined();
});

describe('a pending placement', () => {
  test('is seen by the scheduler and by nobody else', () => {
    const { cluster, node } = clusterOf({ one: [WEB] });
    const { request } = parsePlacement({ Image: 'redis' }, { name: 'cache' });
    const pending = cluster.beginPlacement(node('one'), request, { app: 'shop' });
    expect(cluster.findContainers('cache').map(({ nodeId }) => nodeId)).toEqual(['id-of-one']);
    expect(cluster.containerLabel('app')?.get('shop')?.has('id-of-one')).toBe(true);
    expect([...cluster.containers()]).toHaveLength(2);
    expect(cluster.findContainer('cache')).toBeUndefined();
    expect(cluster.containersNamed('cache')).toEqual([]);
    expect([...cluster.containersWithLabel('app').containers]).toEqual([]);
    expect(cluster.containerCount).toBe(1);
    pending.release();
    expect(cluster.findContainers('cache')).toEqual([]);
  });
});

describe('nodes', () => {
  test('are found by ID and by name, the first of two with one name', () => {
    const { cluster, node } = clusterOf({ one: [], two: [] });
    expect(cluster.node('id-of-two')).toBe(node('two'));
    expect(cluster.node('one')).toBe(node('one'));
    expect(cluster.node('three')).toBeUndefined();
  });

  test('is found by its name while it has it, the first one of several', () => {
    const { cluster, node } = clusterOf({ one: [], two: [] });
    const [one, two] = [node('one'), node('two')];
    cluster.setInfo(one, engineInfo('two', one.id));
    expect(cluster.node('one')).toBeUndefined();
    expect(cluster.node('two')).toBe(one);
    expect(new Set(cluster.nodesNamed('two'))).toEqual(new Set([one, two]));
    cluster.removeNode(one);
    expect(cluster.node('two')).toBe(two);
    cluster.removeNode(two);
    expect(cluster.nodesNamed('two')).toEqual([]);
  });

  test('count their version up with everything that info shows', () => {
    const { cluster, node } = clusterOf({ one: [WEB] });
    const one = node('one');
    const changes: (() => void)[] = [
      () => cluster.setState(one, 'Unhealthy', 'gone'),
      () => cluster.setState(one, 'Unhealthy', 'still gone'),
      () => cluster.replaceContainers(one, [{ ...WEB, State: 'exited', Status: 'Exited (0) 1 second ago' }]),
      () => cluster.removeContainer(one, WEB.Id),
      () => cluster.setInfo(one, engineInfo('one', 'id-of-one', { Labels: ['zone=z1'] })),
      () => one.setWarnings(['its clock is off']),
    ];
    for (const change of changes) {
      const before = one.version;
      change();
      expect(one.version).toBeGreaterThan(before);
    }
    const before = one.version;
    cluster.setState(one, 'Unhealthy', 'still gone');
    expect(one.version).toBe(before);
  });

  test('tell of changes of state once', () => {
    const { cluster, node } = clusterOf({ one: [] });
    const events: ClusterEvent[] = [];
    const stop = cluster.subscribe((event) => events.push(event));
    cluster.setState(node('one'), 'Unhealthy', 'a');
    cluster.setState(node('one'), 'Unhealthy', 'b');
    cluster.setState(node('one'), 'Healthy', '');
    stop();
    cluster.setState(node('one'), 'Unhealthy', 'c');
    expect(
      events.map((event) => (event.kind === 'node-state' ? [event.from, event.to, event.reason] : event.kind)),
    ).toEqual([
      ['Healthy', 'Unhealthy', 'a'],
      ['Unhealthy', 'Healthy', ''],
    ]);
  });

  test.each([
    [['zone=z1', 'bare', 'eq=a=b'], { zone: 'z1', bare: '', eq: 'a=b' }],
    [null, {}],
  ])('have the labels of their engine: %j', (labels, expected) => {
    const { cluster, node } = clusterOf({ one: [] });
    cluster.setInfo(node('one'), engineInfo('one', 'id-of-one', { Labels: labels }));
    expect(Object.fromEntries(node('one').labels)).toEqual(expected);
  });

  test('have a clock that is ahead or behind', () => {
    const { cluster, clock, node } = clusterOf({ one: [] });
    const ahead = new Date(clock.now() + 5000).toISOString();
    cluster.setInfo(node('one'), engineInfo('one', 'id-of-one', { SystemTime: ahead }));
    expect(node('one').clockOffsetMs).toBe(5000);
    cluster.setInfo(node('one'), engineInfo('one', 'id-of-one', { SystemTime: 'yesterday' }));
    expect(node('one').clockOffsetMs).toBe(0);
  });
});

describe('changes of containers', () => {
  /** What a follower hears, as `kind name state before → after`. */
  function heard(cluster: Cluster): string[] {
    const lines: string[] = [];
    const text = (one: Container): string => `${one.name} ${one.state} ${one.id.slice(0, 4)}`;
    cluster.subscribe((event) => {
      if (event.kind === 'container-added') lines.push(`+ ${text(event.after)}`);
      else if (event.kind === 'container-removed') lines.push(`- ${text(event.before)}`);
      else if (event.kind === 'container-changed') lines.push(`${text(event.before)} → ${text(event.after)}`);
      else if (event.kind !== 'engine-event') lines.push(event.kind);
    });
    return lines;
  }

  test('are told with what was before and what is now, and only when something changed', () => {
    const { cluster, node } = clusterOf({ one: [] });
    const lines = heard(cluster);
    cluster.replaceContainers(node('one'), [WEB]);
    cluster.replaceContainers(node('one'), [WEB]);
    cluster.updateContainers(node('one'), [WEB.Id], [{ ...WEB, State: 'exited', Status: 'Exited (0) 1 second ago' }]);
    cluster.replaceContainers(node('one'), [DB]);
    cluster.removeContainer(node('one'), DB.Id);
    cluster.removeContainer(node('one'), DB.Id);
    expect(lines).toEqual([
      '+ web running aaa1',
      'web running aaa1 → web exited aaa1',
      '- web exited aaa1',
      '+ db running aaa2',
      '- db running aaa2',
    ]);
  });

  test('are found in the model by who is told, and a node that leaves says so first', () => {
    const { cluster, node } = clusterOf({ one: [WEB] });
    const lines = heard(cluster);
    const there: boolean[] = [];
    cluster.subscribe((event) => {
      if (event.kind === 'holdings-leaving') there.push(cluster.findContainer('web') !== undefined);
      if (event.kind === 'container-removed') there.push(cluster.findContainer('web') !== undefined);
    });
    cluster.removeNode(node('one'));
    expect(lines).toEqual(['node-state', 'holdings-leaving', '- web running aaa1', 'node-removed']);
    expect(there).toEqual([true, false]);
  });

  test('are told of volumes when a listing differs', () => {
    const { cluster, node } = clusterOf({ one: [] });
    const lines = heard(cluster);
    const volume = { Name: 'data', Driver: 'local', Mountpoint: '', Scope: 'local', Labels: null, Options: null };
    cluster.replaceVolumes(node('one'), [volume]);
    cluster.replaceVolumes(node('one'), [volume]);
    expect(lines).toEqual(['volumes-changed']);
  });
});

test('a listener that fails keeps nobody else from hearing', () => {
  const { cluster, node } = clusterOf({ one: [] });
  let heard = 0;
  cluster.subscribe(() => {
    throw new Error('a bug');
  });
  cluster.subscribe(() => {
    heard += 1;
  });
  cluster.setState(node('one'), 'Unhealthy', '');
  expect(heard).toBe(1);
});

test.each([
  { what: 'read while the answer was on its way', readMs: 1_003_000, offsetMs: 0 },
  { what: 'behind', readMs: 991_000, offsetMs: -9_000 },
  { what: 'ahead', readMs: 1_018_000, offsetMs: 10_000 },
])('the time that an engine takes for its answer is not taken for its clock’s error: $what', ({ readMs, offsetMs }) => {
  const { cluster, clock, node } = clusterOf({ one: [] });
  const askedMs = clock.now();
  clock.advance(8_000);
  const SystemTime = new Date(readMs).toISOString();
  cluster.setInfo(node('one'), engineInfo('one', 'id-of-one', { SystemTime }), askedMs);
  expect(node('one').clockOffsetMs).toBe(offsetMs);
});
