import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fakeIo } from '../../test/fakes/fake-io.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import type { RunView } from '../availability/plan-run.ts';
import type { CheapestPlan } from '../cheapest/cheapest-plan.ts';
import { run } from '../cli/program.ts';

/** What the terminal answers, question by question. */
const answers: ((question: string) => Promise<boolean>)[] = [];
const asked: string[] = [];

vi.mock('../cli/confirm.ts', () => ({
  confirm: async (question: string): Promise<boolean> => {
    asked.push(question);
    const answer = answers.shift();
    if (!answer) throw new Error(`nobody expected the question: ${question}`);
    return answer(question);
  },
}));

const YES = async (): Promise<boolean> => true;
const PATIENTLY = { timeout: 150_000, interval: 50 };
let manager: FakeManager;

beforeEach(async () => {
  answers.length = 0;
  asked.length = 0;
  manager = await FakeManager.start(
    ['30 EUR/month', '20 EUR/month', '5 EUR/month'].map((price) => ({
      images: ['redis:latest'],
      labels: [`io.enxame.price=${price}`],
    })),
  );
});

afterEach(() => manager?.close());

async function runOn(node: string, name: string, labels: Record<string, string> = {}): Promise<void> {
  const HostConfig = { RestartPolicy: { Name: 'always' } };
  await manager.create(name, { HostConfig, Labels: labels, Env: [`constraint:node==~${node}`] });
  expect((await manager.call('POST', `/containers/${name}/start`)).status).toBe(204);
  expect(nodeOf(name)).toBe(node);
}

function nodeOf(name: string): string {
  return manager.manager.cluster.container(name).node.name;
}

function availabilities(): readonly (string | undefined)[] {
  return manager.manager.cluster.nodes.map(({ availability }) => availability);
}

async function enxame(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo({ DOCKER_HOST: manager.url, HOME: '/nowhere' });
  const code = await run(argv, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

test('asks once, empties nodes and drains them; what cannot be removed is said', async () => {
  await runOn('node-1', 'web');
  await runOn('node-2', 'api');
  answers.push(YES);
  const { code, out, err } = await enxame('plan', 'cheapest', '--apply');
  expect(code, err).toBe(0);
  expect(out).toContain('The cluster costs 55.00 EUR a month. It would cost 5.00 EUR: 50.00 less');
  expect(asked).toEqual(['Move 2 containers and empty 2 nodes?']);
  expect(err).toContain('web: node-1 -> node-3: moved\n');
  expect(err).toContain('node-1 is empty and drained, and is left alone (it is no machine of enxame machine here)');
  expect([nodeOf('web'), nodeOf('api')]).toEqual(['node-3', 'node-3']);
  expect(availabilities()).toEqual(['drain', 'drain', 'active']);
}, 180_000);

test('does nothing for a node to be kept that is not there', async () => {
  await runOn('node-1', 'web');
  const { code, err } = await enxame('plan', 'cheapest', '--apply', '--yes', '--keep', 'nod-1');
  expect([code, err.trim()]).toEqual([1, 'enxame: plan: node nod-1 not found, which is to be kept']);
  expect(nodeOf('web')).toBe('node-1');
}, 60_000);

test('does nothing without a yes', async () => {
  await runOn('node-1', 'web');
  answers.push(async () => false);
  const { code, err } = await enxame('plan', 'cheapest', '--apply');
  expect([code, err.trim()]).toEqual([1, expect.stringContaining('nothing was done')]);
  expect(nodeOf('web')).toBe('node-1');
  expect(availabilities()).toEqual(['active', 'active', 'active']);
}, 180_000);

test('a plan that the cluster has outrun is made anew, shown again, and asked for again', async () => {
  await runOn('node-1', 'web');
  const late = async (): Promise<boolean> => {
    await runOn('node-2', 'late');
    return true;
  };
  answers.push(late, async () => {
    // Nothing was touched for the plan that was outdated.
    expect([nodeOf('web'), nodeOf('late')]).toEqual(['node-1', 'node-2']);
    expect(availabilities()).toEqual(['active', 'active', 'active']);
    return true;
  });
  const { code, out, err } = await enxame('plan', 'cheapest', '--apply');
  expect(code, err).toBe(0);
  expect(asked).toEqual(['Move 1 containers and empty 2 nodes?', 'Move 2 containers and empty 2 nodes?']);
  expect(err).toContain('The cluster or its prices have changed since: the plan was made anew\n');
  expect(out.match(/The cluster costs 55\.00/g)).toHaveLength(2);
  expect([nodeOf('web'), nodeOf('late')]).toEqual(['node-3', 'node-3']);
}, 180_000);

test('an interrupted client ends it, and running it again goes on from there', async () => {
  const replicas = { 'io.enxame.group': 'web' };
  for (const name of ['web-1', 'web-2', 'web-3']) await runOn('node-1', name, replicas);
  let isMoving = false;
  const io = fakeIo({ DOCKER_HOST: manager.url, HOME: '/nowhere' });
  const err = (text: string): void => {
    io.err(text);
    if (!text.includes(': moving') || isMoving) return;
    isMoving = true;
    io.stop();
  };
  await run(['plan', 'cheapest', '--apply', '--yes'], { ...io, err });
  expect(isMoving).toBe(true);
  expect(io.stderr()).toContain('Stopped: no more moves begin');
  const over = async (): Promise<void> => {
    const runs: readonly RunView[] = (await manager.call('GET', '/enxame/v1/moves')).json;
    expect(runs.map(({ isOver }) => isOver)).toEqual([true]);
  };
  await vi.waitFor(over, PATIENTLY);
  expect(availabilities()[0], 'not all of them can have moved').toBe('active');
  expect(nodeOf('web-3')).toBe('node-1');
  const { code, err: said } = await enxame('plan', 'cheapest', '--apply', '--yes');
  expect(code, said).toBe(0);
  expect(['web-1', 'web-2', 'web-3'].map(nodeOf)).toEqual(['node-3', 'node-3', 'node-3']);
  expect(availabilities()).toEqual(['drain', 'drain', 'active']);
}, 180_000);

test('one at a time, and none that is not the one that was confirmed', async () => {
  for (const name of ['web-1', 'web-2']) await runOn('node-1', name, { 'io.enxame.group': 'web' });
  const plan: CheapestPlan = (await manager.call('POST', '/enxame/v1/plans/cheapest', {})).json;
  const begin = (digest: string) => manager.call('POST', '/enxame/v1/plans/cheapest/run', { digest });
  expect((await begin('another')).json).toMatchObject({ plan: { digest: plan.digest } });
  const first = await begin(plan.digest);
  expect(first.status, first.text).toBe(202);
  const meanwhile: CheapestPlan = (await manager.call('POST', '/enxame/v1/plans/cheapest', {})).json;
  const second = await begin(meanwhile.digest);
  expect(second.status, second.text).toBe(409);
  await vi.waitFor(async () => {
    const view: RunView = (await manager.call('GET', `/enxame/v1/moves/${first.json.id}`)).json;
    expect(view).toMatchObject({ isOver: true, reason: { kind: 'cheaper' } });
    expect(view.leaving?.map(({ name, isEmpty }) => [name, isEmpty])).toEqual([
      ['node-1', true],
      ['node-2', true],
    ]);
  }, PATIENTLY);
}, 180_000);
