import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fakeIo } from '../../test/fakes/fake-io.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { run } from '../cli/program.ts';

let manager: FakeManager;

/** Five nodes at two providers; on node-1 one container of each kind. */
beforeAll(async () => {
  const providers = ['aws', 'aws', 'aws', 'hetzner', 'hetzner'];
  manager = await FakeManager.start(
    providers.map((provider, i) => ({ images: ['busybox:latest'], labels: [`provider=${provider}`, `nr=${i + 1}`] })),
  );
  const always = { RestartPolicy: { Name: 'always' } };
  await runOn('node-1', 'low', { HostConfig: always });
  await runOn('node-1', 'high', { HostConfig: always, Labels: { 'io.enxame.priority': '10' } });
  await runOn('node-1', 'db', { HostConfig: { ...always, Binds: ['data:/data'] } });
  await runOn('node-1', 'aws', { HostConfig: always, Env: ['constraint:provider==aws', 'constraint:nr==~4'] });
  await runOn('node-1', 'once', {});
}, 180_000);

afterAll(() => manager?.close());

async function runOn(
  node: string,
  name: string,
  body: Readonly<Record<string, unknown>> & { readonly Env?: readonly string[] },
): Promise<void> {
  const made = await manager.call('POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    ...body,
    Env: [`constraint:node==~${node}`, ...(body.Env ?? [])],
  });
  expect(made.status, made.text).toBe(201);
  expect((await manager.call('POST', `/containers/${name}/start`)).status).toBe(204);
  expect((await manager.call('GET', `/containers/${name}/json`)).json.Node.Name).toBe(node);
}

async function enxame(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo({ DOCKER_HOST: manager.url, HOME: '/nowhere' });
  const code = await run(argv, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

async function rows(...argv: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { code, out, err } = await enxame(...argv, '--json');
  expect([code, err]).toEqual([0, '']);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe('enxame drill', () => {
  test('shows what would move and wait, the most important first, and that the brake would not hold', async () => {
    const found = await rows('drill', 'node-1');
    const lines = found.map(({ Kind, Name }) => `${Kind} ${Name}`);
    expect(lines[0]).toBe('move high');
    expect(lines.slice(1, 3).sort()).toEqual(['move aws', 'move low']);
    expect(lines.slice(3, 5).sort()).toEqual(['stay once', 'wait db']);
    expect(lines.slice(5)).toEqual(['brake ']);
    expect(found.at(-1)).toMatchObject({ Holds: false, Why: 'The brake would not hold: 4 of 5 nodes would answer' });
    expect(found.find(({ Name }) => Name === 'aws')).toMatchObject({
      From: 'node-1',
      To: expect.stringMatching(/node-[23]/),
    });
    expect(found.find(({ Name }) => Name === 'db')?.Why).toMatch(/bound to its node by volume "data"/);
    expect((await manager.call('GET', '/containers/high/json')).json.Node.Name).toBe('node-1');
  });

  test('of a provider says what has no place, and that the brake would hold', async () => {
    const { code, out } = await enxame('drill', '--where', 'provider=aws');
    expect(code).toBe(0);
    expect(out).toMatch(/^WHAT +NAME/);
    expect(out).toMatch(/\nwait +aws +node-1 .*provider==aws/);
    expect(out).toMatch(/\nmove +high +node-1 +node-[45]/);
    expect(out).toMatch(
      /\nThe brake would hold, and nothing would be moved: 2 of 5 nodes would answer\. Give the manager a/,
    );
    await vi.waitFor(async () => {
      const { json } = await manager.call('GET', '/info');
      expect(json.Warnings.join('\n')).toMatch(/if provider=aws were lost, too few nodes/);
    }, 180_000);
  });

  test.each<[string[], number, RegExp]>([
    [['node-5'], 0, /^Nothing would be lost: no container is on node-5\n\nThe brake would not hold/],
    [['--where', 'provider=azure'], 1, /no node has provider=azure: nothing would be lost/],
    [['nobody'], 1, /node nobody not found/],
    [[], 2, /name the nodes, or choose them/],
  ])('%j', async (argv, code, said) => {
    const answer = await enxame('drill', ...argv);
    expect([answer.code, answer.out + answer.err]).toEqual([code, expect.stringMatching(said)]);
  });
});

describe('enxame explain', () => {
  test('says of a container why it is there, what others refuse it for, and what a loss would mean', async () => {
    const { code, out } = await enxame('explain', 'aws');
    expect(code).toBe(0);
    expect(out).toMatch(/^aws: running on node-1\n {2}it was created here\n {2}wanted running, restart policy always/);
    expect(out).toMatch(/\n {2}preferences that node-1 does not meet: nr==~4\n/);
    expect(out).toMatch(/\n {2}node-2: could take it; does not meet node==~node-1, nr==~4\n/);
    expect(out).toMatch(/\n {2}node-4: refused: .*provider==aws/);
    expect(out).toMatch(/\nIf node-1 were lost now:\n {2}it would run on node-[23], and lose writable layer\n$/);
    expect((await enxame('explain', 'db')).out).toMatch(
      /bound to its node by volume "data"\n(?:.*\n)*.*it would wait: it is bound/,
    );
  });

  test('says of one that moved where it came from and why', async () => {
    await runOn('node-2', 'mover', { HostConfig: { RestartPolicy: { Name: 'always' } } });
    expect((await enxame('node', 'update', '--availability', 'drain', 'node-2')).code).toBe(0);
    await vi.waitFor(async () => {
      const [found] = await rows('explain', 'mover');
      expect(found).toMatchObject({ record: { generation: 1, arrived: { from: { name: 'node-2' } } } });
    }, 180_000);
    expect((await enxame('explain', 'mover')).out).toMatch(/moved once, last from node-2 at 20.*: node-2 is drained\n/);
    expect((await enxame('explain', 'aws')).out).toMatch(/\n {2}node-2: refused: drained\n/);
    expect((await enxame('explain', 'node-2')).out).toMatch(/^node-2: healthy at 127\.0\.0\.1, which is drained\n/);
    expect((await enxame('node', 'update', '--availability', 'active', 'node-2')).code).toBe(0);
  }, 180_000);

  test('says of a node what its loss would mean', async () => {
    const [found] = await rows('explain', 'node-1');
    expect(found).toMatchObject({ name: 'node-1', containers: 5, brake: { left: 4, of: 5, holds: false } });
    const { out } = await enxame('explain', '--type', 'node', 'node-1');
    expect(out).toMatch(/\n {2}labels .*provider=aws/);
    expect(out).toMatch(/\nIf node-1 were lost: 3 to move, 1 to wait, 1 to stay\n/);
  });

  test.each<[string[], number, RegExp]>([
    [['nobody'], 1, /there is no container or node nobody/],
    [['--type', 'node', 'db'], 1, /there is no node db/],
    [['--type', 'pod', 'db'], 2, /argument 'pod' is invalid\. Allowed choices are container, node/],
  ])('%j is refused', async (argv, code, said) => {
    const answer = await enxame('explain', ...argv);
    expect([answer.code, answer.err]).toEqual([code, expect.stringMatching(said)]);
  });
});
