import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fakeIo } from '../../test/fakes/fake-io.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import type { FailoverAnswer } from '../api/routes/failover.ts';
import { run } from '../cli/program.ts';

let manager: FakeManager;

beforeAll(async () => {
  manager = await FakeManager.start([1, 2, 3].map(() => ({ images: ['busybox:latest'] })));
  const made = await manager.call('POST', '/containers/create?name=web', {
    Image: 'busybox',
    Env: ['constraint:node==~node-1'],
    HostConfig: { RestartPolicy: { Name: 'always' } },
  });
  expect(made.status, made.text).toBe(201);
  expect((await manager.call('POST', '/containers/web/start')).status).toBe(204);
  expect((await inspected()).Node.Name).toBe('node-1');
}, 180_000);

afterAll(() => manager?.close());

async function inspected(): Promise<{ readonly Id: string; readonly Node: { readonly Name: string } }> {
  return (await manager.call('GET', '/containers/web/json')).json;
}

async function enxame(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo({ DOCKER_HOST: manager.url, HOME: '/nowhere' });
  const code = await run(argv, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

async function drilled(): Promise<FailoverAnswer['drill']> {
  return (await manager.call('GET', '/enxame/v1/failover')).json.drill;
}

async function warnings(): Promise<string> {
  return (await manager.call('GET', '/info')).json.Warnings.join('\n');
}

function copies(): readonly string[] {
  return manager.engines.flatMap(({ state }) =>
    [...state.containers.values()].some(({ name }) => name === 'web') ? [state.profile.name] : [],
  );
}

async function allHealthy(): Promise<void> {
  await vi.waitFor(() => expect(manager.manager.cluster.healthyNodes()).toHaveLength(3), 120_000);
}

describe('enxame drill --yes', () => {
  test('has containers run elsewhere while the node is not heard, and one copy when the drill has ended', async () => {
    const { Id } = await inspected();
    const { code, out, err } = await enxame('drill', 'node-1', '--yes');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/\nmove +web +node-1 +node-[23] /);
    expect(out).toMatch(/\n\nTreated as lost now, until 'enxame drill end': node-1\n$/);
    await vi.waitFor(async () => expect((await inspected()).Node.Name).toMatch(/^node-[23]$/), 120_000);
    expect((await inspected()).Id).toBe(Id);
    // Nobody has touched the engine.
    expect(copies()).toHaveLength(2);
    expect(copies()).toContain('node-1');
    expect(await warnings()).toMatch(/a drill is on: treated as lost: node-1\. 'enxame drill end' ends it/);
    expect((await enxame('failover', 'status')).out).toMatch(
      /drill +node-1 +node-1 +treated as lost until 'enxame drill end'\nlost +node-1 +node-1 +drill: treated as lost\n/,
    );
    const renewal = { fenceMs: 10_000, killMs: 5_000 };
    const refused = await manager.call('POST', `/enxame/v1/agents/${(await drilled())[0]?.id}`, renewal);
    expect([refused.status, refused.json.message]).toEqual([409, 'node node-1 is not heard: drill: treated as lost']);

    expect((await enxame('drill', 'node-1', '--yes')).err).toMatch(/node node-1 is in a drill already/);
    expect((await enxame('drill', 'node-2', '--yes')).err).toMatch(
      /the brake would hold and nothing would be moved: 1 of 3 nodes would answer\. Give the manager a --witness, or --force/,
    );
    expect((await drilled()).map(({ name, until }) => [name, until])).toEqual([['node-1', null]]);
    expect((await enxame('drill', 'end', 'node-2')).err).toMatch(/node node-2 is in no drill/);

    expect(await enxame('drill', 'end')).toEqual({
      code: 0,
      out: 'node-1 returns: old copies are ended first\n',
      err: '',
    });
    await allHealthy();
    await vi.waitFor(() => expect(copies()).toHaveLength(1), 120_000);
    expect(copies()).toEqual([(await inspected()).Node.Name]);
    expect(await warnings()).not.toMatch(/drill/);
    expect((await enxame('drill', 'end')).out).toBe('No drill is on\n');
  }, 180_000);

  test('lets nodes return by themselves after --for', async () => {
    const node = manager.engines.map(({ state }) => state.profile.name).find((name) => !copies().includes(name)) ?? '';
    const { out } = await enxame('drill', node, '--yes', '--for', '2m');
    expect(out).toMatch(/^Nothing would be lost: .*\n\nThe brake would not hold.*\n\nTreated as lost now, for 2m: /);
    expect(Date.parse((await drilled())[0]?.until ?? '')).toBeGreaterThan(0);
    expect((await enxame('drill', 'end', node)).code).toBe(0);
    await allHealthy();
    expect((await enxame('drill', node, '--yes', '--for', '1s')).code).toBe(0);
    await vi.waitFor(async () => expect(await drilled()).toEqual([]), 120_000);
    await allHealthy();
  }, 180_000);

  test('with --force is carried out though the brake holds, and an operator lets it go', async () => {
    const names = ['node-1', 'node-2', 'node-3'].filter((name) => !copies().includes(name));
    const two = [...copies(), names[0] ?? ''];
    expect((await enxame('drill', ...two, '--yes', '--force')).code).toBe(0);
    await vi.waitFor(async () => expect(await warnings()).toMatch(/no container is moved: 1 of 3/), 120_000);
    expect((await enxame('failover', 'resume')).code).toBe(0);
    await vi.waitFor(async () => expect((await inspected()).Node.Name).toBe(names[1]), 120_000);
    expect((await enxame('drill', 'end', ...two)).out.split('\n').sort()).toEqual(
      ['', ...two.map((name) => `${name} returns: old copies are ended first`)].sort(),
    );
    await allHealthy();
    await vi.waitFor(() => expect(copies()).toEqual([names[1]]), 120_000);
  }, 180_000);

  test.each<[string[], number, RegExp]>([
    [['node-1', '--for', '2m'], 2, /--for and --force are about a drill that is carried out: add --yes/],
    [['node-1', '--force'], 2, /add --yes/],
    [['node-1', '--yes', '--for', 'soon'], 2, /--for "soon" is not a duration/],
    [['node-1', '--yes', '--for', '10ms'], 2, /--for should be from 1s to 24h/],
    [['node-1', 'node-2', 'node-3', '--yes', '--force'], 1, /a drill needs a node that is left/],
    [['nobody', '--yes'], 1, /node nobody not found/],
    [['end', 'nobody'], 1, /node nobody not found/],
  ])('%j is refused', async (argv, code, said) => {
    const answer = await enxame('drill', ...argv);
    expect([answer.code, answer.err]).toEqual([code, expect.stringMatching(said)]);
    expect(await drilled()).toEqual([]);
  });

  test.each([
    [{}, /nodes should be names, IDs or addresses/],
    [{ nodes: [1] }, /nodes should be names/],
    [{ nodes: ['node-1'], forMs: '1' }, /forMs should be/],
    [{ nodes: ['node-1'], force: 1 }, /force should be true or false/],
    ['[', /not JSON/],
  ])('the call refuses %j', async (body, said) => {
    const { status, json } = await manager.call('POST', '/enxame/v1/drill', body);
    expect([status, json.message]).toEqual([400, expect.stringMatching(said)]);
  });

  test('of a node that is lost already is refused', async () => {
    await manager.engine(0).apply({ kind: 'refuse' });
    await vi.waitFor(() => expect(manager.manager.cluster.healthyNodes()).toHaveLength(2), 120_000);
    const { status, json } = await manager.call('POST', '/enxame/v1/drill', { nodes: ['node-1'] });
    expect([status, json.message]).toEqual([409, expect.stringMatching(/node node-1 is lost already: /)]);
    await manager.engine(0).apply({ kind: 'none' });
    await allHealthy();
  }, 180_000);
});
