import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { callJson, startTestManager, type TestManager } from '../../test/fakes/managers.ts';
import { MemoryKeyServer, MemoryKeyspace } from '../../test/fakes/memory-keyspace.ts';
import { PageBrowser } from '../../test/fakes/page-browser.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { SharedStore } from '../kv/shared/shared-store.ts';
import { QuorumQuestion } from './quorum-question.ts';

let engines: FakeEngine[];
let server: MemoryKeyServer;
let folder: string;
let managers: TestManager[];

beforeEach(async () => {
  server = new MemoryKeyServer();
  engines = await Promise.all(
    ['one', 'two', 'three'].map((name) => FakeEngine.start({ name, images: ['redis:latest'] })),
  );
  folder = await mkdtemp(join(tmpdir(), 'enxame-replication-'));
  managers = [];
});

afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await Promise.all(engines.map((engine) => engine.close()));
  await rm(folder, { recursive: true });
});

async function start(
  name: string,
  options: { readonly alone?: boolean; readonly advertise?: string; readonly page?: boolean } = {},
): Promise<TestManager> {
  const keys = new MemoryKeyspace(server);
  const manager = await startTestManager({
    engines,
    stateFolder: join(folder, name),
    advertise: options.advertise,
    page: options.page ?? false,
    ...(options.alone ? {} : { shared: { store: new SharedStore(keys), name: 'memory://test', keys } }),
  });
  managers.push(manager);
  return manager;
}

const roles = (): string[] => managers.map(({ manager }) => manager.duties.role);
const primary = (): TestManager => managers.find(({ manager }) => manager.duties.role === 'primary') as TestManager;
const replicas = (): readonly TestManager[] => managers.filter(({ manager }) => manager.duties.role === 'replica');

async function startThree(): Promise<void> {
  for (const name of ['a', 'b', 'c']) await start(name);
  await waitUntil(() => roles().filter((role) => role === 'primary').length === 1);
}

async function create(manager: TestManager, name: string): Promise<string> {
  const { status, json, text } = await callJson(manager, 'POST', `/containers/create?name=${name}`, { Image: 'redis' });
  if (status !== 201) throw new Error(`${status} ${text}`);
  return json.Id;
}

describe('several managers', () => {
  test('have one primary, and each serves every client', async () => {
    await startThree();
    const [one, other] = replicas() as [TestManager, TestManager];
    const id = await create(one, 'web');
    expect((await callJson(one, 'POST', `/containers/${id}/start`)).status).toBe(204);
    expect((await callJson(one, 'GET', '/containers/json')).json).toMatchObject([{ Id: id, State: 'running' }]);
    // The other one learns it from the engines.
    await expect.poll(async () => (await callJson(other, 'GET', `/containers/${id}/json`)).status).toBe(200);
    expect((await callJson(other, 'POST', '/containers/create?name=web', { Image: 'redis' })).status).toBe(409);
    const info = (await callJson(one, 'GET', '/info')).json.SystemStatus as [string, string][];
    expect(info).toContainEqual(['Role', 'replica']);
    expect(info).toContainEqual(['Primary', primary().advertise]);
  });

  test('go on when the primary stops, with what it knew', async () => {
    await startThree();
    const first = primary();
    const id = await create(first, 'web');
    // The others learn it from the engines.
    for (const replica of replicas())
      await expect.poll(async () => (await callJson(replica, 'GET', `/containers/${id}/json`)).status).toBe(200);
    await first.close();
    managers.splice(managers.indexOf(first), 1);
    const [one] = replicas() as [TestManager];
    expect((await callJson(one, 'POST', `/containers/${id}/rename?name=shop`)).status).toBe(204);
    expect(roles().sort()).toEqual(['primary', 'replica']);
    expect(primary().manager.desired.get([...primary().manager.desired.all()][0]?.key ?? '')?.name).toBe('shop');
  });

  test('replace a primary that the store does not hear, and it changes nothing any more', async () => {
    await startThree();
    const first = primary();
    await create(first, 'web');
    if (first.keys) first.keys.isCut = true;
    await waitUntil(() => first.manager.duties.role === 'replica');
    await waitUntil(() => roles().includes('primary'));
    expect(primary()).not.toBe(first);
    // Reads go on from its own model; changes need the store.
    expect((await callJson(first, 'GET', '/containers/json?all=1')).json).toHaveLength(1);
    await create(primary(), 'other');
    if (first.keys) first.keys.isCut = false;
    await expect.poll(async () => (await callJson(first, 'GET', '/containers/json?all=1')).json.length).toBe(2);
    expect((await callJson(first, 'DELETE', '/containers/other?force=1')).status).toBe(204);
  });

  test('show what was made while they do not hear the store', async () => {
    await startThree();
    const holds = engines.map((engine) => engine.hold('POST /containers/create'));
    const asked = create(primary(), 'web');
    await Promise.race(holds.map(({ held }) => held));
    const others = replicas();
    const begun = (each: TestManager): readonly unknown[] => [...each.manager.desired.all()].map(({ id }) => id);
    await expect.poll(() => others.map(begun)).toEqual([[undefined], [undefined]]);
    for (const { keys } of others) if (keys) keys.isCut = true;
    for (const hold of holds) hold.release();
    const id = await asked;
    for (const replica of others) {
      await expect.poll(async () => (await callJson(replica, 'GET', `/containers/${id}/json`)).status).toBe(200);
      expect((await callJson(replica, 'GET', '/containers/json?all=1')).json).toMatchObject([{ Id: id }]);
      expect(begun(replica)).toEqual([undefined]);
    }
    for (const { keys } of others) if (keys) keys.isCut = false;
    await expect.poll(() => others.map(begun)).toEqual([[id], [id]]);
  });

  test('agree on the cluster when they start at once', async () => {
    const started = await Promise.all(['a', 'b', 'c'].map((name) => start(name)));
    const ids = await Promise.all(started.map(async (each) => (await callJson(each, 'GET', '/info')).json.ID));
    expect(new Set(ids).size).toBe(1);
  });

  test('ask each other before the primary makes a new quorum of the substrate', async () => {
    await startThree();
    const others = replicas();
    const addresses = others.map(({ advertise }) => advertise ?? '');
    for (const manager of managers) {
      const sight = { answering: 3, nodes: 3, hasLeader: false };
      await expect.poll(async () => (await callJson(manager, 'GET', '/enxame/v1/substrate')).json).toEqual(sight);
    }
    let isPrimary = true;
    const ask = async (answering: number, managersToAsk: () => Promise<readonly string[]>) => {
      const known = { sight: () => ({ answering, nodes: 3 }) };
      const question = new QuorumQuestion({ known, witness: undefined, seesLeader: async () => false });
      question.among({
        isPrimary: () => isPrimary,
        addresses: managersToAsk,
        connect: async (address) => tcpConnector('127.0.0.1', Number(address.split(':')[1])),
      });
      return question.objection(new AbortController().signal);
    };
    expect(await ask(3, async () => addresses)).toBeUndefined();
    expect(await ask(2, async () => addresses)).toContain(`sees 3 nodes, this one 2`);
    expect(await ask(1, async () => [])).toContain('1 of 3 nodes that were healthy answer');
    // One that does not answer sees nothing, as far as is known.
    expect(await ask(2, async () => ['127.0.0.1:1'])).toBeUndefined();
    expect(await ask(3, () => Promise.reject(new Error('the store is down')))).toContain('does not tell');
    isPrimary = false;
    expect(await ask(3, async () => addresses)).toBe('this manager is not the primary any more');
  });

  test('tell of plans that are carried out, whichever is asked', async () => {
    await start('a');
    await waitUntil(() => roles().includes('primary'));
    const replica = await start('b');
    await waitUntil(() => replica.manager.cluster.healthyNodes().length === engines.length);
    const id = await create(primary(), 'web');
    await expect.poll(async () => (await callJson(replica, 'GET', `/containers/${id}/json`)).status).toBe(200);
    const from = primary().manager.cluster.container(id).node;
    const to = primary().manager.cluster.nodes.find((node) => node !== from)?.id ?? '';
    const target = `/enxame/v1/plans/move?container=web&to=${encodeURIComponent(to)}`;
    const plan = (await callJson(replica, 'GET', target)).json;
    expect(plan.moves).toHaveLength(1);
    const accepted = await callJson(primary(), 'POST', '/enxame/v1/moves', { plan });
    expect(accepted.status).toBe(201);
    expect((await callJson(replica, 'GET', '/enxame/v1/moves')).json).toMatchObject([{ id: accepted.json.id }]);
    const shown = async () => (await callJson(replica, 'GET', `/enxame/v1/moves/${accepted.json.id}`)).json;
    await expect.poll(async () => (await shown()).moves).toMatchObject([{ state: 'moved' }]);
  });

  test('let the page of a replica do what that of the primary does', async () => {
    await start('a');
    await waitUntil(() => roles().includes('primary'));
    const replica = await start('b', { page: true });
    await waitUntil(() => replica.manager.cluster.healthyNodes().length === engines.length);
    const id = await create(primary(), 'web');
    await expect.poll(async () => (await callJson(replica, 'GET', `/containers/${id}/json`)).status).toBe(200);
    // The link is for this one's page, and so are its cookie and what a browser says of itself.
    const browser = await PageBrowser.at({
      manager: replica.manager,
      call: (method, path, body) => callJson(replica, method, path, body),
    });
    const from = { 'Sec-Fetch-Site': 'same-origin' };
    expect((await browser.call('POST', `containers/${id}/start`, undefined, from)).status).toBe(204);
    const [node] = primary().manager.cluster.nodes;
    const stateOf = (): string | undefined => primary().manager.cluster.nodes[0]?.availability;
    const path = `nodes/${encodeURIComponent(node?.id ?? '')}/availability`;
    expect((await browser.call('POST', path, { availability: 'pause' }, from)).status).toBe(204);
    expect(stateOf()).toBe('pause');
    expect((await browser.call('POST', path, { availability: 'gone' }, from)).status).toBe(400);
    expect((await browser.call('POST', path, { availability: 'active' }, from)).status).toBe(204);
    const plan = await browser.get(`plans/drain?node=${encodeURIComponent(node?.id ?? '')}`);
    expect(plan).toMatchObject({ kind: 'drain', nodes: [{ name: node?.name }] });
    const apply = (digest: string) => browser.call('POST', 'plans/drain/apply', { digest, nodes: [node?.id] }, from);
    expect((await apply('0'.repeat(32))).status).toBe(409);
    expect((await apply(plan.digest)).status).toBe(202);
    expect(stateOf()).toBe('drain');
    expect((await browser.call('GET', 'plans/none')).status).toBe(404);
    // What only the primary knows, as it stands.
    const drilled = primary().manager.cluster.nodes[1];
    await callJson(primary(), 'POST', '/enxame/v1/drill', { nodes: [drilled?.id], force: true });
    const left = new AbortController();
    for await (const { data } of browser.stream(undefined, left.signal)) {
      const { lost, drill } = data.failover ?? { lost: [], drill: [] };
      if (drill.length === 1 && lost.length <= 1) break;
    }
    left.abort();
  });

  test('refuse the address of another one', async () => {
    const { advertise } = await start('a');
    await expect(start('b', { advertise })).rejects.toThrow(`another server answers at ${advertise}`);
  });

  test('take over what a manager had alone', async () => {
    const before = await start('a', { alone: true });
    const id = await create(before, 'web');
    const incarnation = [...before.manager.desired.all()];
    expect(incarnation).toHaveLength(1);
    await before.close();
    managers.pop();
    await start('a');
    await start('b');
    await waitUntil(() => roles().includes('primary'));
    for (const { manager } of managers) expect([...manager.desired.all()].map((record) => record.id)).toEqual([id]);
    // What it had alone is old from now on.
    await Promise.all(managers.splice(0).map((manager) => manager.close()));
    await expect(start('a', { alone: true })).rejects.toThrow(/are in memory:\/\/test, which its managers share/);
  });
});
