import { afterEach, describe, expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';

const open: FakeManager[] = [];
const IDENTITY = 'com.docker.swarm.id';
/** What every container carries that is made here. */
const MARK = { 'io.enxame.attempt': expect.any(String) };

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function over(...images: string[]): Promise<FakeManager> {
  const manager = await FakeManager.start([{ images }, { images }]);
  open.push(manager);
  return manager;
}

interface Created {
  readonly status: number;
  /** What engines were sent, with the engine's number. */
  readonly sent: readonly [engine: number, body: unknown][];
}

/** Sends a create's body as it is written to engines that only note it down. */
async function created(manager: FakeManager, text: string): Promise<Created> {
  const sent: [number, unknown][] = [];
  for (const number of [0, 1]) {
    manager.engine(number).on('POST /containers/create', (exchange) => {
      exchange.readJson((body) => {
        sent.push([number, body]);
        exchange.json(201, JSON.stringify({ Id: 'f'.repeat(64), Warnings: null }));
      });
      return true;
    });
  }
  const { status } = await manager.call('POST', '/containers/create?name=web', text);
  return { status, sent };
}

describe('a create body as engines read it', () => {
  test.each([
    ['lower case', '{"image":"redis","env":["constraint:node==node-2","A=1"],"hostconfig":{"memory":1073741824}}'],
    [
      'an empty one behind it',
      '{"Image":"redis","Env":[],"ENV":["constraint:node==node-2","A=1"],"HostConfig":{"Memory":1073741824},"HostConfig":{}}',
    ],
    [
      'Kelvin and long s',
      '{"Image":"redis","Env":["constraint:node==node-2","A=1"],"Ho\u017ftConfig":{"Memory":1073741824}}',
    ],
  ])('constraints and reservations count: %s', async (_name, text) => {
    const manager = await over('redis:latest');
    const { status, sent } = await created(manager, text);
    expect(status).toBe(201);
    expect(sent).toMatchObject([[1, { Image: 'redis', Env: ['A=1'], HostConfig: { Memory: 2 ** 30 } }]]);
  });

  test('what no node has is refused in any case', async () => {
    const manager = await over('redis:latest');
    const { status, sent } = await created(manager, '{"image":"redis","hostConfig":{"mEmory":1125899906842624}}');
    expect([status, sent]).toEqual([500, []]);
  });

  test('members of a HostConfig at the top, which some engines would take, go to none', async () => {
    const manager = await over('redis:latest');
    const text = '{"Image":"redis","privileged":true,"Memory":5,"Cpuset":"0","Labels":{"Memory":"x"}}';
    const { sent } = await created(manager, text);
    expect(sent).toEqual([[expect.any(Number), { Image: 'redis', Labels: { Memory: 'x', ...MARK } }]]);
  });

  test('a client hides no container as one of the swarm’s own', async () => {
    const manager = await over('redis:latest');
    const id = await manager.create('hidden', { Labels: { 'enxame.role': 'agent' } });
    await manager.call('POST', `/containers/${id}/start`);
    const { json } = await manager.call('GET', '/containers/json');
    expect(json).toHaveLength(1);
  });

  test.each([
    (id: string) => `{"Image":"redis","Labels":{"${IDENTITY}":"${id}","io.enxame.regroup":"1/1","a":"b"}}`,
    (id: string) => `{"Image":"redis","labels":{"com.docker.\\u0073warm.id":"${id}","a":"b"}}`,
    (id: string) => `{"Image":"redis","Labels":{"${IDENTITY}":"${id}"},"Labels":{"${IDENTITY}":"${id}","a":"b"}}`,
  ])('a client gives no container another one’s identity (%#)', async (body) => {
    const manager = await over('redis:latest');
    const victim = await manager.create('victim');
    const { status, sent } = await created(manager, body(victim));
    expect([status, sent]).toEqual([201, [[expect.any(Number), { Image: 'redis', Labels: { a: 'b', ...MARK } }]]]);
  });
});

test('the mark of a container that is made here is not shown, nor taken from a client', async () => {
  const manager = await over('redis:latest');
  const label = 'io.enxame.attempt';
  const id = await manager.create('web', { Labels: { a: 'b', [label]: 'mine' } });
  const made = manager.engines.flatMap(({ state }) => [...state.containers.values()]).find((each) => each.id === id);
  expect(made?.labels[label]).toMatch(/^unnamed\/[0-9a-f]{32}\/[0-9a-f]{32}$/);
  const inspected = await manager.call('GET', `/containers/${id}/json`);
  expect([inspected.json.Config.Labels, inspected.text.includes(label)]).toEqual([{ a: 'b' }, false]);
  const listed = await manager.call('GET', '/containers/json?all=1');
  expect([listed.json[0].Labels, listed.text.includes(label)]).toEqual([{ a: 'b' }, false]);
  const filter = encodeURIComponent(JSON.stringify({ label: [label] }));
  expect((await manager.call('GET', `/containers/json?all=1&filters=${filter}`)).json).toEqual([]);
  const since = Math.floor(Date.now() / 1000) - 60;
  const events = await manager.call('GET', `/events?since=${since}&until=${Math.floor(Date.now() / 1000) + 1}`);
  expect(events.text).toContain(id);
  expect(events.text).not.toContain(label);
});

describe('other bodies', () => {
  test('a volume in any case', async () => {
    const manager = await over('redis:latest');
    const text = '{"name":"data","labels":{"Name":"x"}}';
    const { status, json } = await manager.call('POST', '/volumes/create', text);
    expect([status, json]).toMatchObject([201, { Name: 'data', Labels: { Name: 'x' } }]);
  });
});
