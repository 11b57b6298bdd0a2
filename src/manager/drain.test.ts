import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fakeIo } from '../../test/fakes/fake-io.ts';
import { FakeManager, type ManagerAnswer } from '../../test/fakes/fake-manager.ts';
import type { Plan } from '../availability/plan.ts';
import { run } from '../cli/program.ts';

let manager: FakeManager;

beforeAll(async () => {
  manager = await FakeManager.start([1, 2, 3].map(() => ({ images: ['busybox:latest'] })));
});

afterAll(() => manager?.close());

const ALWAYS = { HostConfig: { RestartPolicy: { Name: 'always' } } };

async function runOn(node: string, name: string, body: object): Promise<void> {
  const made = await manager.call('POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    ...body,
    Env: [`constraint:node==~${node}`],
  });
  expect(made.status, made.text).toBe(201);
  expect((await manager.call('POST', `/containers/${name}/start`)).status).toBe(204);
  expect(await nodeOf(name)).toBe(node);
}

async function nodeOf(name: string): Promise<string> {
  return (await manager.call('GET', `/containers/${name}/json`)).json.Node.Name;
}

async function update(node: string, availability: string): Promise<ManagerAnswer> {
  const { json } = await manager.call('GET', `/nodes/${node}`);
  const spec = { ...json.Spec, Availability: availability };
  return await manager.call('POST', `/nodes/${json.ID}/update?version=${json.Version.Index}`, spec);
}

/** What `docker node ps` shows as errors. */
async function errorsOn(node: string): Promise<Record<string, string | undefined>> {
  const filters = encodeURIComponent(JSON.stringify({ node: [node] }));
  const { json } = await manager.call('GET', `/tasks?filters=${filters}`);
  return Object.fromEntries(
    json.map(({ ServiceID, Status }: { ServiceID: string; Status: { Err?: string } }) => [ServiceID, Status.Err]),
  );
}

function linesOf({ moves, stays }: Pick<Plan, 'moves' | 'stays'>): string[] {
  return [
    ...moves.map(({ container, how, loses }) => `${container.name} moves ${how}, loses ${loses.join(', ')}`),
    ...stays.map(({ container, why }) => `${container.name} stays: ${why}`),
  ].sort();
}

async function enxame(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo({ DOCKER_HOST: manager.url, HOME: '/nowhere' });
  const code = await run(argv, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

describe('a drain', () => {
  test('moves what may move, says what stays and why, and ends when the node is active again', async () => {
    await runOn('node-1', 'web', ALWAYS);
    await runOn('node-1', 'cron', { ...ALWAYS, Labels: { 'io.enxame.move': 'stop-first' } });
    await runOn('node-1', 'once', {});
    await runOn('node-1', 'db', { HostConfig: { ...ALWAYS.HostConfig, Binds: ['data:/data'] } });
    const expected = [
      'cron moves stop-first, loses writable layer',
      expect.stringMatching(/^db stays: it is bound to its node by volume "data"/),
      'once stays: its restart policy is no and its rescheduling policy does not say on-node-failure',
      'web moves start-first, loses writable layer',
    ];
    const { json } = await manager.call('GET', '/enxame/v1/plans/drain?node=node-1');
    expect(linesOf(json)).toEqual(expected);
    const withVolumes = await manager.call('GET', '/enxame/v1/plans/drain?node=node-1&volumes=true');
    // What the drain itself moves is not in it.
    const named = linesOf(withVolumes.json).map((line) => line.split(' ')[0]);
    expect(named).toEqual(['db', 'once']);
    expect(withVolumes.json.reason).toMatchObject({ kind: 'drain', nodes: [{ name: 'node-1' }] });
    const dry = await enxame('node', 'update', '--availability', 'drain', 'node-1', '--dry-run', '--json');
    const row = JSON.parse(dry.out);
    expect(row).toMatchObject({ Name: 'node-1', Changes: ['availability from active to drain'], IsDone: false });
    expect(linesOf({ moves: row.Moves, stays: row.Stays })).toEqual(expected);
    expect(await nodeOf('web')).toBe('node-1');

    const { code, out } = await enxame('node', 'update', '--availability', 'drain', 'node-1');
    expect(code).toBe(0);
    expect(out).toMatch(/\nDrain of node-1: 2 to move, 2 to stay\n {2}move {2}cron: node-1 -> node-[23] \(stop-first;/);
    await vi.waitFor(async () => {
      expect(await nodeOf('web')).not.toBe('node-1');
      expect(await nodeOf('cron')).not.toBe('node-1');
    }, 180_000);
    await vi.waitFor(async () => expect(Object.keys(await errorsOn('node-1')).sort()).toEqual(['db', 'once']), 120_000);
    expect(await errorsOn('node-1')).toEqual({
      db: expect.stringMatching(/^stays: it is bound to its node by volume "data"/),
      once: expect.stringMatching(/^stays: its restart policy is no/),
    });
    expect((await manager.call('GET', '/info')).text).toMatch(/Availability","Drain"/);
    const refused = await manager.call('POST', '/containers/create?name=new', {
      Image: 'busybox',
      Env: ['constraint:node==node-1'],
    });
    expect(refused.json.message).toContain('drained (1 of 3 nodes: node-1)');

    expect((await update('node-1', 'active')).status).toBe(200);
    await vi.waitFor(async () => expect(await errorsOn('node-1')).toEqual({}), 120_000);
    expect(await nodeOf('web')).not.toBe('node-1');
  }, 180_000);

  test('of the last active node is refused while something is on it', async () => {
    await runOn('node-3', 'last', {});
    expect((await update('node-1', 'pause')).status).toBe(200);
    expect((await update('node-2', 'drain')).status).toBe(200);
    const { status, json } = await update('node-3', 'drain');
    expect([status, json.message]).toEqual([409, expect.stringMatching(/^node-3 cannot be drained: no other node/)]);
    const answer = await enxame('node', 'update', '--availability', 'drain', 'node-2', 'node-3');
    expect([answer.code, answer.err]).toEqual([1, expect.stringMatching(/node-2, node-3 cannot be drained/)]);
    expect((await manager.call('GET', '/nodes/node-3')).json.Spec.Availability).toBe('active');
    expect((await manager.call('DELETE', '/containers/last?force=1')).status).toBe(204);
    for (const node of ['node-1', 'node-2']) expect((await update(node, 'active')).status).toBe(200);
  });

  test.each([
    ['', 400, /name the nodes/],
    ['?node=nobody', 404, /node nobody not found/],
  ])('of %j is not planned', async (query, status, said) => {
    const answer = await manager.call('GET', `/enxame/v1/plans/drain${query}`);
    expect([answer.status, answer.json.message]).toEqual([status, expect.stringMatching(said)]);
  });
});
