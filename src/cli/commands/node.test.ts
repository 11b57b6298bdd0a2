import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';
import { run } from '../program.ts';

let manager: FakeManager;

beforeAll(async () => {
  manager = await FakeManager.start(['a', 'a', 'b'].map((zone) => ({ labels: [`zone=${zone}`] })));
});

afterAll(() => manager?.close());

async function enxame(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo({ DOCKER_HOST: manager.url, HOME: '/nowhere' });
  const code = await run(['node', ...argv], io);
  return { code, out: io.stdout(), err: io.stderr() };
}

async function rows(...argv: readonly string[]): Promise<unknown[]> {
  const { code, out, err } = await enxame(...argv, '--json');
  expect([code, err]).toEqual([0, '']);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe('enxame node', () => {
  test('updates the nodes with a label, says before what it would do, and nothing twice', async () => {
    const words = ['update', '--where', 'zone=a', '--availability', 'pause', '--label-add', 'rack=r7'];
    const changes = ['availability from active to pause', 'label rack=r7 added'];
    expect(await rows(...words, '--dry-run')).toMatchObject([
      { Name: 'node-1', Changes: changes, IsDone: false },
      { Name: 'node-2', Changes: changes, IsDone: false },
    ]);
    expect(await rows('ls', '--where', 'rack=r7')).toEqual([]);
    expect(await rows(...words)).toMatchObject([
      { Name: 'node-1', Changes: changes, IsDone: true },
      { Name: 'node-2', Changes: changes, IsDone: true },
    ]);
    expect(await rows(...words)).toMatchObject([
      { Changes: [], IsDone: false },
      { Changes: [], IsDone: false },
    ]);
    expect(await rows('ls', '--where', 'rack=r7', '--where', 'zone=a')).toMatchObject([
      { Name: 'node-1', Status: 'ready', Availability: 'pause', Labels: 'zone=a, rack=r7' },
      { Name: 'node-2', Availability: 'pause' },
    ]);
    expect(JSON.parse((await enxame('inspect', 'node-1', 'node-3')).out)).toMatchObject([
      { Spec: { Labels: { rack: 'r7' }, Availability: 'pause' } },
      { Spec: { Labels: {}, Availability: 'active' } },
    ]);
    const back = ['update', '--availability', 'active', '--label-rm', 'rack', 'node-1', 'node-2'];
    expect((await enxame(...back)).out).toMatch(/node-1 +availability from pause to active, label rack removed\n/);
    expect(await rows('ls', '--where', 'rack=r7')).toEqual([]);
  });

  test('changes of several at once on one node are all kept', async () => {
    const keys = ['ka', 'kb', 'kc'];
    await Promise.all(keys.map((key) => rows('update', '--label-add', `${key}=1`, 'node-3')));
    const [node] = JSON.parse((await enxame('inspect', 'node-3')).out) as { Spec: { Labels: object } }[];
    expect(Object.keys(node?.Spec.Labels ?? {}).sort()).toEqual(keys);
  });

  test.each([
    [['update', 'node-1'], 2, /nothing to change: give --availability, --label-add or --label-rm/],
    [['update', '--availability', 'pause'], 2, /name the nodes, or choose them with --where LABEL=VALUE/],
    [
      ['update', '--availability', 'off', 'node-1'],
      2,
      /argument 'off' is invalid\. Allowed choices are active, pause, drain/,
    ],
    [
      ['update', '--with-volumes', '--availability', 'pause', 'node-1'],
      2,
      /--with-volumes goes with --availability drain/,
    ],
    [['update', '--label-add', 'a=1', '--label-rm', 'a', 'node-1'], 2, /label a is both added and removed/],
    [['update', '--label-add', 'a b=1', 'node-1'], 1, /"a b" is no key of a label/],
    [['update', '--label-add', 'aa=1', 'node-1', 'nobody'], 1, /node nobody not found/],
    [['ls', '--where', 'zone'], 2, /--where "zone" is not LABEL=VALUE/],
    [['rm', 'node-1'], 1, /node node-1 is in the cluster: take it out of discovery first; nothing was removed/],
    [['rm', '--where', 'zone=a', '--dry-run'], 1, /node node-1 is in the cluster/],
  ])('%j is refused', async (words, code, said) => {
    const answer = await enxame(...words);
    expect([answer.code, answer.err]).toEqual([code, expect.stringMatching(said)]);
    expect(answer.err.trim().split('\n').length).toBeLessThanOrEqual(2);
    expect(await rows('ls', '--where', 'aa=1')).toEqual([]);
  });
});
