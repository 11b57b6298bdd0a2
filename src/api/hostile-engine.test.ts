import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FakeEngine } from '../../simulator/fake-engine.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import type { Node } from '../cluster/node.ts';

/** Whatever one engine says, answers about the others are as before, and of types that clients can decode. */

let world: FakeManager;
let liar: FakeEngine;
let node: Node;

beforeAll(async () => {
  const holding = { images: ['redis:latest'], volumes: ['data'], containers: 2 };
  world = await FakeManager.start([
    { ...holding, containers: [{ name: 'liars' }], volumes: ['lies'] },
    { ...holding, containers: [{ name: 'sound' }], volumes: ['truth'] },
  ]);
  liar = world.engine(0);
  const found = world.manager.cluster.nodesNamed('node-1')[0];
  if (!found) throw new Error('node-1 is not there');
  node = found;
});

afterAll(() => world?.close());

const RUNS = 30;

test.each([
  ['/info', () => node.refreshInfo()],
  ['/containers/json', () => node.refreshAllContainers()],
  ['/images/json', () => node.refreshImages()],
  ['/networks', () => node.refreshNetworks()],
  ['/volumes', () => node.refreshVolumes()],
] as const)('an engine that lies at %s', { timeout: 120_000 }, async (route, refresh) => {
  const honest: unknown = await (await fetch(`${liar.url}/v1.44${route}?all=1`)).json();
  const before = await answers();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 6 }), lie, async (path, value) => {
      const stop = liar.lie(`GET ${route}`, 200, bodyOf(sameName(withLie(honest, path, value))));
      try {
        await refresh().catch(() => undefined);
        expectSame(await answers(), before);
      } finally {
        stop();
        await refresh();
      }
    }),
    { numRuns: RUNS },
  );
  expectSame(await answers(), before);
});

/** Another name is no lie: the node is asked for by that one then. */
function sameName(body: unknown): unknown {
  const isNamed = typeof body === 'object' && body !== null && 'Name' in body && typeof body.Name === 'string';
  return isNamed ? { ...body, Name: 'node-1' } : body;
}

test('an engine that lies about its past events', { timeout: 120_000 }, async () => {
  const sinceSeconds = Math.floor(Date.now() / 1000) - 10;
  const read = async (): Promise<readonly unknown[]> => {
    const { text } = await world.call('GET', `/events?since=${sinceSeconds}&until=${Date.now() / 1000 - 0.001}`);
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]));
  };
  const id = await world.create('made', { Env: ['constraint:node==node-2'] });
  const told = await read();
  const honest = (told as Said[]).find(({ Actor }) => Actor.ID === id);
  expect(honest).toBeDefined();
  const paths = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 3 });
  const lies = fc.sample(fc.tuple(paths, lie), 300).map(([path, value]) => withLie(honest, path, value));
  const stop = liar.lie('GET /events', 200, lies.map((event) => `${bodyOf(event, 10_000)}\n`).join(''));
  const messages = await read().finally(stop);
  expect(messages).toContainEqual(honest);
  for (const message of messages) expect(differences(message, honest)).toEqual([]);
});

test.each([
  ['/info', { ID: 'x', Name: 'node-1', NCPU: '2', MemTotal: 1 }, 'GET /info', 'NCPU is a text, not a whole number'],
  ['/info', { Name: 'node-1', NCPU: 2, MemTotal: 1 }, 'GET /info', 'ID is missing'],
  ['/info', { ID: 'x', Name: 'a b', NCPU: 2, MemTotal: 1 }, 'GET /info', 'Name has spaces or control characters'],
  ['/info', [], 'GET /info', 'it is a list, not an object'],
  ['/images/json', [{ Id: 'a', Created: 1, Size: 1.5 }], 'GET /images/json', '[0].Size is 1.5, not a whole number'],
  ['/volumes', { Volumes: [{ Name: 'a', name: 7 }] }, 'GET /volumes', 'Volumes[0].Driver is missing'],
  ['/networks', { a: 1 }, 'GET /networks', 'it is an object, not a list'],
  ['/containers/json', '<html>', 'GET /containers/json', 'it is not JSON'],
])('is told with a reason: %s %j', async (route, body, what, why) => {
  const stop = liar.lie(`GET ${route}`, 200, body);
  try {
    const refreshed = route === '/info' ? node.refreshInfo() : node.refreshContainers([]).then(() => refreshAll());
    await expect(refreshed).rejects.toThrow(`${what} is not as the Docker Engine API has it: ${why}`);
  } finally {
    stop();
  }
});

test.each([
  ['a date that there is not', { Created: 8_640_000_000_001 }],
  ['an age that there is not', { Status: 'Up 99999999999999 years' }],
])('%s leaves the tasks of its node readable', async (_, lies) => {
  const [honest] = (await (await fetch(`${liar.url}/v1.44/containers/json?all=1`)).json()) as object[];
  const stop = liar.lie('GET /containers/json', 200, [{ ...honest, ...lies }]);
  try {
    await node.refreshAllContainers().catch(() => undefined);
    for (const path of [TASKS, '/containers/json?all=1']) expect((await world.call('GET', path)).status).toBe(200);
  } finally {
    stop();
    await node.refreshAllContainers();
  }
});

test('what clients may write is no lie, however long', async () => {
  const long = 'n'.repeat(2_000_000);
  const stop = liar.lie('GET /networks', 200, [{ Id: 'a', Name: long, Driver: 'bridge', Scope: 'local' }]);
  try {
    await node.refreshNetworks();
    expect((await world.call('GET', '/networks')).json.map(({ Name }: { Name: string }) => Name)).toContain(long);
  } finally {
    stop();
    await node.refreshNetworks();
  }
});

async function refreshAll(): Promise<void> {
  await Promise.all([node.refreshAllContainers(), node.refreshImages(), node.refreshNetworks(), node.refreshVolumes()]);
}

interface Said {
  readonly Actor: { readonly ID: string };
}

/** Stand for what is too large to be shown when a run fails. */
const DEEP = 'a deep nesting';
const LONG = 'a long text';

/** What an engine may say in place of anything. */
const lie: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, '', 'text', 0, -1, 1.5, 1e300, true, [], {}, [[]], [null], { a: null }),
  fc.constantFrom<unknown>(DEEP, LONG, '\u0000', '$&$`', '../..', '__proto__'),
  fc.jsonValue(),
);

/** A value as the engine's answer. */
function bodyOf(value: unknown, long: number = 3_000_000): string {
  const deep = '['.repeat(20_000) + ']'.repeat(20_000);
  return JSON.stringify(value).replaceAll(`"${DEEP}"`, deep).replaceAll(LONG, 'x'.repeat(long));
}

/** The value with one member, found by the numbers, replaced, left out, or spelled in another case. */
function withLie(value: unknown, [step = 0, ...rest]: readonly number[], told: unknown): unknown {
  if (typeof value !== 'object' || value === null) return told;
  const keys = Object.keys(value);
  const key = keys[step % Math.max(keys.length, 1)];
  if (key === undefined) return told;
  const inner = rest.length === 0 ? told : withLie((value as Record<string, unknown>)[key], rest, told);
  if (Array.isArray(value)) return value.map((each: unknown, i) => (String(i) === key ? inner : each));
  const spelled = step % 7 === 6 ? key.toLowerCase() : key;
  return { ...value, [spelled]: inner };
}

const TASKS = '/tasks?filters={"node":["node-1"]}';

interface Answers {
  readonly [path: string]: unknown;
}

async function answers(): Promise<Answers> {
  const found: Record<string, unknown> = {};
  const lists = ['/containers/json?all=1', '/images/json', '/networks', '/volumes', '/nodes', TASKS];
  for (const path of ['/info', '/version', ...lists]) {
    const { status, json } = await world.call('GET', path);
    expect([path, status]).toEqual([path, 200]);
    found[path] = json;
  }
  return found;
}

/** What the sound engine has is told as before, and everything is of the types it had before. */
function expectSame(now: Answers, before: Answers): void {
  for (const path in before) expect([path, differences(now[path], before[path])]).toEqual([path, []]);
  const sound = (all: Answers): unknown => ({
    containers: (all['/containers/json?all=1'] as { Names: string[]; Status: string }[])
      .filter(({ Names }) => Names[0] === '/sound')
      .map(({ Status: _, ...rest }) => rest),
    volumes: (all['/volumes'] as { Volumes: { Name: string }[] }).Volumes.filter(({ Name }) => Name === 'truth'),
  });
  expect(sound(now)).toEqual(sound(before));
}

/** Where a value is of another type than the model; every element of a list is held against the model's first. */
function differences(value: unknown, model: unknown, at: string = ''): string[] {
  if (value === null || value === undefined || model === null || model === undefined) return [];
  if (Array.isArray(model)) {
    if (!Array.isArray(value)) return [`${at} is no list`];
    return model.length === 0 ? [] : value.flatMap((each, i) => differences(each, model[0], `${at}[${i}]`));
  }
  if (typeof value !== typeof model || Array.isArray(value)) return [`${at} is ${typeof value}, not ${typeof model}`];
  if (typeof value === 'number' && !Number.isSafeInteger(value) && Number.isSafeInteger(model))
    return [`${at} is ${value}`];
  if (typeof value !== 'object') return [];
  const members = value as Record<string, unknown>;
  const known = model as Record<string, unknown>;
  const folded = new Map(Object.keys(known).map((key) => [key.toLowerCase(), key]));
  return Object.keys(members).flatMap((key) => {
    const name = folded.get(key.toLowerCase());
    return name === undefined ? [] : differences(members[key], known[name], `${at}.${key}`);
  });
}
