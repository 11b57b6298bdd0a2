import { afterEach, describe, expect, test, vi } from 'vitest';
import { FakeEngine, type FakeEngineOptions } from '../../simulator/fake-engine.ts';
import { ListBackend } from '../../test/fakes/list-backend.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { systemClock } from '../common/clock.ts';
import { DiscoveryError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import type { Entry } from '../discovery/entry.ts';
import { connectorFor } from '../engine/connectors/connectors.ts';
import { Accounting } from './accounting.ts';
import { Membership } from './membership.ts';
import { DEFAULT_TIMES, type MonitorTimes } from './times.ts';

/** Everything soon, but an engine on a busy machine has time to answer. */
const SOON: MonitorTimes = {
  probeIntervalMs: 30,
  probeTimeoutMs: 300,
  failureRetry: 2,
  refreshMinMs: 60_000,
  refreshMaxMs: 60_000,
  retryMinMs: 10,
  retryMaxMs: 50,
  lostRetryMaxMs: 50,
};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface World {
  readonly cluster: Cluster;
  readonly membership: Membership;
  readonly backend: ListBackend;
  readonly events: ClusterEvent[];
}

function follow(engines: readonly FakeEngine[], times: MonitorTimes = SOON, logger: Logger = silentLogger()): World {
  const backend = new ListBackend(engines.map(({ address }) => address));
  const accounting = new Accounting(systemClock);
  const cluster = new Cluster({ clock: systemClock, logger: silentLogger(), accounting });
  const events: ClusterEvent[] = [];
  cluster.subscribe((event) => events.push(event));
  const connect = (entry: Entry) => connectorFor(entry, {});
  const membership = new Membership({ cluster, accounting, backend, connect, clock: systemClock, logger }, times);
  closing.push(() => membership.close());
  membership.start();
  return { cluster, membership, backend, events };
}

async function engine(options: FakeEngineOptions = {}): Promise<FakeEngine> {
  const started = await FakeEngine.start({ name: 'bee', ...options });
  closing.push(() => started.close());
  return started;
}

function nodeOf({ cluster }: World, { address }: FakeEngine): Node {
  const node = cluster.nodes.find(({ entry }) => entry === address);
  if (!node) throw new Error(`no node for ${address}`);
  return node;
}

async function healthy(world: World, ...engines: readonly FakeEngine[]): Promise<void> {
  await waitUntil(() =>
    engines.every(({ address }) => world.cluster.nodes.some((n) => n.entry === address && n.isHealthy)),
  );
}

/** The states a node went through. */
function path(world: World, node: Node): string[] {
  return world.events.flatMap((event) => (event.kind === 'node-state' && event.node === node ? [event.to] : []));
}

function names(world: World): string[] {
  return [...world.cluster.containerList].map(({ name }) => name).sort();
}

test('a healthy engine becomes a node with everything it holds', async () => {
  const bee = await engine({
    containers: [{ name: 'web' }],
    images: ['app:1'],
    volumes: ['data'],
    labels: ['zone=z1', 'containerslots=3'],
  });
  const world = follow([bee]);
  await healthy(world, bee);
  const node = nodeOf(world, bee);
  expect(node).toMatchObject({
    name: 'bee',
    state: 'Healthy',
    reason: '',
    address: '127.0.0.1',
    slots: 3,
    warnings: [],
  });
  expect(node.labels.get('zone')).toBe('z1');
  expect(node.client.api.max).toBe('1.51');
  expect(world.cluster.node(bee.state.profile.id)).toBe(node);
  expect(names(world)).toEqual(['web']);
  expect(world.cluster.images.find('app:1')).toBeDefined();
  expect(world.cluster.volumes.get('data')).toBeDefined();
  expect(path(world, node)).toEqual(['Healthy']);
});

test('events change the model and are passed on as the engine wrote them', async () => {
  const bee = await engine();
  const world = follow([bee]);
  await healthy(world, bee);
  const web = bee.run({ name: 'web' });
  await waitUntil(() => world.cluster.findContainer('web')?.state === 'running');
  bee.state.stop(web, 3);
  await waitUntil(() => world.cluster.findContainer('web')?.state === 'exited');
  bee.state.rename(web, 'site');
  await waitUntil(() => world.cluster.findContainer('site') !== undefined);
  bee.state.remove(web);
  await waitUntil(() => world.cluster.containerCount === 0);
  const told = world.events.flatMap((event) => (event.kind === 'engine-event' ? [event] : []));
  expect(told.map(({ event }) => event.Action)).toEqual(['create', 'start', 'die', 'stop', 'rename', 'destroy']);
  expect(told[0]?.text).toContain('"timeNano":');
});

describe('an engine in trouble is unhealthy with the reason, delays nobody, and comes back', () => {
  test.each([
    { fault: 'refuse', reason: /ECONNREFUSED/ },
    { fault: 'hang', reason: /no answer within \d+ ms/ },
    // Until the port is deaf it refuses: then it is an attempt to connect that is not answered.
    { fault: 'drop', reason: /no answer within \d+ ms/ },
  ] as const)('$fault', async ({ fault, reason }) => {
    const bad = await engine({ name: 'bad', containers: [{ name: 'on-bad' }] });
    const good = await engine({ name: 'good', containers: [{ name: 'on-good' }] });
    const world = follow([bad, good]);
    await healthy(world, bad, good);
    const node = nodeOf(world, bad);
    await bad.apply({ kind: fault });
    await waitUntil(() => node.state === 'Unhealthy' && reason.test(node.reason ?? ''));
    expect(world.cluster.healthyNodes().map(({ name }) => name)).toEqual(['good']);
    // Its containers stay known; only the listing says that their host is down.
    expect(names(world)).toEqual(['on-bad', 'on-good']);
    expect(world.cluster.findContainer('on-bad')?.isListedByDefault).toBe(false);
    good.run({ name: 'new' });
    await waitUntil(() => names(world).includes('new'));

    bad.state.remove([...bad.state.containers.values()][0] ?? bad.run());
    bad.state.preload({ name: 'another' });
    await bad.apply({ kind: 'none' });
    await waitUntil(() => node.isHealthy);
    expect(names(world)).toEqual(['another', 'new', 'on-good']);
    expect(path(world, node)).toEqual(['Healthy', 'Unhealthy', 'Healthy']);
  });

  test('calls under way end when it is lost', async () => {
    const bad = await engine();
    const world = follow([bad]);
    await healthy(world, bad);
    await bad.apply({ kind: 'hang' });
    const call = nodeOf(world, bad).client.request({ method: 'GET', path: '/info' });
    await expect(call).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    expect(nodeOf(world, bad).state).toBe('Unhealthy');
  });

  test('streams under way end when it is lost', async () => {
    const bad = await engine();
    const world = follow([bad]);
    await healthy(world, bad);
    const { socket } = await nodeOf(world, bad).client.open({ method: 'GET', path: '/events', headers: {} });
    await bad.apply({ kind: 'hang' });
    await waitUntil(() => socket.destroyed);
    expect(nodeOf(world, bad).state).toBe('Unhealthy');
  });
});

test('one slow answer is no failure', async () => {
  const bee = await engine();
  const world = follow([bee]);
  await healthy(world, bee);
  const finish = bee.stall('HEAD /_ping');
  await waitUntil(() => bee.requestsTo('HEAD /_ping').length >= 2);
  finish();
  const answered = bee.requestsTo('HEAD /_ping').length;
  await waitUntil(() => bee.requestsTo('HEAD /_ping').length >= answered + 3);
  expect(path(world, nodeOf(world, bee))).toEqual(['Healthy']);
});

test('an event stream that ends alone is taken up again without a change of state', async () => {
  const bee = await engine();
  let isFirst = true;
  bee.on('GET /events', (exchange) => {
    if (!isFirst) return false;
    isFirst = false;
    exchange.stream('application/json').end();
    return true;
  });
  const world = follow([bee]);
  await healthy(world, bee);
  await waitUntil(() => bee.requestsTo('GET /events').length === 2);
  bee.run({ name: 'web' });
  await waitUntil(() => names(world).includes('web'));
  expect(path(world, nodeOf(world, bee))).toEqual(['Healthy']);
});

test('an engine that cannot be reached at first is pending with the reason', async () => {
  const bee = await engine();
  await bee.apply({ kind: 'refuse' });
  const world = follow([bee]);
  await waitUntil(() => world.cluster.nodes[0]?.reason.includes('ECONNREFUSED') ?? false);
  expect(nodeOf(world, bee)).toMatchObject({ state: 'Pending', name: bee.address, id: `entry:${bee.address}` });
  await bee.apply({ kind: 'none' });
  await healthy(world, bee);
});

test('why an engine is not reached is logged once for each reason, not with every try', async () => {
  const bee = await engine();
  await bee.apply({ kind: 'refuse' });
  const logger = silentLogger();
  const warn = vi.spyOn(logger, 'warn');
  const debug = vi.spyOn(logger, 'debug');
  follow([bee], SOON, logger);
  await waitUntil(() => debug.mock.calls.length >= 2);
  expect(warn.mock.calls).toEqual([
    [{ entry: bee.address, reason: expect.stringContaining('ECONNREFUSED') }, 'engine not reached'],
  ]);
});

test.each([
  { name: 'no API version', route: 'GET /version', status: 200, body: {}, reason: 'not as a Docker engine' },
  {
    name: 'a manager of an earlier version',
    route: 'GET /version',
    status: 200,
    body: { ApiVersion: '1.44', Platform: { Name: 'Enxame' } },
    reason: 'is a manager of an earlier Enxame',
  },
  {
    name: 'TLS only',
    route: 'GET /version',
    status: 400,
    body: 'Client sent an HTTP request to an HTTPS server.\n',
    reason: 'wants TLS: give --tlscacert',
  },
  { name: 'no JSON', route: 'GET /version', status: 200, body: '<html>', reason: 'not JSON' },
  {
    name: 'a listing that fails',
    route: 'GET /containers/json',
    status: 500,
    body: { message: 'sick' },
    reason: 'sick',
  },
  {
    name: 'a text for a number',
    route: 'GET /info',
    status: 200,
    body: { ID: 'a', Name: 'a', NCPU: '2', MemTotal: 1 },
    reason: 'GET /info is not as the Docker Engine API has it: NCPU is a text, not a whole number',
  },
  {
    name: 'no ID',
    route: 'GET /info',
    status: 200,
    body: { Name: 'a', NCPU: 2, MemTotal: 1 },
    reason: 'ID is missing',
  },
  {
    name: 'a container without ID',
    route: 'GET /containers/json',
    status: 200,
    body: [{ Names: ['/a'] }],
    reason: '[0].Id is missing',
  },
  { name: 'no events', route: 'GET /events', status: 500, body: { message: 'no events' }, reason: 'no events' },
])('an engine that answers wrongly ($name) is no node', async ({ route, status, body, reason }) => {
  const bee = await engine();
  bee.lie(route, status, body);
  const world = follow([bee]);
  await waitUntil(() => world.cluster.nodes[0]?.reason.includes(reason) ?? false);
  expect(nodeOf(world, bee).state).toBe('Pending');
});

test('a node that begins to list what no engine lists is unhealthy, with the reason', async () => {
  const bee = await engine();
  const world = follow([bee], { ...SOON, refreshMinMs: 200, refreshMaxMs: 200 });
  await healthy(world, bee);
  bee.lie('GET /containers/json', 200, [{ Id: 7 }]);
  await waitUntil(() => nodeOf(world, bee).state === 'Unhealthy');
  await waitUntil(() => nodeOf(world, bee).reason.includes('[0].'));
});

describe('engine IDs', () => {
  test('the same engine twice: the second entry is refused with the reason', async () => {
    const one = await engine({ id: 'same', containers: [{ name: 'web' }] });
    const two = await engine({ id: 'same' });
    const world = follow([one]);
    await healthy(world, one);
    world.backend.set([one.address, two.address]);
    await waitUntil(() => world.cluster.nodes[1]?.reason.includes('already in the cluster') ?? false);
    expect(nodeOf(world, two).reason).toContain(`as ${one.address}: remove one of the two entries`);
    expect(nodeOf(world, one).isHealthy).toBe(true);
    expect(names(world)).toEqual(['web']);
  });

  test('a clone (same ID, other name) is told apart and reported', async () => {
    const one = await engine({ id: 'same', name: 'one', containers: [{ name: 'a' }] });
    const two = await engine({ id: 'same', name: 'two', containers: [{ name: 'b' }] });
    const world = follow([one, two]);
    await healthy(world, one, two);
    const nodes = [nodeOf(world, one), nodeOf(world, two)];
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(2);
    expect(nodes.flatMap(({ warnings }) => warnings).join()).toContain('cloned machine');
    expect(world.cluster.containerCount).toBe(2);
  });

  test('an engine that moved to another entry is taken over, and the old entry cannot take it away', async () => {
    const before = await engine({ id: 'same', containers: [{ name: 'web' }] });
    const world = follow([before]);
    await healthy(world, before);
    await before.apply({ kind: 'refuse' });
    await waitUntil(() => nodeOf(world, before).state === 'Unhealthy');
    const after = await engine({ id: 'same', containers: [{ name: 'web' }] });
    world.backend.set([before.address, after.address]);
    await healthy(world, after);
    expect(world.cluster.node('same')).toBe(nodeOf(world, after));
    expect(world.cluster.containerCount).toBe(1);
    world.backend.set([after.address]);
    await waitUntil(() => world.cluster.nodes.length === 1);
    expect(world.cluster.node('same')).toBe(nodeOf(world, after));
  });

  test('another engine at the same entry replaces what the old one held', async () => {
    const old = await engine({ id: 'old', containers: [{ name: 'web' }] });
    const world = follow([old]);
    await healthy(world, old);
    const node = nodeOf(world, old);
    const [, port] = old.address.split(':');
    await old.close();
    await waitUntil(() => node.state === 'Unhealthy');
    await engine({ id: 'new', port: Number(port), containers: [{ name: 'db' }] });
    await waitUntil(() => node.isHealthy);
    expect([node.id, names(world)]).toEqual(['new', ['db']]);
    expect(world.cluster.node('old')).toBeUndefined();
  });

  test('another engine that takes the entry so fast that the old one is not missed is told as another one', async () => {
    const bee = await engine({ id: 'old' });
    let endEvents = (): void => undefined;
    const stopStreaming = bee.on('GET /events', (exchange) => {
      const stream = exchange.stream('application/json');
      endEvents = () => void stream.end();
      return true;
    });
    const world = follow([bee]);
    await healthy(world, bee);
    const node = nodeOf(world, bee);
    stopStreaming();
    bee.lie('GET /info', 200, { ...node.info, ID: 'new' });
    endEvents();
    await waitUntil(() => node.id === 'new' && node.isHealthy);
    expect(path(world, node)).toEqual(['Healthy', 'Unhealthy', 'Healthy']);
    expect(world.cluster.node('old')).toBeUndefined();
  });

  test('two engines of one name are both used and reported', async () => {
    const one = await engine({ id: 'one', name: 'bee' });
    const two = await engine({ id: 'two', name: 'bee' });
    const world = follow([one, two]);
    await healthy(world, one, two);
    expect(world.cluster.nodes.flatMap(({ warnings }) => warnings).join()).toContain('both called bee');
  });
});

test('a clock that is off is reported with the direction and the remedy', async () => {
  const slow = await engine({ name: 'slow', clockOffsetMs: -90_000 });
  const right = await engine({ name: 'right' });
  const world = follow([slow, right]);
  await healthy(world, slow, right);
  expect(nodeOf(world, slow).warnings).toEqual([
    "node slow: its clock is -90 s off the manager's: synchronise it (NTP)",
  ]);
  expect(nodeOf(world, right).warnings).toEqual([]);
});

describe('discovery', () => {
  test('an entry that goes takes its node and all that it held along', async () => {
    const one = await engine({ name: 'one', containers: [{ name: 'a' }], images: ['app:1'], volumes: ['data'] });
    const two = await engine({ name: 'two', containers: [{ name: 'b' }] });
    const world = follow([one, two]);
    await healthy(world, one, two);
    const gone = nodeOf(world, one);
    world.backend.set([two.address]);
    await waitUntil(() => world.cluster.nodes.length === 1);
    expect(gone.state).toBe('Disconnected');
    expect(names(world)).toEqual(['b']);
    expect([world.cluster.images.find('app:1'), world.cluster.volumes.get('data')]).toEqual([undefined, undefined]);
    expect(world.events.filter(({ kind }) => kind === 'node-removed')).toMatchObject([{ node: gone }]);
    one.run({ name: 'late' });
    two.run({ name: 'seen' });
    await waitUntil(() => names(world).includes('seen'));
    expect(names(world)).toEqual(['b', 'seen']);
  });

  test('an entry that goes while its engine is being listed leaves nothing behind', async () => {
    const one = await engine({ name: 'one', containers: [{ name: 'a' }] });
    const finish = one.stall('GET /containers/json');
    const world = follow([one]);
    await waitUntil(() => one.requestsTo('GET /containers/json').length === 1);
    world.backend.set([]);
    await waitUntil(() => world.cluster.nodes.length === 0);
    finish();
    await world.membership.close();
    expect(world.cluster.containerCount).toBe(0);
  });

  test('that fails keeps the nodes and says why', async () => {
    const one = await engine();
    const world = follow([one]);
    await healthy(world, one);
    world.backend.fail(new DiscoveryError('the token service is away'));
    await waitUntil(() => world.membership.problem === 'the token service is away');
    expect(nodeOf(world, one).isHealthy).toBe(true);
    world.backend.set([one.address]);
    await waitUntil(() => world.membership.problem === undefined);
  });

  test('an entry that goes and comes back is a node again', async () => {
    const one = await engine({ containers: [{ name: 'a' }] });
    const world = follow([one]);
    await healthy(world, one);
    world.backend.set([]);
    world.backend.set([one.address]);
    await waitUntil(() => world.events.some(({ kind }) => kind === 'node-removed'));
    await healthy(world, one);
    expect(names(world)).toEqual(['a']);
  });
});

describe('a node that is suspended', () => {
  test('is unhealthy with the reason, and its engine is asked nothing until it is resumed', async () => {
    const bee = await engine({ containers: [{ name: 'a' }] });
    const world = follow([bee]);
    await healthy(world, bee);
    const node = nodeOf(world, bee);
    const { socket } = await node.client.open({ method: 'GET', path: '/events', headers: {} });
    world.membership.suspend(node, 'practice');
    expect(node).toMatchObject({ state: 'Unhealthy', reason: 'practice' });
    await waitUntil(() => socket.destroyed);
    await systemClock.sleep(SOON.lostRetryMaxMs); // What was on its way has arrived.
    const asked = bee.requests.length;
    const call = node.client.request({ method: 'GET', path: '/info' });
    await expect(call).rejects.toThrow(/is not asked: practice/);
    bee.run({ name: 'b' });
    // Longer than any pause before an engine that is lost is tried again.
    await systemClock.sleep(4 * SOON.lostRetryMaxMs);
    expect(bee.requests.length).toBe(asked);
    expect([path(world, node), names(world)]).toEqual([['Healthy', 'Unhealthy'], ['a']]);

    world.membership.resume(node);
    await healthy(world, bee);
    expect(names(world)).toEqual(['a', 'b']);
    expect(path(world, node)).toEqual(['Healthy', 'Unhealthy', 'Healthy']);
  });

  test('does not become healthy by a connection that was under way', async () => {
    const bee = await engine();
    const finish = bee.stall('GET /info');
    const world = follow([bee]);
    await waitUntil(() => bee.requestsTo('GET /info').length === 1);
    const node = nodeOf(world, bee);
    world.membership.suspend(node, 'practice');
    world.membership.suspend(node, 'again');
    finish();
    world.membership.resume(node);
    world.membership.suspend(node, 'practice');
    await systemClock.sleep(4 * SOON.lostRetryMaxMs);
    expect([path(world, node), node.reason]).toEqual([[], 'practice']);
    world.membership.resume(node);
    await healthy(world, bee);
  });

  test('can be closed', async () => {
    const bee = await engine();
    const world = follow([bee]);
    await healthy(world, bee);
    world.membership.suspend(nodeOf(world, bee), 'practice');
    await world.membership.close();
    expect(world.cluster.nodes.map(({ reason }) => reason)).toEqual(['practice']);
  });
});

test('closed it is silent', async () => {
  const bee = await engine();
  const world = follow([bee]);
  await healthy(world, bee);
  await world.membership.close();
  await world.membership.close();
  const before = world.events.length;
  bee.run({ name: 'web' });
  await bee.apply({ kind: 'refuse' });
  await bee.apply({ kind: 'none' });
  expect(world.events.length).toBe(before);
  expect(names(world)).toEqual([]);
});

test('the defaults know a silent engine within 10 s', () => {
  const { probeIntervalMs, probeTimeoutMs, failureRetry } = DEFAULT_TIMES;
  // Probes wait for the next beat of 100 ms, so that those of many engines come together.
  expect(probeIntervalMs + 100 + failureRetry * probeTimeoutMs).toBeLessThan(10_000);
});
