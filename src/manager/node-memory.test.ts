import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { systemClock } from '../common/clock.ts';
import { parseListenAddress } from '../common/listen-address.ts';
import { silentLogger } from '../common/logger.ts';
import { openDiscovery } from '../discovery/discovery.ts';
import { DEFAULT_TIMES } from '../monitor/times.ts';
import { schedulerOptions } from '../scheduler/scheduler.ts';
import { readClusterOptions } from './cluster-options.ts';
import { type Manager, startManager } from './manager.ts';

let folder: string;
let engines: FakeEngine[];
let running: Manager | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-memory-'));
  engines = await FakeEngine.startMany(3, { images: ['busybox:latest'] });
  await discover(0, 1);
});

afterEach(async () => {
  await running?.close();
  await Promise.all(engines.map((engine) => engine.close()));
  await rm(folder, { recursive: true, force: true });
});

function engine(index: number): FakeEngine {
  const found = engines[index];
  if (!found) throw new RangeError(`no engine ${index}`);
  return found;
}

/** Writes the file that discovery reads. */
function discover(...indexes: readonly number[]): Promise<void> {
  return writeFile(join(folder, 'nodes'), `# the nodes\n${indexes.map((i) => engine(i).address).join('\n')}\n`);
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what tests look into is said by their expectations.
  readonly json: any;
}

type Call = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** A manager in its next life, on the same folder. */
async function next(state = join(folder, 'state')): Promise<Call> {
  await running?.close();
  const discovery = `file://${join(folder, 'nodes')}`;
  const settings = { heartbeatMs: 100, clock: systemClock, options: new Map(), env: {} };
  running = await startManager({
    backend: await openDiscovery(discovery, settings),
    discovery,
    listeners: [parseListenAddress('tcp://127.0.0.1:0')],
    serverTls: undefined,
    engineTls: undefined,
    scheduler: schedulerOptions(),
    times: {
      ...DEFAULT_TIMES,
      probeIntervalMs: 200,
      probeTimeoutMs: 500,
      failureRetry: 2,
      refreshMinMs: 1_000,
      refreshMaxMs: 1_000,
    },
    clusterOptions: readClusterOptions(['enxame.substrate=off'], false),
    stateFolder: state,
    logger: silentLogger(),
    clock: systemClock,
  });
  const [address] = running.addresses;
  const url = `http://127.0.0.1:${address?.kind === 'tcp' ? address.port : 0}`;
  return async (method, path, body) => {
    const headers = { 'Content-Type': 'application/json' };
    const init = body === undefined ? {} : { body: JSON.stringify(body), headers };
    const response = await fetch(url + path, { method, ...init });
    const text = await response.text();
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
  };
}

/** Puts `db` with the volume `data` on one of the nodes; answers which. */
async function deploy(call: Call): Promise<number> {
  await call('POST', '/volumes/create', { Name: 'data', Labels: { app: 'db' } });
  const made = await call('POST', '/containers/create?name=db', {
    Image: 'busybox',
    Labels: { 'com.docker.compose.project': 'shop' },
    HostConfig: { Binds: ['data:/data'] },
  });
  expect(made.status).toBe(201);
  const { json } = await call('GET', '/containers/db/json');
  return engines.findIndex(({ address }) => json.Node.Addr === address);
}

const again = { Image: 'busybox', HostConfig: { Binds: ['data:/data'] } };

describe('a manager that starts while a node is down', () => {
  test('knows it, its containers and its volumes, and makes no second database', async () => {
    const first = await next();
    const home = await deploy(first);
    const { json: before } = await first('GET', '/containers/db/json');
    await running?.close();
    await engine(home).apply({ kind: 'refuse' });
    const call = await next();
    const { json: listed } = await call('GET', '/containers/json?all=1');
    expect(listed).toMatchObject([
      { Id: before.Id, Status: 'Host Down', Image: 'busybox', Labels: { 'com.docker.compose.project': 'shop' } },
    ]);
    const { json: info } = await call('GET', '/info');
    const name = `node-${home + 1}`;
    expect(info.Warnings.join()).toContain(`node ${name} (${engine(home).address}) is unhealthy`);
    expect(await call('POST', '/containers/create?name=db', { Image: 'busybox' })).toMatchObject({ status: 409 });
    expect(await call('GET', `/containers/${before.Id.slice(0, 12)}/json`)).toMatchObject({ status: 503 });
    const filters = encodeURIComponent(JSON.stringify({ label: ['com.docker.compose.project=shop'] }));
    expect((await call('GET', `/containers/json?all=1&filters=${filters}`)).json).toHaveLength(1);
    expect((await call('GET', '/volumes/data')).json).toMatchObject({ Name: 'data', Labels: { app: 'db' } });
    expect((await call('POST', '/volumes/create', { Name: 'data' })).status).toBe(201);
    const refused = await call('POST', '/containers/create?name=db2', again);
    expect(refused.status).toBe(500);
    expect(refused.json.message).toMatch(
      new RegExp(
        `^volume data lives on node ${name}, which is unhealthy: .*\\. Bring the node back, or give the volume up with docker volume rm -f data$`,
      ),
    );
    expect(await call('DELETE', '/volumes/data')).toMatchObject({ status: 503 });
    await engine(home).apply({ kind: 'none' });
    await vi.waitFor(async () => {
      expect((await call('GET', '/containers/json?all=1')).json[0].Status).not.toBe('Host Down');
    }, 180_000);
    expect((await call('GET', '/containers/json?all=1')).json).toHaveLength(1);
    expect((await call('POST', '/containers/create?name=db2', again)).status).toBe(201);
    expect((await call('GET', '/containers/db2/json')).json.Node.Addr).toBe(engine(home).address);
  });

  test('waits for those that answer before it lists', async () => {
    const home = await deploy(await next());
    const call = await next();
    const { json } = await call('GET', '/containers/json?all=1');
    expect(json).toMatchObject([{ Names: ['/db', `/node-${home + 1}/db`] }]);
    expect(json[0].Status).not.toBe('Host Down');
  });

  test('gives a volume up by force; the copy that was let go is not taken for the new one', async () => {
    const home = await deploy(await next());
    await running?.close();
    await engine(home).apply({ kind: 'refuse' });
    const call = await next();
    expect((await call('DELETE', '/volumes/data?force=1')).status).toBe(204);
    expect((await call('GET', '/volumes')).json.Volumes).toEqual([]);
    expect((await call('POST', '/volumes/create', { Name: 'data' })).status).toBe(201);
    expect((await call('POST', '/containers/create?name=db2', again)).status).toBe(201);
    const { json } = await call('GET', '/containers/db2/json');
    expect(json.Node.Addr).not.toBe(engine(home).address);
    await engine(home).apply({ kind: 'none' });
    const later = await next();
    await vi.waitFor(async () => expect((await later('GET', '/volumes')).json.Warnings).not.toBeNull(), 120_000);
    expect((await later('POST', '/containers/create?name=db3', again)).status).toBe(201);
    expect((await later('GET', '/containers/db3/json')).json.Node.Addr).toBe(json.Node.Addr);
  });

  test('uses the nodes it knew while discovery does not answer', async () => {
    await deploy(await next());
    await rm(join(folder, 'nodes'));
    const call = await next();
    expect((await call('GET', '/containers/json?all=1')).json).toHaveLength(1);
    expect((await call('GET', '/info')).json.Warnings.join()).toContain('discovery');
  });
});

describe('a node that leaves discovery', () => {
  test.each(['while the manager runs', 'while no manager runs'])(
    '%s is said, and its volumes keep their home',
    async (when) => {
      let call = await next();
      const home = await deploy(call);
      if (when === 'while no manager runs') await running?.close();
      await discover(...[0, 1, 2].filter((index) => index !== home));
      if (when === 'while no manager runs') call = await next();
      const gone = `node node-${home + 1} (${engine(home).address}) is gone with 1 container and 1 volume on it: it left discovery`;
      const warnings = async (): Promise<string> => (await call('GET', '/info')).json.Warnings.join('\n');
      await vi.waitFor(async () => expect(await warnings()).toContain(gone), 120_000);
      for (const life of ['this', 'the next']) {
        if (life === 'the next') call = await next();
        expect(await warnings()).toContain(gone);
        expect((await call('GET', '/volumes')).json.Volumes).toMatchObject([{ Name: 'data' }]);
        const refused = await call('POST', '/containers/create?name=db2', again);
        expect(refused.json.message).toContain(
          `volume data lives on node node-${home + 1}, which is gone: it left discovery.`,
        );
      }
      expect((await call('DELETE', '/nodes/nobody')).status).toBe(404);
      expect((await call('DELETE', `/nodes/node-${home === 0 ? 2 : 1}`)).status).toBe(409);
      expect((await call('DELETE', `/nodes/node-${home + 1}`)).status).toBe(200);
      expect(await warnings()).not.toContain('is gone');
      expect((await call('POST', '/containers/create?name=db2', again)).status).toBe(201);
    },
  );

  test('comes back with what it had', async () => {
    let call = await next();
    const home = await deploy(call);
    await discover(1 - home, 2);
    call = await next();
    expect((await call('DELETE', '/volumes/data')).status).toBe(503);
    await discover(0, 1, 2);
    await vi.waitFor(async () => expect((await call('GET', '/containers/json?all=1')).json).toHaveLength(1), 120_000);
    expect((await call('GET', '/info')).json.Warnings).toEqual([]);
    expect((await call('POST', '/containers/create?name=db2', again)).status).toBe(201);
    expect((await call('GET', '/containers/db2/json')).json.Node.Addr).toBe(engine(home).address);
  });

  test('with nothing on it is forgotten', async () => {
    await next();
    await discover(0);
    const call = await next();
    expect((await call('GET', '/info')).json.Warnings).toEqual([]);
  });
});

/** `docker node update`: reads the node, changes what it says, and sends it back. */
async function update(call: Call, name: string, spec: object): Promise<Answer> {
  const { json } = await call('GET', `/nodes/${name}`);
  return await call('POST', `/nodes/${json.ID}/update?version=${json.Version.Index}`, { ...json.Spec, ...spec });
}

describe('what is said of a node', () => {
  const on = (constraint: string, name: string): [string, string, unknown] => [
    'POST',
    `/containers/create?name=${name}`,
    { Image: 'busybox', Env: [`constraint:${constraint}`] },
  ];

  test('counts at once, and over restarts, also while the node is down', async () => {
    let call = await next();
    expect((await update(call, 'node-2', { Labels: { rack: 'r7', storage: 'tape' } })).status).toBe(200);
    expect((await call(...on('rack==r7', 'web'))).status).toBe(201);
    expect((await call('GET', '/containers/web/json')).json.Node).toMatchObject({
      Name: 'node-2',
      Labels: { rack: 'r7', storage: 'tape' },
    });
    expect((await update(call, 'node-2', { Availability: 'pause' })).status).toBe(200);
    await running?.close();
    await engine(1).apply({ kind: 'refuse' });
    call = await next();
    const { json: nodes } = await call('GET', '/nodes');
    expect(nodes).toMatchObject([
      { Description: { Hostname: 'node-1' }, Status: { State: 'ready' }, Spec: { Availability: 'active', Labels: {} } },
      {
        Description: { Hostname: 'node-2' },
        Status: { State: 'down', Message: expect.any(String) },
        Spec: { Availability: 'pause', Labels: { rack: 'r7', storage: 'tape' }, Role: 'worker' },
      },
    ]);
    expect(Date.parse(nodes[1].CreatedAt)).toBeGreaterThan(0);
    // It is down, and can be told all the same.
    expect((await update(call, 'node-2', { Labels: { rack: 'r8' } })).status).toBe(200);
    await engine(1).apply({ kind: 'none' });
    await vi.waitFor(async () => expect((await call('GET', '/nodes/node-2')).json.Status.State).toBe('ready'), 120_000);
    const refused = await call(...on('rack==r8', 'web2'));
    expect([refused.status, refused.json.message]).toEqual([
      500,
      expect.stringContaining('paused (1 of 2 nodes: node-2)'),
    ]);
    expect((await call('POST', '/containers/web/start')).status).toBe(204);
    expect((await update(call, 'node-2', { Availability: 'active' })).status).toBe(200);
    expect((await call(...on('rack==r8', 'web2'))).status).toBe(201);
    const filters = encodeURIComponent(JSON.stringify({ node: ['node-2'] }));
    const { json: tasks } = await call('GET', `/tasks?filters=${filters}`);
    expect(tasks.map((task: { ServiceID: string }) => task.ServiceID).sort()).toEqual(['web', 'web2']);
  });

  test('is not overwritten by what somebody else read before', async () => {
    const call = await next();
    const { json } = await call('GET', '/nodes/node-1');
    const path = `/nodes/${json.ID}/update?version=${json.Version.Index}`;
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((zone) => call('POST', path, { ...json.Spec, Labels: { zone } })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 500, 500]);
    for (const { status, json: said } of answers)
      if (status === 500) expect(said.message).toContain('update out of sequence');
    expect(Object.keys((await call('GET', '/nodes/node-1')).json.Spec.Labels)).toEqual(['zone']);
  });

  test.each([
    { spec: { Role: 'manager' }, status: 501, said: /node node-1 cannot be promoted/ },
    { spec: { Availability: undefined }, status: 400, said: /invalid availability ""/ },
    { spec: { Availability: 'asleep' }, status: 400, said: /invalid availability "asleep"/ },
    { spec: { Labels: { 'a b': '' } }, status: 400, said: /"a b" is no key of a label/ },
    { spec: { Labels: { '': 'x' } }, status: 400, said: /is no key of a label/ },
    { spec: { Labels: { a: '\u001b[31m' } }, status: 400, said: /value of label a/ },
    { spec: { Labels: { a: 1 } }, status: 400, said: /value of label a/ },
    { spec: { Labels: ['a'] }, status: 400, said: /must be a JSON object/ },
    { spec: { Name: 'other' }, status: 400, said: /cannot be called other/ },
  ])('refuses $spec', async ({ spec, status, said }) => {
    const call = await next();
    const answer = await update(call, 'node-1', spec);
    expect([answer.status, answer.json.message]).toEqual([status, expect.stringMatching(said)]);
    expect((await call('GET', '/nodes/node-1')).json.Spec).toEqual({
      Labels: {},
      Role: 'worker',
      Availability: 'active',
    });
  });

  test('goes with the node when it is removed', async () => {
    let call = await next();
    await update(call, 'node-2', { Labels: { rack: 'r7' } });
    expect((await call('DELETE', '/nodes/node-2?force=1')).json.message).toContain('out of discovery');
    await discover(0);
    call = await next();
    expect((await call('GET', '/nodes')).json).toMatchObject([
      { Description: { Hostname: 'node-1' } },
      { Description: { Hostname: 'node-2' }, Status: { State: 'disconnected' }, Spec: { Labels: { rack: 'r7' } } },
    ]);
    expect((await call('DELETE', '/nodes/node-2')).status).toBe(200);
    expect((await call('GET', '/nodes')).json).toHaveLength(1);
    await discover(0, 1);
    call = await next();
    expect((await call('GET', '/nodes/node-2')).json.Spec.Labels).toEqual({});
  });
});

describe('a container on a node that is in the cluster no more', () => {
  const forever = { Image: 'busybox', HostConfig: { RestartPolicy: { Name: 'always' } } };

  async function runs(call: Call): Promise<number> {
    expect((await call('POST', '/containers/create?name=web', forever)).status).toBe(201);
    expect((await call('POST', '/containers/web/start')).status).toBe(204);
    const { json } = await call('GET', '/containers/web/json');
    return engines.findIndex(({ address }) => json.Node.Addr === address);
  }

  /** The engines on which it runs. */
  function runsOn(meant: string): readonly number[] {
    const isIt = ({ name, state }: { readonly name: string; readonly state: string }): boolean =>
      name === meant && state === 'running';
    return engines.flatMap(({ state }, index) => ([...state.containers.values()].some(isIt) ? index : []));
  }

  test('runs elsewhere when another engine took the place of its own', async () => {
    const call = await next();
    const at = await runs(call);
    const { address } = engine(at);
    await engine(at).close();
    engines[at] = await FakeEngine.start({
      name: 'reborn',
      port: Number(address.split(':')[1]),
      images: ['busybox:latest'],
    });
    await vi.waitFor(async () => {
      expect(runsOn('web')).not.toEqual([]);
      const { json } = await call('GET', '/containers/web/json');
      expect(json.State?.Status).toBe('running');
    }, 180_000);
  }, 180_000);

  test('stays when its node left while it was well, until the node is forgotten', async () => {
    const call = await next();
    const at = await runs(call);
    const other = 1 - at;
    const there = { ...forever, Labels: { 'com.docker.swarm.constraints': `["node!=node-${at + 1}"]` } };
    expect((await call('POST', '/containers/create?name=other', there)).status).toBe(201);
    expect((await call('POST', '/containers/other/start')).status).toBe(204);
    await discover(other, 2);
    await vi.waitFor(async () => {
      const { json } = await call('GET', '/info');
      expect(json.Warnings.join()).toMatch(/is gone with 1 container on it/);
      expect((await call('GET', '/nodes/node-3')).json.Status.State).toBe('ready');
    }, 180_000);
    // By the time a node that is lost later has been dealt with, this one would have been.
    await engine(other).apply({ kind: 'refuse' });
    await vi.waitFor(() => expect(runsOn('other')).toContain(2), 120_000);
    expect(runsOn('web')).toEqual([at]);
    expect((await call('DELETE', `/nodes/${engine(at).state.profile.id}`)).status).toBe(200);
    await vi.waitFor(() => expect(runsOn('web')).toEqual([at, 2].sort()), 120_000);
  }, 180_000);
});
