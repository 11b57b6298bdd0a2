import { describe, expect, test } from 'vitest';
import { containerSummary, modelNode } from '../../test/fakes/model.ts';
import { Cluster } from '../cluster/cluster.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { parseSpec } from '../desired/container-spec.ts';
import { reservationOf } from '../scheduler/host-config.ts';
import { Placer } from '../scheduler/placer.ts';
import { schedulerOptions } from '../scheduler/scheduler.ts';
import type { Home } from '../scheduler/types.ts';
import { chooseNode } from './choose-node.ts';
import type { ProvisionalDeps } from './deps.ts';
import { Drafts } from './drafts.ts';
import { Traffic } from './traffic.ts';

const PORT = { PortBindings: { '80/tcp': [{ HostPort: '80' }] } };

/** Labels of the N-th replica of `web`, as Compose writes them. */
function replica(number: number, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    'com.docker.compose.project': 'p',
    'com.docker.compose.service': 'web',
    'com.docker.compose.container-number': String(number),
    'com.docker.compose.oneoff': 'False',
    ...more,
  };
}

interface Held {
  readonly node: string;
  readonly id: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly hostConfig?: object;
}

/** Two nodes of 2 GiB with these containers. */
function world(held: readonly Held[], homes: readonly Home[] = []): ProvisionalDeps {
  const cluster = new Cluster({ clock: systemClock, logger: silentLogger() });
  for (const name of ['one', 'two']) {
    const node = modelNode(name);
    cluster.addNode(node);
    const own = held.filter((each) => each.node === name);
    for (const { id, hostConfig } of own) node.ledger.put(id.padEnd(64, '0'), reservationOf(hostConfig, {}, []));
    cluster.replaceContainers(
      node,
      own.map(({ id, name: called, labels = {} }) =>
        containerSummary(id, { Names: [`/${called}`], Labels: { ...labels } }),
      ),
    );
  }
  return {
    clock: systemClock,
    cluster,
    placer: new Placer(cluster, schedulerOptions()),
    images: { isKnown: () => true },
    networks: { homesOf: () => [], refusalsFor: () => new Map() },
    volumes: { homesOf: () => homes, claim: () => ({ names: [], undo: () => undefined }) },
    drafts: new Drafts(cluster),
    traffic: new Traffic(),
  } as unknown as ProvisionalDeps;
}

async function placed(deps: ProvisionalDeps, name: string, body: object): Promise<string> {
  const value = { Image: 'redis', ...body };
  const spec = parseSpec({ text: JSON.stringify(value), api: '1.44', largestNodeCpus: 0 }, value, name);
  const placement = await chooseNode(deps, spec, new Map(), new AbortController().signal);
  return placement.node.name;
}

const OLD = 'aaaaaaaaaaaa';

/** How the old container is called, and how the new one is created in its place, by each generation of Compose. */
const COMPOSE = [
  {
    by: 'Compose 2, early',
    old: 'p-web-1',
    name: `${OLD}_p-web-1`,
    labels: replica(1, { 'com.docker.compose.replace': OLD.padEnd(64, '0') }),
  },
  {
    by: 'Compose 2',
    old: 'p-web-1',
    name: `${OLD}_p-web-1`,
    labels: replica(1, { 'com.docker.compose.replace': 'web-1' }),
  },
  { by: 'Compose 1.29', old: `${OLD}_p_web_1`, name: 'p_web_1', labels: replica(1) },
];

describe.each(COMPOSE)('a container that $by recreates', ({ old, name, labels }) => {
  const recreated = (hostConfig: object, more: object = {}, others: readonly Held[] = []): Promise<string> => {
    const held = { node: 'one', id: OLD, name: old, labels: replica(1), hostConfig };
    return placed(world([held, ...others]), name, { HostConfig: hostConfig, Labels: labels, ...more });
  };

  test('has the port of the old one, and stays with it', async () => {
    expect(await recreated(PORT)).toBe('one');
  });

  test('goes where the port becomes free when it is taken on the other node', async () => {
    const other = { node: 'two', id: 'b', name: 'other', hostConfig: PORT };
    expect(await recreated(PORT, {}, [other])).toBe('one');
  });

  test('has the memory of the old one', async () => {
    const half = { Memory: 1.5 * 2 ** 30 };
    expect(await recreated(half, {}, [{ node: 'two', id: 'b', name: 'other', hostConfig: half }])).toBe('one');
  });

  test.each([
    'affinity:com.docker.compose.service!=web',
    'affinity:com.docker.compose.service!=w*',
    'affinity:container!=*p*web*',
    `affinity:container!=${OLD}`,
  ])('need not keep away from the old one: %s', async (expression) => {
    const other = { node: 'two', id: 'b', name: 'p-web-2', labels: replica(2) };
    const isAboutAll = !expression.includes(OLD);
    expect(await recreated({}, { Env: [expression] }, isAboutAll ? [other] : [])).toBe('one');
  });

  test('can be near the old one, as 1.29 asks when it has volumes', async () => {
    expect(await recreated({}, { Env: [`affinity:container==${OLD.padEnd(64, '0')}`] })).toBe('one');
  });

  test('goes elsewhere when a constraint says so', async () => {
    expect(await recreated(PORT, { Env: ['constraint:node==two'] })).toBe('two');
  });

  test('stays with the old one only if nothing the client prefers speaks against it', async () => {
    expect(await recreated(PORT, { Env: ['constraint:node==~two'] })).toBe('two');
  });

  test('is not held up by what a recreate that was given up has left', async () => {
    const left = { node: 'two', id: 'c', name: `${OLD}_left`, labels: replica(1), hostConfig: PORT };
    expect(['one', 'two']).toContain(await recreated(PORT, {}, [left]));
  });
});

test('the successor of a replica does not take the place of another replica', async () => {
  const held = ['one', 'two'].map((node, i) => ({
    node,
    id: node === 'one' ? OLD : 'b'.repeat(12),
    name: `p-web-${i + 1}`,
    labels: replica(i + 1),
    hostConfig: PORT,
  }));
  const deps = world(held);
  const labels = (number: number): object => replica(number, { 'com.docker.compose.replace': `web-${number}` });
  const body = (number: number): object => ({ HostConfig: PORT, Labels: labels(number) });
  expect(await placed(deps, 'x_p-web-2', body(2))).toBe('two');
  expect(await placed(deps, 'x_p-web-1', body(1))).toBe('one');
});

test.each([
  ['another replica', 'p-web-1', { Labels: replica(2) }],
  ['the same labels without a rename', 'p-web-1', { Labels: replica(1) }],
  ['compose run', `${OLD}_p_web_1`, { Labels: replica(1, { 'com.docker.compose.oneoff': 'True' }) }],
  ['a label that names nothing', 'p-web-1', { Labels: { 'com.docker.compose.replace': 'web-1' } }],
  ['labels that are no texts', 'p-web-1', { Labels: { 'com.docker.compose.replace': 5 } }],
])('%s replaces nothing', async (_case, old, body) => {
  const held = ['one', 'two'].map((node) => ({ node, id: node, name: `other-${node}`, hostConfig: PORT }));
  const deps = world([{ node: 'one', id: OLD, name: old, labels: replica(1), hostConfig: PORT }, ...held.slice(1)]);
  await expect(placed(deps, 'p_web_1', { HostConfig: PORT, ...body })).rejects.toThrow('host port 80/tcp is taken');
});

test('what is replaced counts again once its successor has its place', async () => {
  const deps = world([{ node: 'one', id: OLD, name: 'p-web-1', labels: replica(1), hostConfig: PORT }]);
  const labels = replica(1, { 'com.docker.compose.replace': 'web-1' });
  expect(await placed(deps, `${OLD}_p-web-1`, { HostConfig: PORT, Labels: labels })).toBe('one');
  expect(await placed(deps, 'other', { HostConfig: PORT })).toBe('two');
  await expect(placed(deps, 'third', { HostConfig: PORT })).rejects.toThrow('host port 80/tcp is taken');
});
