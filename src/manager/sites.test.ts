import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { freePorts } from '../../test/free-ports.ts';
import { systemClock } from '../common/clock.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import { parseListenAddress } from '../common/listen-address.ts';
import { silentLogger } from '../common/logger.ts';
import { openDiscovery } from '../discovery/discovery.ts';
import { refusalsOfVolumes } from '../lifecycle/moving-mounts.ts';
import { DEFAULT_TIMES } from '../monitor/times.ts';
import { schedulerOptions } from '../scheduler/scheduler.ts';
import { readClusterOptions } from './cluster-options.ts';
import { type Manager, startManager } from './manager.ts';

/** A manager with its folder, its list of nodes and its address, over several lives. */
class Managed {
  readonly folder: string;
  readonly name: string;
  readonly port: number;
  readonly isLasting: boolean;
  manager!: Manager;

  constructor(folder: string, name: string, port: number, isLasting: boolean) {
    this.folder = folder;
    this.name = name;
    this.port = port;
    this.isLasting = isLasting;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async discover(...addresses: readonly string[]): Promise<void> {
    await writeFile(join(this.folder, `${this.name}.nodes`), `# the nodes\n${addresses.join('\n')}\n`);
  }

  async start(): Promise<void> {
    const discovery = `file://${join(this.folder, `${this.name}.nodes`)}`;
    const settings = { heartbeatMs: 100, clock: systemClock, options: new Map(), env: {} };
    this.manager = await startManager({
      backend: await openDiscovery(discovery, settings),
      discovery,
      cluster: this.name,
      listeners: [parseListenAddress(`tcp://${this.address}`)],
      serverTls: undefined,
      engineTls: undefined,
      scheduler: schedulerOptions(),
      times: {
        ...DEFAULT_TIMES,
        probeIntervalMs: 200,
        probeTimeoutMs: 2_000,
        failureRetry: 2,
        refreshMinMs: 300,
        refreshMaxMs: 400,
        retryMinMs: 50,
        retryMaxMs: 200,
        lostRetryMaxMs: 200,
      },
      clusterOptions: readClusterOptions(['enxame.substrate=eager'], false),
      stateFolder: this.isLasting ? join(this.folder, `${this.name}.state`) : undefined,
      logger: silentLogger(),
      clock: systemClock,
    });
  }

  async call(method: string, path: string, body?: unknown) {
    const response = await fetch(`http://${this.address}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    // biome-ignore lint/suspicious/noExplicitAny: what tests look into is said by their expectations.
    return { status: response.status, text, json: (/^[[{]/.test(text) ? JSON.parse(text) : undefined) as any };
  }

  async create(name: string, body: Record<string, unknown> = {}): Promise<string> {
    const { status, json, text } = await this.call('POST', `/containers/create?name=${name}`, {
      Image: 'app:1',
      ...body,
    });
    if (status !== 201) throw new Error(`${status} ${text}`);
    const started = await this.call('POST', `/containers/${json.Id}/start`);
    if (started.status !== 204) throw new Error(started.text);
    return json.Id;
  }
}

let folder: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-sites-'));
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

async function engine(name: string): Promise<FakeEngine> {
  const started = await FakeEngine.start({ name, images: ['app:1'] });
  closing.push(() => started.close());
  return started;
}

async function managed(name: string, nodes: readonly string[], { isLasting = true } = {}): Promise<Managed> {
  const [port = 0] = await freePorts(1);
  const made = new Managed(folder, name, port, isLasting);
  await made.discover(...nodes);
  await made.start();
  closing.push(() => made.manager.close());
  return made;
}

async function settled({ manager }: Managed, nodes: number): Promise<void> {
  await vi.waitFor(() => {
    for (const node of manager.cluster.nodes) if (!node.isHealthy) throw new Error(`${node.entry}: ${node.reason}`);
    if (manager.cluster.nodes.length !== nodes) throw new Error('not all nodes are there');
  }, 150_000);
}

/** A hive of two engines as the only node of another cluster, or beside an engine of it. */
async function world({ besides = [] as readonly string[] } = {}) {
  const bees = [await engine('bee-1'), await engine('bee-2')] as const;
  const hive = await managed(
    'hive',
    bees.map(({ address }) => address),
  );
  await settled(hive, 2);
  const top = await managed('top', [hive.address, ...besides]);
  await settled(top, 1 + besides.length);
  return { bees, hive, top };
}

test('a manager becomes a node under its cluster’s name, with what all its nodes have', async () => {
  const { hive, top } = await world();
  const [node] = top.manager.cluster.nodes;
  const { json: inner } = await hive.call('GET', '/info');
  expect(node).toMatchObject({ name: 'hive', id: inner.ID, isSite: true, totalMemoryBytes: inner.MemTotal });
  const { json } = await top.call('GET', '/info');
  expect(json.SystemStatus).toContainEqual(['  └ Site', `cluster ${inner.ID}, 2 nodes`]);
  expect(json.Enxame).toMatchObject({ Name: 'top', IsLasting: true, Nodes: 1, Sites: [inner.ID] });
});

test('no engine of a site is asked for its swarm mode by the outer manager, and none joins', async () => {
  const { bees, hive, top } = await world();
  // By the inner manager, which may try again on a busy machine.
  const inits = (): number => bees.flatMap((bee) => bee.requestsTo('POST /swarm/init')).length;
  await vi.waitFor(() => expect(inits()).toBeGreaterThan(0), 150_000);
  expect((await hive.call('GET', '/info')).json.Swarm.LocalNodeState).toBe('inactive');
  const refused = await top.call('POST', '/networks/create', { Name: 'net' });
  expect(refused).toMatchObject({ status: 409, json: { message: expect.stringContaining('all of them are sites') } });
  expect((await hive.call('GET', '/info')).json.Swarm.LocalNodeState).toBe('inactive');
});

describe('a container at a site', () => {
  test('has one ID at both managers, and names that tell its site, and the node there', async () => {
    const { hive, top } = await world();
    const id = await top.create('web', { Env: ['constraint:node==hive'], Labels: { own: 'x' } });
    const { json: outer } = await top.call('GET', '/containers/json');
    const { json: inner } = await hive.call('GET', '/containers/json');
    expect(outer).toMatchObject([{ Id: id, Names: ['/web', '/hive/web'], Labels: { own: 'x' } }]);
    expect(outer[0].Labels).toEqual({ own: 'x' });
    expect(inner[0].Id).toBe(id);
    const bee = inner[0].Names[1].split('/')[1];
    for (const reference of [id, id.slice(0, 12), 'web', 'hive/web', `hive/${bee}/web`])
      expect((await top.call('GET', `/containers/${encodeURIComponent(reference)}/json`)).json?.Id).toBe(id);
    const other = bee === 'bee-1' ? 'bee-2' : 'bee-1';
    expect((await top.call('GET', `/containers/${encodeURIComponent(`hive/${other}/web`)}/json`)).status).toBe(404);
  });

  test('shows what its client asked for, and no mark of either manager', async () => {
    const { hive, top } = await world();
    const id = await top.create('web');
    const { json, text } = await top.call('GET', `/containers/${id}/json`);
    expect(json.Node.Name).toBe('hive');
    expect(text.match(/"Node":/g)).toHaveLength(1);
    expect(text).not.toContain(ATTEMPT_LABEL);
    // Whoever looks at the site sees whose it is.
    const { json: inner } = await hive.call('GET', `/containers/${id}/json`);
    const marks = Object.keys(inner.Config.Labels).filter((label) => label.startsWith(ATTEMPT_LABEL));
    expect(marks).toEqual([`${ATTEMPT_LABEL}.${(await top.call('GET', '/info')).json.ID}`]);
  });

  test('may have a host port that another one of the site has on another node', async () => {
    const { top } = await world();
    const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } };
    await top.create('a', { HostConfig });
    await top.create('b', { HostConfig });
    const third = await top.call('POST', '/containers/create?name=c', { Image: 'app:1', HostConfig });
    expect(third.status).toBeGreaterThanOrEqual(400);
    expect(third.json.message).toContain('8080');
  });

  test('may be on a network of the site, which brings it there', async () => {
    const bee = await engine('alone');
    const { bees, hive, top } = await world({ besides: [bee.address] });
    bees[0].state.addNetwork('own', 'bridge');
    await vi.waitFor(async () => {
      const { json } = await top.call('GET', '/networks/own');
      expect(json.Name).toBe('own');
    }, 150_000);
    const id = await top.create('web', { HostConfig: { NetworkMode: 'own' } });
    expect(top.manager.cluster.container(id).node.name).toBe('hive');
    expect((await hive.call('GET', `/containers/${id}/json`)).json.HostConfig.NetworkMode).toBe('own');
  });

  test('is recorded, and its removal at the site ends the record', async () => {
    const { hive, top } = await world();
    const id = await top.create('web');
    expect((await hive.call('DELETE', `/containers/${id}?force=1`)).status).toBe(204);
    await vi.waitFor(async () => expect((await top.call('GET', '/containers/json?all=1')).json).toEqual([]), 150_000);
    await vi.waitFor(async () => {
      const made = await top.call('POST', '/containers/create?name=web', { Image: 'app:1' });
      expect(made.status).toBe(201);
    }, 150_000);
  });
});

describe('a site is refused', () => {
  test('by itself', async () => {
    const self = await managed('self', []);
    await self.discover(self.address);
    await reason(self, self.address, 'of this very cluster');
  });

  test('when it keeps no state', async () => {
    const bee = await engine('bee');
    const fleeting = await managed('fleeting', [bee.address], { isLasting: false });
    const top = await managed('top', [fleeting.address]);
    await reason(top, fleeting.address, 'keeps no state');
  });

  test('when it has the cluster as a node, and stays refused while the other one is there', async () => {
    const [one, two] = [await engine('one'), await engine('two')];
    const a = await managed('a', [one.address]);
    const b = await managed('b', [two.address, a.address]);
    await settled(b, 2);
    await a.discover(one.address, b.address);
    await reason(a, b.address, 'a loop');
    expect(b.manager.cluster.nodes.map(({ state }) => state)).toEqual(['Healthy', 'Healthy']);
    // And no more, once the loop is not there.
    await b.discover(two.address);
    await settled(a, 2);
  });

  test('on a circle of three, at one place or more and never nowhere', async () => {
    const bees = await Promise.all(['one', 'two', 'three'].map(engine));
    const own = bees.map(({ address }) => address) as [string, string, string];
    const [a, b, c] = [await managed('a', [own[0]]), await managed('b', [own[1]]), await managed('c', [own[2]])];
    await Promise.all([a.discover(own[0], b.address), b.discover(own[1], c.address), c.discover(own[2], a.address)]);
    const all = [a, b, c];
    await vi.waitFor(() => {
      const refused = all.filter((each) => each.manager.cluster.nodes.some((node) => node.reason.includes('loop')));
      expect(refused.length).toBeGreaterThan(0);
    }, 150_000);
  });

  async function reason(at: Managed, entry: string, text: string): Promise<void> {
    await vi.waitFor(() => {
      const node = at.manager.cluster.nodes.find((each) => each.entry === entry);
      expect(node?.isHealthy).toBe(false);
      expect(node?.reason).toContain(text);
    }, 150_000);
  }
});

describe('what ends at a site', () => {
  test('is refused in one line: strict containers, its nodes, and moves of volumes', async () => {
    const bee = await engine('alone');
    const { top } = await world({ besides: [bee.address] });
    const strict = await top.call('POST', '/containers/create', {
      Image: 'app:1',
      Env: ['constraint:node==hive'],
      Labels: { 'io.enxame.fence': 'strict' },
    });
    expect(strict.status).toBe(409);
    const inner = await top.call('GET', `/nodes/${encodeURIComponent('hive/bee-1')}`);
    expect(inner.json.message).toContain('bee-1 is a node of site hive');
    const { nodes } = top.manager.cluster;
    const moves = { refusalOf: () => undefined };
    const refused = refusalsOfVolumes({ volumes: { moves } } as never, [{ volume: 'data' }], nodes);
    expect([...refused]).toEqual([[top.manager.cluster.node('hive')?.id, expect.stringContaining('a site')]]);
  });
});

test('the failover of a site changes nothing for the cluster above: same ID, one copy, and it runs', async () => {
  const spare = await engine('alone');
  const { bees, hive, top } = await world({ besides: [spare.address] });
  const id = await top.create('web', {
    Env: ['constraint:node==hive'],
    HostConfig: { RestartPolicy: { Name: 'always' } },
  });
  const from = hive.manager.cluster.container(id).node;
  const dead = bees.find(({ state }) => state.profile.name === from.name);
  await dead?.close();
  await vi.waitFor(() => {
    const now = hive.manager.cluster.container(id);
    expect(now.node.name).not.toBe(from.name);
    expect(now.state).toBe('running');
  }, 150_000);
  await vi.waitFor(() => {
    const now = top.manager.cluster.container(id);
    expect(now).toMatchObject({ state: 'running', node: { name: 'hive', isHealthy: true } });
    expect(now.siteNode).not.toBe(from.name);
  }, 150_000);
  expect(spare.state.containers.size).toBe(0);
  expect((await top.call('GET', '/containers/json?all=1')).json).toHaveLength(1);
});

test('a site without a healthy node is lost like any node, and what it had may move', async () => {
  const spare = await engine('alone');
  const { bees, top } = await world({ besides: [spare.address] });
  await top.create('filler', { Env: ['constraint:node==alone'] });
  const id = await top.create('web', { HostConfig: { RestartPolicy: { Name: 'always' } } });
  expect(top.manager.cluster.container(id).node.name).toBe('hive');
  await Promise.all(bees.map((bee) => bee.close()));
  await vi.waitFor(() => {
    const site = top.manager.cluster.nodes.find(({ isSite }) => isSite);
    expect(site?.reason).toContain('none of the 2 nodes of site hive is healthy');
    expect(top.manager.cluster.container(id).node.name).toBe('alone');
  }, 150_000);
});

test('a site whose manager starts anew is the same node, and nothing of it is taken for gone', async () => {
  const { bees, hive, top } = await world();
  const ids = [await top.create('a'), await top.create('b')];
  await hive.manager.close();
  await vi.waitFor(() => expect(top.manager.cluster.nodes[0]?.isHealthy).toBe(false), 150_000);
  // One of its nodes is away at the start: the site shows what was there.
  await bees[1].close();
  await hive.start();
  await settled(top, 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { json } = await top.call('GET', '/containers/json?all=1');
  expect(json.map(({ Id }: { Id: string }) => Id).sort()).toEqual([...ids].sort());
  expect(top.manager.cluster.nodes).toHaveLength(1);
});
