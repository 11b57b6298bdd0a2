import { afterEach, describe, expect, test } from 'vitest';
import type { FakeEngineOptions } from '../../../simulator/fake-engine.ts';
import { FakeManager, type ManagerAnswer } from '../../../test/fakes/fake-manager.ts';

const open: FakeManager[] = [];
const REDIS: FakeEngineOptions = { images: ['redis:latest'] };

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function over(...engines: FakeEngineOptions[]): Promise<FakeManager> {
  const manager = await FakeManager.start(engines);
  open.push(manager);
  return manager;
}

async function names(manager: FakeManager, query = 'all=1'): Promise<string[]> {
  const { json } = await manager.call('GET', `/containers/json?${query}`);
  return (json as { Names: string[] }[]).map(({ Names }) => Names[0] ?? '').sort();
}

describe('POST /containers/create', () => {
  test('spreads four redis over three equal nodes as 2+1+1', async () => {
    const manager = await over(REDIS, REDIS, REDIS);
    for (let i = 1; i <= 4; i++) await manager.create(`redis_${i}`);
    const counts = manager.manager.cluster.nodes.map((node) => node.containers.size).sort();
    expect(counts).toEqual([1, 1, 2]);
  });

  test('of 64 simultaneous creates of one name exactly one makes a container, the others get 409', async () => {
    const manager = await over(REDIS, REDIS, REDIS);
    const body = { Image: 'redis' };
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => manager.call('POST', '/containers/create?name=web', body)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(63);
    expect(await names(manager)).toEqual(['/web']);
  });

  test('what was created is listed at once, what was removed is not', async () => {
    const manager = await over(REDIS, REDIS);
    for (let i = 0; i < 10; i++) {
      const id = await manager.create(`c${i}`);
      expect(await names(manager)).toContain(`/c${i}`);
      await manager.call('POST', `/containers/${id}/start`);
      expect(await names(manager, '')).toContain(`/c${i}`);
      expect((await manager.call('DELETE', `/containers/${id}?force=1`)).status).toBe(204);
      expect(await names(manager)).not.toContain(`/c${i}`);
    }
  });

  test('a create that an engine fails at is tried on another node as often as swarm.createretry says', async () => {
    const sick = async (retries: number): Promise<ManagerAnswer> => {
      const manager = await over3(retries);
      for (const i of [0, 1]) manager.engine(i).lie('POST /containers/create', 500, { message: 'no space left' });
      return manager.call('POST', '/containers/create?name=web', { Image: 'redis' });
    };
    const over3 = async (retries: number): Promise<FakeManager> => {
      const manager = await FakeManager.start([REDIS, REDIS, REDIS], { clusterOpts: [`swarm.createretry=${retries}`] });
      open.push(manager);
      return manager;
    };
    expect((await sick(2)).status).toBe(201);
    const all = await over3(9);
    for (const i of [0, 1, 2]) all.engine(i).lie('POST /containers/create', 500, { message: `no space left on ${i}` });
    const refused = await all.call('POST', '/containers/create?name=web', { Image: 'redis' });
    expect([refused.status, refused.json.message]).toEqual([500, expect.stringMatching(/^no space left on \d$/)]);
  });

  test('a refused placement explains itself and holds nothing', async () => {
    const manager = await over(REDIS, REDIS);
    const { status, json } = await manager.call('POST', '/containers/create', {
      Image: 'redis',
      Env: ['constraint:storage==ssd'],
    });
    expect(status).toBe(500);
    expect(json.message).toMatch(/Unable to find a node that satisfies.*storage==ssd/s);
    expect(manager.manager.cluster.nodes.map((node) => node.containerCount)).toEqual([0, 0]);
  });

  test('expressions leave the environment and become labels; everything else arrives as it was sent', async () => {
    const manager = await over(REDIS);
    const body =
      '{"Image":"redis","Env":["A=1","affinity:image==redis"],"HostConfig":{"Memory":9007199254740993,"Brand":{"New":1}}}';
    expect((await manager.call('POST', '/containers/create?name=x', body)).status).not.toBe(201);
    const fitting = body.replace('9007199254740993', '1048576');
    expect((await manager.call('POST', '/containers/create?name=x', fitting)).status).toBe(201);
    const sent = manager.engine(0).requestsTo('POST /containers/create')[0];
    expect(sent?.query.get('name')).toBe('x');
    const { json } = await manager.call('GET', '/containers/x/json');
    expect(json.Config.Env).toEqual(['A=1']);
    expect(JSON.parse(json.Config.Labels['com.docker.swarm.affinities'])).toEqual(['image==redis']);
  });

  test.each([
    ['no image', '{}', 400, /no image/],
    ['an image nobody has', '{"Image":"nobody:1"}', 404, /^No such image: nobody:1$/],
    ['JSON that is not JSON', '{"Image":', 400, /not JSON/],
    ['a body that is no object', '[]', 400, /JSON object/],
    [
      'a bad constraint',
      '{"Image":"redis","Env":["constraint:storage=ssd"]}',
      400,
      /One of operator ==, != is expected/,
    ],
    [
      'two reschedule policies',
      '{"Image":"redis","Env":["reschedule:off","reschedule:on-node-failure"]}',
      400,
      /too many/,
    ],
  ])('refuses %s', async (_case, body, status, message) => {
    const manager = await over(REDIS);
    const answer = await manager.call('POST', '/containers/create', body);
    expect(answer.status).toBe(status);
    expect(answer.json.message).toMatch(message);
    expect((await manager.call('GET', '/_ping')).text).toBe('OK');
  });

  test('an engine that refuses connections is passed over', async () => {
    const manager = await over(REDIS, REDIS);
    await manager.engine(0).apply({ kind: 'refuse' });
    for (let i = 0; i < 4; i++) await manager.create(`c${i}`);
    expect(manager.engine(1).requestsTo('POST /containers/create')).toHaveLength(4);
  });

  test('a container without a name gets one from the manager', async () => {
    const manager = await over(REDIS, REDIS);
    await Promise.all([1, 2, 3].map(() => manager.call('POST', '/containers/create', { Image: 'redis' })));
    const given = await names(manager);
    expect(new Set(given).size).toBe(3);
    expect(given.filter((name) => !/^\/[a-z]+_[a-z]+\d*$/.test(name))).toEqual([]);
  });
});

describe('GET /containers/json', () => {
  test('names follow the client: node/name alone for older CLIs, the plain name first for all others', async () => {
    const manager = await over(REDIS);
    await manager.create('redis_1');
    const listedAs = async (agent: string): Promise<string[]> =>
      (await manager.call('GET', '/containers/json?all=1', undefined, { 'User-Agent': agent })).json[0].Names;
    expect(await listedAs('Docker-Client/28.5.2 (linux)')).toEqual(['/node-1/redis_1']);
    expect(await listedAs('Docker-Client/29.3.1 (linux)')).toEqual(['/node-1/redis_1']);
    expect(await listedAs('Docker-Client/29.4.0 (linux)')).toEqual(['/redis_1', '/node-1/redis_1']);
    expect(await listedAs('compose/v2.40.3')).toEqual(['/redis_1', '/node-1/redis_1']);
  });

  test('the swarm’s own containers are listed with all, and do not make a node look fuller', async () => {
    const agent = { name: 'swarm-agent', labels: { 'enxame.role': 'agent' } };
    const manager = await over(
      { ...REDIS, containers: [agent, { ...agent, name: 'swarm-agent-master' }] },
      REDIS,
      REDIS,
    );
    expect(await names(manager, '')).toEqual([]);
    expect(await names(manager)).toEqual(['/swarm-agent', '/swarm-agent-master']);
    for (const name of ['a', 'b', 'c']) await manager.create(name);
    expect(manager.manager.cluster.nodes.map((node) => node.containerCount)).toEqual([1, 1, 1]);
  });

  test('filters and limits over all nodes', async () => {
    const manager = await over(REDIS, REDIS);
    const ids: string[] = [];
    for (const name of ['web_1', 'web_2', 'worker_1'])
      ids.push(await manager.create(name, { Labels: { role: name.slice(0, -2) } }));
    await manager.call('POST', `/containers/${ids[0]}/start`);
    const filtered = (filters: unknown): Promise<string[]> =>
      names(manager, `all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`);
    expect(await filtered({ label: ['role=web'] })).toEqual(['/web_1', '/web_2']);
    expect(await filtered({ name: ['web_'] })).toEqual(['/web_1', '/web_2']);
    expect(await filtered({ name: ['worker'] })).toEqual(['/worker_1']);
    expect(await filtered({ name: ['^/web_1$'] })).toEqual(['/web_1']);
    const [first] = manager.manager.cluster.containersNamed('web_1');
    const node = first?.node.name;
    expect(await filtered({ name: [`${node}/web_1`] })).toEqual(['/web_1']);
    expect(await filtered({ name: [`^/${node}/web`] })).toContain('/web_1');
    expect(await filtered({ name: ['other/web_1'] })).toEqual([]);
    expect(await filtered({ name: ['(a+)+$|_2'] })).toEqual(['/web_2']);
    expect(await filtered({ status: { running: true } })).toEqual(['/web_1']);
    expect(await filtered({ id: [ids[2]?.slice(0, 12)] })).toEqual(['/worker_1']);
    expect(await filtered({ node: ['node-1'], label: ['role'] })).toHaveLength(
      manager.manager.cluster.node('node-1')?.containers.size ?? -1,
    );
    expect(await filtered({ ancestor: ['redis'] })).toHaveLength(3);
    expect(await names(manager, 'limit=2')).toHaveLength(2);
    const refused = await manager.call('GET', '/containers/json?filters={"nope":["1"]}');
    expect([refused.status, refused.json.message]).toEqual([400, expect.stringMatching(/^invalid filter 'nope'/)]);
  });

  test('containers of a lost node are "Host Down" and only listed with all', async () => {
    const manager = await over(REDIS, REDIS);
    for (const name of ['a', 'b']) await manager.call('POST', `/containers/${await manager.create(name)}/start`);
    expect(await names(manager, '')).toEqual(['/a', '/b']);
    await manager.engine(0).apply({ kind: 'refuse' });
    await expect.poll(() => names(manager, ''), { timeout: 120_000 }).toHaveLength(1);
    const { json } = await manager.call('GET', '/containers/json?all=1');
    expect((json as { Status: string }[]).map(({ Status }) => Status)).toContain('Host Down');
  });
});

describe('GET /containers/{id}/json', () => {
  test('is the engine’s answer with the node and its own address in ports', async () => {
    const manager = await over(REDIS);
    const id = await manager.create('web', {
      HostConfig: { PortBindings: { '6379/tcp': [{ HostPort: '7000' }] } },
      ExposedPorts: { '6379/tcp': {} },
    });
    await manager.call('POST', `/containers/${id}/start`);
    const { json } = await manager.call('GET', '/containers/node-1%2Fweb/json');
    expect(json.Node).toMatchObject({ Name: 'node-1', IP: '127.0.0.1', Addr: manager.engine(0).address });
    expect(json.Id).toBe(id);
  });

  test.each([['nope', 404, /^No such container: nope$/]])('refuses %s', async (reference, status, message) => {
    const manager = await over(REDIS);
    const answer = await manager.call('GET', `/containers/${reference}/json`);
    expect(answer.status).toBe(status);
    expect(answer.json.message).toMatch(message);
  });

  test('an ambiguous prefix is explained', async () => {
    const id = (end: string): string => `abcdef${end}`.padEnd(64, '0');
    const manager = await over({
      ...REDIS,
      containers: [
        { id: id('1'), name: 'one' },
        { id: id('2'), name: 'two' },
      ],
    });
    const { status, json } = await manager.call('GET', '/containers/abcdef/json');
    expect(status).toBe(400);
    expect(json.message).toMatch(/multiple containers match abcdef: .*Use a longer ID/);
    expect((await manager.call('GET', '/containers/abcdef1/json')).json.Id).toBe(id('1'));
  });

  test('a label made at an engine gives no identity', async () => {
    const labels = { 'com.docker.swarm.id': 'c'.repeat(64) };
    const own = 'd'.repeat(64);
    const manager = await over({ ...REDIS, containers: [{ id: own, name: 'copied', labels }] });
    const [listed] = (await manager.call('GET', '/containers/json?all=1')).json;
    expect([listed.Id, listed.Labels]).toEqual([own, labels]);
    expect((await manager.call('GET', '/containers/cccccccccccc/json')).status).toBe(404);
    expect((await manager.call('GET', '/containers/copied/json')).json.Id).toBe(own);
  });
});

describe('changes of a container', () => {
  test('rename needs a name that is free in the whole cluster', async () => {
    const manager = await over(REDIS, REDIS);
    await manager.create('a');
    await manager.create('b');
    const taken = await manager.call('POST', '/containers/a/rename?name=b');
    expect([taken.status, taken.json.message]).toEqual([409, expect.stringContaining('already in use')]);
    expect((await manager.call('POST', '/containers/a/rename?name=c')).status).toBe(204);
    expect(await names(manager)).toEqual(['/b', '/c']);
    expect((await manager.call('POST', '/containers/c/rename')).status).toBe(400);
  });

  test('a call to a node that hangs ends when the node is known to hang', async () => {
    const manager = await over(REDIS);
    await manager.call('POST', `/containers/${await manager.create('a')}/start`);
    await manager.engine(0).apply({ kind: 'hang' });
    const { status, json } = await manager.call('GET', '/containers/a/logs?stdout=1');
    expect([status, json.message]).toEqual([502, expect.stringContaining('was lost before it answered')]);
  });

  test('a container on a lost node is refused with the node and the reason', async () => {
    const manager = await over(REDIS);
    await manager.create('a');
    await manager.engine(0).apply({ kind: 'refuse' });
    await expect.poll(() => manager.manager.cluster.healthyNodes().length, { timeout: 120_000 }).toBe(0);
    const { status, json } = await manager.call('POST', '/containers/a/start');
    expect(status).toBe(503);
    expect(json.message).toMatch(/^container a is on node node-1, which is unhealthy: .*ECONNREFUSED/);
  });
});
