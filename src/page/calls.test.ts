import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { PageBrowser } from '../../test/fakes/page-browser.ts';
import { eventually } from '../../test/fakes/wait.ts';

const IMAGE = { images: ['redis:latest'] };

let swarm: FakeManager;
let browser: PageBrowser;
let id: string;

beforeAll(async () => {
  swarm = await FakeManager.start([IMAGE, IMAGE], { page: {} });
  browser = await PageBrowser.at(swarm);
  id = await swarm.create('web', {
    Env: ['DB_PASSWORD=hunter2', 'MODE=fast'],
    Labels: { 'com.docker.compose.project': 'shop', 'traefik.token': 'hunter2' },
    HostConfig: { Binds: ['data:/data'], RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } },
  });
});

afterAll(() => swarm.close());

/** How often engines were asked. */
function asked(route: string): number {
  return swarm.engines.reduce((sum, engine) => sum + engine.requestsTo(route).length, 0);
}

/** Status and `code` of an answer. */
async function outcome(method: string, path: string, body?: unknown): Promise<readonly unknown[]> {
  const answer = await browser.call(method, path, body);
  const text = await answer.text();
  return [answer.status, text === '' ? undefined : (JSON.parse(text) as { readonly code?: string }).code];
}

describe('what pages ask', () => {
  test('a container, without its secrets', async () => {
    const detail = await browser.get(`containers/${id}`);
    expect(detail).toMatchObject({ name: 'web', isReached: true, restartPolicy: 'on-failure:3', state: 'created' });
    expect(detail.env).toContainEqual({ name: 'MODE', value: 'fast' });
    expect(detail.env).toContainEqual({ name: 'DB_PASSWORD', value: null });
    expect(detail.labels['traefik.token']).toBe('(masked)');
    expect(JSON.stringify(detail)).not.toContain('hunter2');
    expect(await browser.get(`containers/${id}/explain`)).toMatchObject({ name: 'web', node: { state: 'Healthy' } });
    expect(await browser.get(`containers/${id}/moves`)).toEqual([]);
    expect(await outcome('GET', 'containers/none')).toEqual([404, 'NO_SUCH_CONTAINER']);
    expect((await browser.call('GET', `containers/${id}/stats`)).status).toBe(503);
  });

  test('nodes, images, networks, volumes, events, plans and the bill', async () => {
    const [first] = swarm.manager.cluster.nodes;
    const node = encodeURIComponent(first?.id ?? '');
    expect(await browser.get(`nodes/${node}`)).toMatchObject({ name: 'node-1', images: 1 });
    expect(await browser.get(`nodes/${node}/explain`)).toMatchObject({ state: 'Healthy', plan: { kind: 'drill' } });
    expect(await browser.get('images')).toEqual([expect.objectContaining({ names: ['redis:latest'], nodes: [1, 2] })]);
    const networks = await browser.get('networks');
    const bridge = networks.find(({ name }: { name: string }) => name === 'bridge');
    expect(bridge).toMatchObject({ kind: 'predefined', driver: 'bridge' });
    expect(await browser.get(`networks/${bridge.id}`)).toMatchObject({ name: 'bridge', endpoints: [] });
    await eventually(async () => {
      expect(await browser.get('volumes')).toEqual([
        expect.objectContaining({
          name: 'data',
          home: expect.objectContaining({ name: expect.any(String) }),
          size: null,
        }),
      ]);
    });
    await eventually(async () => {
      const events = await browser.get('events?limit=500');
      expect(events).toContainEqual(expect.objectContaining({ type: 'container', action: 'create', name: 'web' }));
      const [newest] = events;
      expect(await browser.get(`events?before=${newest.seq}&limit=1`)).toEqual([events[1]]);
    });
    expect(await browser.get('bill')).toMatchObject({ unit: 'month', total: [] });
    expect((await browser.get('plans')).map(({ kind }: { kind: string }) => kind)).toEqual([
      'drain',
      'drill',
      'failover',
      'rebalance',
      'cheapest',
    ]);
    expect(await browser.get('plans/rebalance')).toMatchObject({ kind: 'rebalance', machines: [], cost: null });
    expect(await browser.get('plans/cheapest')).toMatchObject({
      kind: 'cheapest',
      moves: [],
      notes: expect.arrayContaining([expect.stringContaining('the price of no node is known')]),
    });
    expect(await outcome('GET', 'plans/drill')).toEqual([400, 'NO_NODE_NAMED']);
    expect(await outcome('GET', 'plans/nonsense')).toEqual([404, 'NO_SUCH_PLAN']);
    expect((await outcome('GET', 'events?limit=9999'))[0]).toBe(400);
    expect(await outcome('GET', 'volumes?size=2')).toEqual([400, expect.any(String)]);
  });

  test('logs as Docker frames them, and no more of them than there may be', async () => {
    await browser.call('POST', `containers/${id}/start`);
    const once = await browser.call('GET', `containers/${id}/logs?tail=1`);
    expect([once.status, once.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^application\/vnd\.docker\./),
    ]);
    await once.body?.cancel();
    const route = `GET /containers/${id}/logs`;
    const ends = swarm.engines.map((engine) => engine.stall(route));
    const before = asked(route);
    const { origin, cookie, token } = browser;
    const open = (): Promise<Response> =>
      fetch(`${origin}/api/v1/containers/${id}/logs?follow=1&tail=10`, {
        headers: { Cookie: cookie, 'X-Enxame-Token': token },
      });
    const opened = Array.from({ length: 8 }, open);
    await eventually(() => expect(asked(route) - before).toBe(8));
    expect((await open()).status).toBe(429);
    for (const end of ends) end();
    for (const answer of await Promise.all(opened)) await answer.body?.cancel();
    await eventually(async () => expect((await open()).status).toBe(200));
    expect((await browser.call('GET', `containers/${id}/logs?tail=all`)).status).toBe(400);
  });
});

describe('what pages change', () => {
  test('containers', async () => {
    const own = await swarm.create('changed');
    expect((await browser.call('POST', `containers/${own}/start`)).status).toBe(204);
    expect((await browser.call('POST', `containers/${own}/start`)).status).toBe(304);
    expect((await browser.get(`containers/${own}`)).state).toBe('running');
    expect((await browser.call('DELETE', `containers/${own}`)).status).toBe(409);
    expect((await browser.call('DELETE', `containers/${own}?force=1`)).status).toBe(204);
    expect((await browser.call('GET', `containers/${own}`)).status).toBe(404);
    expect((await browser.call('POST', `containers/${own}/rename?name=x`)).status).toBe(404);
  });

  test('nodes, and plans as they were confirmed', async () => {
    const node = swarm.manager.cluster.nodes[1];
    const path = `nodes/${encodeURIComponent(node?.id ?? '')}/availability`;
    expect(await outcome('POST', path, { availability: 'gone' })).toEqual([400, 'BAD_BODY']);
    expect((await browser.call('POST', path, { availability: 'pause' })).status).toBe(204);
    expect(node?.availability).toBe('pause');
    expect((await browser.call('POST', path, { availability: 'active' })).status).toBe(204);
    const plan = await browser.get(`plans/drain?node=${encodeURIComponent(node?.id ?? '')}`);
    expect(plan).toMatchObject({ kind: 'drain', nodes: [{ name: 'node-2' }], cost: null });
    const apply = (digest: unknown, nodes: unknown = [node?.id]): Promise<readonly unknown[]> =>
      outcome('POST', 'plans/drain/apply', { digest, nodes });
    expect(await apply('0'.repeat(32))).toEqual([409, 'PLAN_CHANGED']);
    expect(await apply(7)).toEqual([400, 'BAD_BODY']);
    expect(await apply(plan.digest, 'node-2')).toEqual([400, 'BAD_BODY']);
    expect(await apply(plan.digest, ['none'])).toEqual([404, 'NO_SUCH_NODE']);
    expect(node?.availability).toBe('active');
    expect(await apply(plan.digest)).toEqual([202, undefined]);
    expect(node?.availability).toBe('drain');
  });

  test.each([
    ['text/plain', '{}', 415],
    ['application/json', '{', 400],
    ['application/json', '[]', 400],
    ['application/json', `{"digest":"${'x'.repeat(70_000)}"}`, 413],
  ])('not with a body of %s %.20s', async (type, body, status) => {
    const { origin, cookie, token } = browser;
    const headers = { Cookie: cookie, 'X-Enxame-Token': token, Origin: origin, 'Content-Type': type };
    const answer = await fetch(`${origin}/api/v1/plans/drain/apply`, { method: 'POST', headers, body });
    expect(answer.status).toBe(status);
  });
});
