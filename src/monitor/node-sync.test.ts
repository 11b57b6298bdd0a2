import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeEngine, type FakeEngineOptions } from '../../simulator/fake-engine.ts';
import { engineInfo } from '../../test/fakes/model.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { Cluster } from '../cluster/cluster.ts';
import { Node } from '../cluster/node.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import type { EngineEvent } from '../engine/types.ts';
import { Accounting } from './accounting.ts';
import { NodeSync } from './node-sync.ts';

const LIST = 'GET /containers/json';

let engine: FakeEngine;
let cluster: Cluster;
let accounting: Accounting;
let node: Node;
let sync: NodeSync;

async function start(options: FakeEngineOptions = {}): Promise<void> {
  engine = await FakeEngine.start({ name: 'bee', ...options });
  const [host = '', port = ''] = engine.address.split(':');
  node = new Node(engine.address, new EngineClient(tcpConnector(host, Number(port))), host);
  accounting = new Accounting(systemClock);
  cluster = new Cluster({ clock: systemClock, logger: silentLogger(), accounting });
  cluster.addNode(node);
  sync = new NodeSync(node, cluster, systemClock);
  node.attachRefresher(sync);
  cluster.setInfo(node, engineInfo('bee', 'id-of-bee'));
  cluster.setState(node, 'Healthy', '');
}

beforeEach(() => start());

afterEach(async () => {
  sync.reset();
  await node.client.close();
  await engine.close();
});

/** What an engine says about a container. */
function event(id: string, action: string, attributes: Record<string, string> = {}): EngineEvent {
  return { Type: 'container', Action: action, Actor: { ID: id, Attributes: attributes } };
}

function names(): string[] {
  return [...cluster.containerList].map(({ name }) => name).sort();
}

describe('own writes', () => {
  test('are in the model when the refresh resolves, without any event', async () => {
    const made = engine.run({ name: 'web' });
    await node.refreshContainers([made.id]);
    expect(cluster.findContainer('web')?.state).toBe('running');
    engine.state.remove(made);
    await node.refreshContainers([made.id]);
    expect(cluster.findContainer('web')).toBeUndefined();
  });

  test('made while a listing is under way are in the model too: the refresh lists again', async () => {
    const finish = engine.stall(LIST);
    const first = node.refreshContainers(['a'.repeat(64)]);
    await waitUntil(() => engine.requestsTo(LIST).length === 1);
    const made = engine.run({ name: 'web' });
    const second = node.refreshContainers([made.id]);
    finish();
    await Promise.all([first, second]);
    expect(names()).toEqual(['web']);
  });

  test('are not taken back by a full listing that began before them', async () => {
    // The full listing's answer is made now and delivered when the new container has long been listed.
    let deliver = (): void => undefined;
    const stop = engine.on(LIST, (exchange) => {
      if (exchange.query.has('filters')) return false;
      deliver = () => exchange.json(200, '[]');
      return true;
    });
    const full = sync.refreshAll();
    await waitUntil(() => engine.requestsTo(LIST).length === 1);
    const made = engine.run({ name: 'web' });
    const own = node.refreshContainers([made.id]);
    stop();
    deliver();
    await Promise.all([full, own]);
    expect(names()).toEqual(['web']);
  });

  test('of many callers share listings', async () => {
    const made = Array.from({ length: 50 }, (_, index) => engine.run({ name: `c${index}` }));
    const finish = engine.stall(LIST);
    const refreshes = made.map(({ id }) => node.refreshContainers([id]));
    await waitUntil(() => engine.requestsTo(LIST).length === 1);
    finish();
    await Promise.all(refreshes);
    expect(cluster.containerCount).toBe(50);
    expect(engine.requestsTo(LIST).length).toBe(2);
  });

  test('of images, networks and volumes are seen as well', async () => {
    engine.state.addImage('app:1');
    engine.state.addNetwork('back', 'bridge');
    engine.state.addVolume('data');
    await Promise.all([node.refreshImages(), node.refreshNetworks(), node.refreshVolumes()]);
    expect(cluster.images.find('app:1')).toBeDefined();
    expect(cluster.networks.of(node).map(({ Name }) => Name)).toContain('back');
    expect(cluster.volumes.get('data')?.holders.has(node)).toBe(true);
  });

  test('fail when the engine does not list', async () => {
    engine.lie(LIST, 500, { message: 'out of order' });
    await expect(node.refreshContainers(['a'.repeat(64)])).rejects.toThrow('out of order');
    await expect(sync.refreshAll()).rejects.toThrow('out of order');
  });
});

describe('events', () => {
  test('of many containers are listed in one call', async () => {
    const made = Array.from({ length: 60 }, (_, index) => engine.run({ name: `c${index}` }));
    for (const { id } of made) {
      sync.onEvent(event(id, 'create'));
      sync.onEvent(event(id, 'start'));
    }
    await waitUntil(() => cluster.containerCount === 60);
    expect(engine.requestsTo(LIST).length).toBe(1);
  });

  test('of very many containers list everything', async () => {
    const made = Array.from({ length: 150 }, (_, index) => engine.run({ name: `c${index}` }));
    for (const { id } of made) sync.onEvent(event(id, 'start'));
    await waitUntil(() => cluster.containerCount === 150);
    expect(engine.requestsTo(LIST).map(({ query }) => query.has('filters'))).toEqual([false]);
  });

  test.each([
    ['create', {}],
    ['start', {}],
    ['rename', { name: 'web', oldName: '/old' }],
  ])('that tell what is known already (%s) list nothing', async (action, attributes) => {
    const made = engine.run({ name: 'web' });
    await node.refreshContainers([made.id]);
    const before = engine.requestsTo(LIST).length;
    sync.onEvent(event(made.id, action, attributes));
    // A second container makes the gathered events be looked at.
    const other = engine.run({ name: 'other' });
    sync.onEvent(event(other.id, 'start'));
    await waitUntil(() => names().includes('other'));
    const asked = engine.requestsTo(LIST).slice(before);
    expect(asked.map(({ query }) => query.get('filters'))).toEqual([JSON.stringify({ id: [other.id] })]);
  });

  test('of a restart within one gathering are not mistaken for the old start', async () => {
    const made = engine.run({ name: 'web' });
    await node.refreshContainers([made.id]);
    const before = engine.requestsTo(LIST).length;
    sync.onEvent(event(made.id, 'die'));
    sync.onEvent(event(made.id, 'start'));
    await waitUntil(() => engine.requestsTo(LIST).length > before);
  });

  test.each([
    ['die', (id: string) => engine.state.stop(engine.state.find(id) ?? engine.run(), 1, 'die'), 'exited'],
    ['pause', (id: string) => engine.state.pause(engine.state.find(id) ?? engine.run(), true), 'paused'],
  ])('that come before the engine lists what they say (%s) are not lost', async (action, happen, state) => {
    const made = engine.run({ name: 'web' });
    await node.refreshContainers([made.id]);
    const before = engine.requestsTo(LIST).length;
    sync.onEvent(event(made.id, action));
    // As when the engine still tidies up: the first listings say that it runs.
    await waitUntil(() => engine.requestsTo(LIST).length >= before + 2);
    expect(cluster.findContainer('web')?.state).toBe('running');
    happen(made.id);
    await waitUntil(() => cluster.findContainer('web')?.state === state);
  });

  test('that come early are not lost either when others follow', async () => {
    const made = engine.run({ name: 'web' });
    await node.refreshContainers([made.id]);
    const before = engine.requestsTo(LIST).length;
    sync.onEvent(event(made.id, 'die'));
    sync.onEvent({ Type: 'network', Action: 'disconnect', Actor: { ID: 'net', Attributes: { container: made.id } } });
    await waitUntil(() => engine.requestsTo(LIST).length > before);
    engine.state.stop(made);
    await waitUntil(() => cluster.findContainer('web')?.state === 'exited');
  });

  test('remove a container at once', async () => {
    const made = engine.run({ name: 'web' });
    await node.refreshContainers([made.id]);
    sync.onEvent(event(made.id, 'destroy'));
    expect(names()).toEqual([]);
  });

  test('that remove a container while it is being listed win over the listing', async () => {
    const made = engine.run({ name: 'web' });
    const kept = engine.run({ name: 'kept' });
    const text = await (await fetch(`${engine.url}/containers/json?all=1`)).text();
    for (const refresh of [() => sync.refreshAll(), () => node.refreshContainers([made.id, kept.id])]) {
      let answer = (): void => undefined;
      const stop = engine.on(LIST, (exchange) => {
        answer = () => exchange.json(200, text);
        return true;
      });
      const asked = engine.requestsTo(LIST).length;
      const listed = refresh();
      await waitUntil(() => engine.requestsTo(LIST).length > asked);
      sync.onEvent(event(made.id, 'destroy'));
      stop();
      answer();
      await listed;
      expect(names()).toEqual(['kept']);
    }
  });

  test('of other kinds list their own', async () => {
    engine.state.addImage('app:1');
    engine.state.addVolume('data');
    engine.state.addNetwork('back', 'bridge');
    sync.onEvent({ Type: 'image', Action: 'tag', Actor: { ID: 'app:1' } });
    sync.onEvent({ Type: 'volume', Action: 'create', Actor: { ID: 'data' } });
    sync.onEvent({ Type: 'network', Action: 'create', Actor: { ID: 'x' } });
    await waitUntil(
      () =>
        cluster.images.find('app:1') !== undefined &&
        cluster.volumes.get('data') !== undefined &&
        cluster.networks.of(node).some(({ Name }) => Name === 'back'),
    );
    expect(engine.requestsTo(LIST)).toEqual([]);
  });

  test('of a site list again, as its manager tells them while it lists them itself', async () => {
    const Enxame = { Cluster: 'c0', Nodes: 1, HealthyNodes: 1, IsLasting: true };
    cluster.setInfo(node, { ...engineInfo('hive', 'c0'), Enxame });
    for (const Type of ['network', 'volume']) {
      sync.onEvent({ Type, Action: 'create', Actor: { ID: 'x' } });
      await waitUntil(() => engine.requestsTo(`GET /${Type}s`).length > 0);
    }
    engine.state.addNetwork('late', 'bridge');
    engine.state.addVolume('late');
    await waitUntil(
      () => cluster.networks.of(node).some(({ Name }) => Name === 'late') && cluster.volumes.get('late') !== undefined,
    );
  });

  test('that need no listing cause none', async () => {
    const made = engine.run({ name: 'web' });
    await node.refreshContainers([made.id]);
    await accounting.settled();
    const before = engine.requests.length;
    for (const action of ['exec_create: ls', 'exec_start: ls', 'exec_die', 'attach', 'resize', 'top', 'kill', 'stop'])
      sync.onEvent(event(made.id, action));
    sync.onEvent({ Type: 'volume', Action: 'mount', Actor: { ID: 'data' } });
    const other = engine.run({ name: 'other' });
    sync.onEvent(event(other.id, 'start'));
    await waitUntil(() => names().includes('other'));
    await accounting.settled();
    expect(engine.requests.slice(before).map(({ query }) => query.get('filters'))).toEqual([
      JSON.stringify({ id: [other.id] }),
      null, // The inspection that tells what the other reserves.
    ]);
  });
});

describe('failures', () => {
  test('what a failed listing left out is listed the next time', async () => {
    const made = engine.run({ name: 'web' });
    const stop = engine.lie(LIST, 500, { message: 'busy' });
    sync.onEvent(event(made.id, 'start'));
    await waitUntil(() => engine.requestsTo(LIST).length === 1);
    stop();
    const other = engine.run({ name: 'other' });
    await node.refreshContainers([other.id]);
    expect(names()).toEqual(['other', 'web']);
  });

  test('an answer from before a reset is not written', async () => {
    engine.run({ name: 'web' });
    const finish = engine.stall(LIST);
    const listed = sync.refreshAll();
    await waitUntil(() => engine.requestsTo(LIST).length === 1);
    sync.reset();
    finish();
    await expect(listed).rejects.toThrow('lost');
    expect(names()).toEqual([]);
    await sync.refreshAll();
    expect(names()).toEqual(['web']);
  });
});

test('an unchanged listing is not read again, a changed one is', async () => {
  engine.run({ name: 'web' });
  await sync.refreshAll();
  const [before] = cluster.containerList;
  await sync.refreshAll();
  expect([...cluster.containerList]).toEqual([before]);
  engine.run({ name: 'db' });
  await sync.refreshAll();
  expect(names()).toEqual(['db', 'web']);
});

test('a reservation that could not be read is read after a later listing', async () => {
  const made = engine.run({ name: 'web' });
  const stop = engine.lie(`GET /containers/${made.id}/json`, 500, { message: 'busy' });
  await sync.refreshAll();
  await accounting.settled();
  expect(engine.requestsTo(`GET /containers/${made.id}/json`)).toHaveLength(1);
  stop();
  await sync.refreshAll();
  await accounting.settled();
  expect(engine.requestsTo(`GET /containers/${made.id}/json`)).toHaveLength(2);
  await sync.refreshAll();
  await accounting.settled();
  expect(engine.requestsTo(`GET /containers/${made.id}/json`)).toHaveLength(2);
});
