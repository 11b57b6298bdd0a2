import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fakeIo } from '../../test/fakes/fake-io.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { eventually } from '../../test/fakes/wait.ts';
import type { RunView } from '../availability/plan-run.ts';
import { run } from '../cli/program.ts';

let manager: FakeManager;

beforeAll(async () => {
  const images = ['busybox:latest'];
  manager = await FakeManager.start([
    { images, labels: ['region=eu'] },
    { images, labels: ['region=eu'] },
    { images, labels: ['region=us'] },
  ]);
});

afterAll(() => manager?.close());

const ALWAYS = { RestartPolicy: { Name: 'always' } };

async function runOn(node: string, name: string, body: object = {}): Promise<void> {
  const asked = { Image: 'busybox', HostConfig: ALWAYS, ...body, Env: [`constraint:node==~${node}`] };
  const made = await manager.call('POST', `/containers/create?name=${name}`, asked);
  expect(made.status, made.text).toBe(201);
  expect((await manager.call('POST', `/containers/${name}/start`)).status).toBe(204);
  expect(await nodeOf(name)).toBe(node);
}

async function nodeOf(name: string): Promise<string> {
  return (await manager.call('GET', `/containers/${name}/json`)).json.Node.Name;
}

async function remove(...names: readonly string[]): Promise<void> {
  for (const name of names) await manager.call('DELETE', `/containers/${name}?force=1`);
}

async function enxame(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo({ DOCKER_HOST: manager.url, HOME: '/nowhere' });
  const code = await run(argv, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

describe('enxame move', () => {
  test('shows the plan, moves to the node that was named, and leaves the identity as it was', async () => {
    await runOn('node-1', 'web');
    const { Id } = (await manager.call('GET', '/containers/web/json')).json;
    const dry = await enxame('move', 'web', '--to', 'node-3', '--dry-run');
    expect(dry.out).toBe(
      'Move: 1 to move, 0 to stay\n  move  web: node-1 -> node-3 (start-first; it was asked for; takes about 6s; loses writable layer)\n',
    );
    expect(await nodeOf('web')).toBe('node-1');
    const asked = await enxame('move', 'web', '--to', 'node-3');
    expect(asked).toMatchObject({
      code: 2,
      err: expect.stringContaining('Carry out this move? Not a terminal: pass --yes'),
    });
    const done = await enxame('move', 'web', '--to', 'node-3', '--yes');
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining('web: node-1 -> node-3: moved\n') });
    expect((await manager.call('GET', '/containers/web/json')).json).toMatchObject({ Id, Node: { Name: 'node-3' } });
    await remove('web');
  }, 180_000);

  test('says in a line why nothing moves', async () => {
    await runOn('node-1', 'web');
    await runOn('node-1', 'job', { HostConfig: { AutoRemove: true } });
    await runOn('node-1', 'log', { HostConfig: { ...ALWAYS, Binds: ['/srv/log:/log'] } });
    await runOn('node-3', 'port', { HostConfig: { ...ALWAYS, PortBindings: { '80/tcp': [{ HostPort: '80' }] } } });
    await runOn('node-1', 'other', { HostConfig: { ...ALWAYS, PortBindings: { '80/tcp': [{ HostPort: '80' }] } } });
    const bound = await manager.call('POST', '/containers/create?name=bound', {
      Image: 'busybox',
      Env: ['constraint:region==us'],
      HostConfig: ALWAYS,
    });
    expect(bound.status).toBe(201);
    const lines: readonly (readonly [argv: readonly string[], code: number, line: RegExp])[] = [
      [['web', '--to', 'node-1'], 0, /web: node-1 \(it is on node-1 already\)/],
      [['web', '--where', 'region=eu'], 0, /web: node-1 \(it is on node-1 already\)/],
      [['web', '--to', 'node-9'], 1, /node-9/],
      [['web', '--where', 'region=mars'], 1, /no node has region=mars/],
      [['nobody'], 1, /No such container: nobody/],
      [['job'], 1, /job stays: it is a one-off container, which is never made a second time/],
      [['log'], 1, /log stays: it is bound to its node by bind mount \/srv\/log/],
      [['other', '--to', 'node-3'], 1, /other stays: node-3 cannot take it: .*80/],
      [['bound', '--to', 'node-2'], 1, /bound stays: node-2 cannot take it: .*region==us/],
      [['web', '--to', 'node-2', '--where', 'region=eu'], 2, /--to and --where exclude each other/],
      [[], 2, /name the containers to move/],
      [['web', '--at-once', '0'], 2, /--at-once "0" should be a number from 1 to 100/],
      [['web', '--keep-source', 'long'], 2, /"long" is not a duration/],
      [['web', '--keep-source', '9000h'], 2, /"9000h" is longer than 366 days/],
      [['stop', 'none'], 1, /no plan none is being carried out, or was lately/],
    ];
    for (const [argv, code, line] of lines) {
      const answer = await enxame('move', ...argv, ...(argv[0] === 'stop' ? [] : ['--yes']));
      expect(answer.out + answer.err).toMatch(line);
      expect(answer.code, argv.join(' ')).toBe(code);
    }
    await remove('web', 'job', 'log', 'port', 'other', 'bound');
  }, 180_000);

  test('is refused on a node that takes nothing new', async () => {
    await runOn('node-1', 'web');
    const { json } = await manager.call('GET', '/nodes/node-2');
    const update = (version: number, availability: string) =>
      manager.call('POST', `/nodes/${json.ID}/update?version=${version}`, { ...json.Spec, Availability: availability });
    await update(json.Version.Index, 'pause');
    const { code, err } = await enxame('move', 'web', '--to', 'node-2', '--yes');
    expect(err).toContain('node node-2 takes nothing new: its availability is pause');
    expect(code).toBe(1);
    await update(json.Version.Index + 1, 'active');
    await remove('web');
  });

  test('plans nothing for what is being moved already', async () => {
    await runOn('node-1', 'web');
    const go = manager.engine(2).stall('POST /containers/create');
    const moving = enxame('move', 'web', '--to', 'node-3', '--yes');
    await eventually(async () => expect(manager.manager.desired.index.moving.size).toBe(1));
    const { code, err } = await enxame('move', 'web', '--to', 'node-2', '--yes');
    expect(err).toContain('web stays: it is being moved to node-3 already');
    expect(code).toBe(1);
    go();
    expect((await moving).code).toBe(0);
    expect(await nodeOf('web')).toBe('node-3');
    await remove('web');
  }, 180_000);

  test('takes no plan that the cluster has outrun, and none that it cannot read', async () => {
    await runOn('node-1', 'web');
    const plan = (await manager.call('GET', '/enxame/v1/plans/move?container=web&to=node-2')).json;
    const [move] = plan.moves;
    const post = async (body: object) => (await manager.call('POST', '/enxame/v1/moves', body)).text;
    expect(await post({ plan: { ...plan, moves: [{ ...move, generation: 7 }] } })).toContain(
      'the plan is outdated: web is not what it was any more. Plan anew',
    );
    expect(await post({ plan: { ...plan, moves: [{ ...move, how: 'replace' }] } })).toContain('cannot be read');
    expect(await post({ plan: { ...plan, moves: [] } })).toContain('a plan has from 1 to 10000 moves');
    expect(await post({ plan: { ...plan, moves: [move, move] } })).toContain('a plan moves each container once');
    expect(await post({ plan, atOnce: 0 })).toContain('atOnce should be from 1 to 100');
    expect(await post({ plan, keepSourceMs: -1 })).toContain('keepSourceMs should be from 0');
    expect(await nodeOf('web')).toBe('node-1');
    await remove('web');
  });

  test('moves the replicas of a service one after the other, those that are not well first', async () => {
    const labels = { 'io.enxame.group': 'web' };
    for (const name of ['web-1', 'web-2', 'web-3']) await runOn('node-1', name, { Labels: labels });
    await manager.call('POST', '/containers/web-2/stop');
    const plan = (
      await manager.call('GET', '/enxame/v1/plans/move?container=web-1&container=web-2&container=web-3&where=region=us')
    ).json;
    expect(plan.moves.map(({ container }: { container: { name: string } }) => container.name)).toEqual([
      'web-2',
      'web-1',
      'web-3',
    ]);
    const atOnce: number[] = [];
    const unsubscribe = manager.manager.cluster.subscribe(() => {
      atOnce.push(manager.manager.desired.index.moving.size);
    });
    const { json } = await manager.call('POST', '/enxame/v1/moves', { plan, atOnce: 10 });
    await eventually(async () =>
      expect(((await manager.call('GET', `/enxame/v1/moves/${json.id}`)).json as RunView).isOver).toBe(true),
    );
    unsubscribe();
    expect(Math.max(0, ...atOnce)).toBeLessThanOrEqual(1);
    for (const name of ['web-1', 'web-2', 'web-3']) expect(await nodeOf(name)).toBe('node-3');
    await remove('web-1', 'web-2', 'web-3');
  }, 180_000);
});

describe('the last replica of a service that is well', () => {
  test('is not stopped for a move, and is moved once another one is', async () => {
    const labels = { 'io.enxame.group': 'queue', 'io.enxame.move': 'stop-first' };
    for (const name of ['q-1', 'q-2']) await runOn('node-1', name, { Labels: labels });
    await manager.call('POST', '/containers/q-2/stop');
    const refused = await enxame('move', 'q-1', '--to', 'node-3', '--yes');
    expect(refused.err).toContain('q-1: it is the last replica of queue that is well: q-2 first');
    expect([refused.code, await nodeOf('q-1')]).toEqual([1, 'node-1']);
    await manager.call('POST', '/containers/q-2/start');
    expect((await enxame('move', 'q-1', '--to', 'node-3', '--yes')).code).toBe(0);
    expect(await nodeOf('q-1')).toBe('node-3');
    await remove('q-1', 'q-2');
  }, 180_000);
});

describe('enxame rebalance', () => {
  test('spreads a service over domains with as few moves as possible, and leaves what has no leave to move', async () => {
    const labels = { 'io.enxame.group': 'api' };
    for (const name of ['api-1', 'api-2', 'api-3']) await runOn('node-1', name, { Labels: labels });
    await runOn('node-1', 'once', { HostConfig: {} });
    const { out } = await enxame('rebalance', '--max-moves', '1', '--dry-run');
    expect(out).toMatch(/^Rebalance: 1 to move, /);
    const plan = JSON.parse((await enxame('rebalance', '--dry-run', '--format', 'json')).out);
    expect(plan.moves).toHaveLength(2);
    expect(plan.stays).toContainEqual(
      expect.objectContaining({
        container: expect.objectContaining({ name: 'once' }),
        why: expect.stringContaining('its restart policy is no'),
      }),
    );
    expect((await enxame('rebalance', '--yes')).code).toBe(0);
    const nodes = await Promise.all(['api-1', 'api-2', 'api-3'].map(nodeOf));
    expect(nodes.sort()).toEqual(['node-1', 'node-2', 'node-3']);
    expect(await nodeOf('once')).toBe('node-1');
    expect((await enxame('rebalance', '--dry-run')).out).toMatch(/^Rebalance: 0 to move/);
    await remove('api-1', 'api-2', 'api-3', 'once');
  }, 180_000);
});
