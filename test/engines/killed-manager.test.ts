import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { openStateStore } from '../../src/store/state-store.ts';
import { type EnxameProcess, enxame } from './enxame-process.ts';

/** Containers whose lives go on side by side when the manager is killed. */
const LIVES = 40;
const KILLS = 3;
const ENGINES = 3;

let engines: FakeEngine[];
let stateFolder: string;
let manager: EnxameProcess;
let endpoint: string;

async function startManager(): Promise<void> {
  const discovery = engines.map(({ address }) => address).join(',');
  manager = enxame([
    '--log-level',
    'debug',
    'manage',
    '-H',
    'tcp://127.0.0.1:0',
    '--state-dir',
    stateFolder,
    '--cluster-opt',
    'enxame.substrate=off',
    discovery,
  ]);
  const [, address] = await manager.until(/Manager at tcp:\/\/(127\.0\.0\.1:\d+)/);
  endpoint = `http://${address}`;
  await expect.poll(async () => JSON.parse((await call('GET', '/info')).text).Containers).toBeDefined();
}

/** Status 0 when there was no answer. */
async function call(
  method: string,
  path: string,
  body?: object,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const answer = await fetch(`${endpoint}/v1.41${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}),
    });
    return { status: answer.status, text: await answer.text() };
  } catch {
    return { status: 0, text: '' };
  }
}

/** What a client knows of a container from the answers it got: the names that it may have now, none for removed. */
class Life {
  readonly name: string;
  /** Undefined: it may be there or not. */
  exists: boolean | undefined = false;
  isRunning: boolean | undefined = false;
  /** It may be called so instead. */
  other: string | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Goes on until a call is not answered. */
  async live(): Promise<void> {
    this.exists = undefined;
    const created = await call('POST', `/containers/create?name=${this.name}`, { Image: 'redis' });
    if (created.status !== 201) return;
    this.exists = true;
    this.isRunning = undefined;
    if ((await call('POST', `/containers/${this.name}/start`)).status !== 204) return;
    this.isRunning = true;
    this.other = `${this.name}-renamed`;
    if ((await call('POST', `/containers/${this.name}/rename?name=${this.other}`)).status !== 204) return;
    this.exists = undefined;
    if ((await call('DELETE', `/containers/${this.other}?force=1`)).status !== 204) return;
    this.exists = false;
  }
}

beforeEach(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'enxame-killed-'));
  engines = await FakeEngine.startMany(ENGINES, { images: ['redis:latest'] });
  for (const engine of engines) {
    for (const route of ['POST /containers/*', 'DELETE /containers/*']) engine.delay(route, 3);
    engine.delay('POST /containers/create', 30);
  }
  await startManager();
});

afterEach(async () => {
  await manager?.end('SIGKILL');
  await Promise.all((engines ?? []).map((engine) => engine.close()));
  if (stateFolder) await rm(stateFolder, { recursive: true });
});

/** Names of all containers that engines have. */
function made(): readonly string[] {
  return engines.flatMap(({ state }) => [...state.containers.values()].map(({ name }) => name));
}

/** Names of all containers that clients see. */
async function listed(): Promise<readonly string[]> {
  const containers = JSON.parse((await call('GET', '/containers/json?all=1')).text) as { readonly Names: string[] }[];
  return containers.map(({ Names }) => Names[0]?.split('/').at(-1) ?? '').sort();
}

/** Both of them, unless they have the same, each as often. */
function differences(some: readonly string[], others: readonly string[]): readonly string[] {
  const [one, other] = [some, others].map((each) => each.toSorted().join(' ')) as [string, string];
  return one === other ? [] : [one, other];
}

/** Names that clients see, and those that engines have, unless they are the same. */
async function notTheSame(): Promise<readonly string[]> {
  return differences(await listed(), made());
}

/** The engines' IDs of all containers that the stopped manager has records of. */
async function recorded(): Promise<readonly string[]> {
  const [cluster] = (await readdir(join(stateFolder, 'clusters'))).filter((name) => !name.startsWith('.'));
  const store = await openStateStore(join(stateFolder, 'clusters', cluster ?? ''));
  try {
    const ids: string[] = [];
    await store.records('containers').snapshot(({ value }) => ids.push(JSON.parse(value).current.engineId));
    return ids.sort();
  } finally {
    await store.close();
  }
}

test('a manager that is killed loses no container, and doubles none', async () => {
  const settled = new Map<string, Life>();
  for (let kill = 0; kill < KILLS; kill++) {
    const lives = Array.from({ length: LIVES }, (_, i) => new Life(`c${kill}-${i}`));
    // One after the other, so that all sorts of calls are under way when it is killed: some containers are removed again, some not made yet.
    const living = lives.map((life, i) => setTimeout(i * 5).then(() => life.live()));
    const isOver = (): number => lives.filter(({ exists, other }) => exists === false && other !== undefined).length;
    await expect.poll(isOver, { interval: 1 }).toBeGreaterThan(kill * 5);
    await manager.end('SIGKILL');
    await Promise.all(living);
    for (const life of lives) settled.set(life.name, life);
    await startManager();
    await expect.poll(() => (manager.said().match(/no create is left interrupted/g) ?? []).length).toBe(ENGINES);
    await expect.poll(notTheSame).toEqual([]);
    // A removal that was cut off between engine and record is found some time after the start.
    const afterEnd = async (): Promise<readonly string[]> => {
      await manager.end('SIGTERM');
      const ids = await recorded();
      const held = engines.flatMap(({ state }) => [...state.containers.keys()]);
      await startManager();
      return differences(ids, held);
    };
    await expect.poll(afterEnd, { interval: 500 }).toEqual([]);
    const names = made();
    expect(new Set(names).size).toBe(names.length);
    for (const life of settled.values()) {
      const there = names.filter((name) => name === life.name || name === life.other);
      if (life.exists === true) expect(there, life.name).toHaveLength(1);
      else if (life.exists === false) expect(there, life.name).toEqual([]);
      else expect(there.length, life.name).toBeLessThanOrEqual(1);
    }
  }
  // No name is held by what is not there, and what is there can be used.
  for (const life of settled.values()) {
    const [name] = made().filter((each) => each === life.name || each === life.other);
    if (name !== undefined) expect((await call('DELETE', `/containers/${name}?force=1`)).status, name).toBe(204);
    const again = await call('POST', `/containers/create?name=${life.name}`, { Image: 'redis' });
    expect(again.status, again.text).toBe(201);
  }
  expect(made()).toHaveLength(KILLS * LIVES);
});

/** Containers that are moved when the manager is killed, and those that are created beside. */
const MOVERS = 5;
const CREATES = 45;

/** The engines that have a container of a name, by their places. */
function holdersOf(name: string): readonly number[] {
  return engines.flatMap(({ state }, at) =>
    [...state.containers.values()].flatMap((each) => (each.name === name ? at : [])),
  );
}

async function setAvailability(at: number, availability: string): Promise<void> {
  const node = JSON.parse((await call('GET', `/nodes/${engines[at]?.state.profile.id}`)).text);
  const spec = { ...node.Spec, Availability: availability };
  expect((await call('POST', `/nodes/${node.ID}/update?version=${node.Version.Index}`, spec)).status).toBe(200);
}

test('a manager that is killed among moves, creates and removals leaves each container once, and goes on', async () => {
  const forever = { Image: 'redis', HostConfig: { RestartPolicy: { Name: 'always' } } };
  for (const at of [0, 1]) {
    const movers = Array.from({ length: MOVERS }, (_, i) => `m${at}-${i}`);
    for (const name of movers) {
      const body = { ...forever, Env: [`constraint:node==~node-${at + 1}`] };
      expect((await call('POST', `/containers/create?name=${name}`, body)).status).toBe(201);
      expect((await call('POST', `/containers/${name}/start`)).status).toBe(204);
      expect(holdersOf(name)).toEqual([at]);
    }
    await setAvailability(at, 'drain');
    const lives = Array.from({ length: CREATES }, (_, i) => new Life(`d${at}-${i}`));
    await expect.poll(() => movers.some((name) => holdersOf(name).length > 1), { interval: 1 }).toBe(true);
    const living = lives.map((life, i) => setTimeout(i * 3).then(() => life.live()));
    const [gone = ''] = movers.filter((name) => holdersOf(name).length > 1);
    const removed = call('DELETE', `/containers/${gone}?force=1`);
    await expect.poll(() => lives.some(({ exists }) => exists === true), { interval: 1 }).toBe(true);
    await manager.end('SIGKILL');
    const { status } = await removed;
    await Promise.all(living);
    await startManager();
    const stay = movers.filter((name) => name !== gone);
    await expect.poll(() => stay.filter((name) => holdersOf(name).join() === String(at))).toEqual([]);
    await expect.poll(() => stay.filter((name) => holdersOf(name).length !== 1)).toEqual([]);
    await expect.poll(() => holdersOf(gone).length).toBeLessThanOrEqual(status === 204 ? 0 : 1);
    await expect.poll(notTheSame).toEqual([]);
    const names = made();
    expect(new Set(names).size).toBe(names.length);
    for (const { name, exists, other: renamed } of lives) {
      const there = names.filter((each) => each === name || each === renamed);
      if (exists !== undefined) expect(there, name).toHaveLength(exists ? 1 : 0);
    }
    const running = (): readonly string[] =>
      engines.flatMap(({ state }) =>
        [...state.containers.values()].flatMap((each) => (each.state === 'running' ? each.name : [])),
      );
    await expect.poll(() => stay.filter((name) => !running().includes(name))).toEqual([]);
    await setAvailability(at, 'active');
  }
});

test('a plan for the cheapest nodes is gone on with by the next manager, to the same end', async () => {
  const nodes = JSON.parse((await call('GET', '/nodes')).text) as {
    readonly ID: string;
    readonly Version: { readonly Index: number };
    readonly Spec: object;
    readonly Description: { readonly Hostname: string };
  }[];
  for (const [row, { ID, Version, Spec }] of nodes.entries()) {
    const Labels = { 'io.enxame.price': `${30 - 10 * row} EUR/month` };
    const said = await call('POST', `/nodes/${ID}/update?version=${Version.Index}`, { ...Spec, Labels });
    expect(said.status, said.text).toBe(200);
  }
  const names = ['web-1', 'web-2', 'web-3'];
  for (const name of names) {
    const made = await call('POST', `/containers/create?name=${name}`, {
      Image: 'redis',
      Labels: { 'io.enxame.group': 'web' },
      Env: [`constraint:node==~${nodes[0]?.Description.Hostname}`],
      HostConfig: { RestartPolicy: { Name: 'always' } },
    });
    expect(made.status, made.text).toBe(201);
    expect((await call('POST', `/containers/${name}/start`)).status).toBe(204);
  }
  const { digest } = JSON.parse((await call('POST', '/enxame/v1/plans/cheapest', {})).text);
  const begun = await call('POST', '/enxame/v1/plans/cheapest/run', { digest });
  expect(begun.status, begun.text).toBe(202);
  const path = `/enxame/v1/moves/${JSON.parse(begun.text).id}`;
  const states = async (): Promise<readonly string[]> => {
    const { status, text } = await call('GET', path);
    const { moves = [], isOver } = status === 200 ? JSON.parse(text) : {};
    return [...moves.map(({ state }: { readonly state: string }) => state), isOver ? 'over' : 'open'];
  };
  await expect.poll(states).toContain('moved');
  await manager.end('SIGKILL');
  await startManager();
  await expect.poll(states).toContain('over');
  expect(await states()).toEqual(['moved', 'moved', 'moved', 'over']);
  await expect.poll(listed).toEqual(names);
  await expect.poll(() => engines.map(({ state }) => state.containers.size)).toEqual([0, 0, 3]);
  const after = async (): Promise<readonly string[]> => {
    const found = JSON.parse((await call('GET', '/nodes')).text) as {
      readonly Spec: { readonly Availability: string };
    }[];
    return found.map(({ Spec }) => Spec.Availability);
  };
  await expect.poll(after).toEqual(['drain', 'drain', 'active']);
});
