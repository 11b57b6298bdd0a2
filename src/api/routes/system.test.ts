import { afterEach, describe, expect, test } from 'vitest';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';

const open: FakeManager[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function over(count: number): Promise<FakeManager> {
  const manager = await FakeManager.start(Array.from({ length: count }, () => ({ images: ['redis:latest'] })));
  open.push(manager);
  return manager;
}

describe('GET /info', () => {
  test('sums up the nodes and shows the tree as classic swarm did', async () => {
    const manager = await over(2);
    await manager.create('a', { HostConfig: { Memory: 1 << 30, NanoCpus: 5e8 } });
    const { json } = await manager.call('GET', '/info');
    expect(json).toMatchObject({
      Containers: 1,
      ContainersStopped: 1,
      Images: 1,
      Swarm: { LocalNodeState: 'inactive' },
      Warnings: [],
    });
    const rows = json.SystemStatus as [string, string][];
    expect(rows.slice(0, 5).map(([key]) => key)).toEqual(['Role', 'Strategy', 'Filters', 'Spread by', 'Nodes']);
    expect(rows.filter(([key]) => key === ' node-1' || key === ' node-2')).toHaveLength(2);
    expect(rows.filter(([, value]) => value === 'Healthy')).toHaveLength(2);
    const reserved = rows.filter(([key]) => key === '  └ Reserved Memory').map(([, value]) => value.split(' / ')[0]);
    expect(reserved.sort()).toEqual(['0 B', '1 GiB']);
    expect(rows.map(([, value]) => value)).toContainEqual(expect.stringMatching(/^0\.5 \/ \d+$/));
  });

  test('containers that have one name are a warning, until one is renamed', async () => {
    const manager = await over(2);
    // The swarm's own are not meant: an agent has the same name on every node.
    for (const i of [0, 1]) manager.engine(i).run({ name: 'swarm-agent', labels: { 'enxame.role': 'agent' } });
    await expect.poll(async () => (await manager.call('GET', '/info')).json.Containers, { timeout: 120_000 }).toBe(2);
    await manager.create('web');
    const other = manager.manager.cluster.nodes.findIndex((node) => node.containers.size === 1);
    manager.engine(other).run({ name: 'web' });
    const warnings = async (): Promise<string[]> => (await manager.call('GET', '/info')).json.Warnings;
    await expect
      .poll(warnings, { timeout: 120_000 })
      .toEqual([expect.stringMatching(/^WARNING: containers node-\d\/web, node-\d\/web have one name: rename or/)]);
    const name = manager.manager.cluster.nodes[other]?.name;
    expect((await manager.call('POST', `/containers/${name}/web/rename?name=api`)).status).toBe(204);
    expect(await warnings()).toEqual([]);
  });

  test('a lost node is shown with the reason, and as a warning', async () => {
    const manager = await over(2);
    await manager.engine(1).apply({ kind: 'refuse' });
    await expect.poll(() => manager.manager.cluster.healthyNodes().length, { timeout: 120_000 }).toBe(1);
    const { json } = await manager.call('GET', '/info');
    expect(json.Warnings).toEqual([expect.stringMatching(/^WARNING: node node-2 .* is unhealthy: .*ECONNREFUSED/)]);
    expect(json.SystemStatus).toContainEqual(['  └ Error', expect.stringContaining('ECONNREFUSED')]);
  });
});

describe('versions', () => {
  test('any client from 1.24 on is served, older ones are told', async () => {
    const manager = await over(1);
    for (const version of ['1.24', '1.41', '1.51', '1.99']) {
      expect((await manager.call('GET', `/v${version}/containers/json`)).status).toBe(200);
    }
    const { status, json } = await manager.call('GET', '/v1.12/info');
    expect([status, json.message]).toEqual([400, expect.stringContaining('1.12 is too old')]);
  });

  test('the endpoint names itself, its range and the engines', async () => {
    const manager = await over(2);
    const { json } = await manager.call('GET', '/version');
    expect(json).toMatchObject({ MinAPIVersion: '1.24', Platform: { Name: 'Enxame' } });
    expect(json.Components.map(({ Name }: { Name: string }) => Name)).toEqual(['Enxame', 'Docker Engine']);
    expect(json.Components[1].Details.Nodes).toBe('2');
  });

  test('Compose 1 is offered a version in which images still have what it needs', async () => {
    const manager = await over(1);
    const offered = async (agent: string): Promise<string> => {
      const response = await fetch(`${manager.url}/version`, { headers: { 'User-Agent': agent } });
      return ((await response.json()) as { ApiVersion: string }).ApiVersion;
    };
    expect(await offered('docker-compose/1.29.2 docker-py/5.0.3 Linux/6.1')).toBe('1.44');
    expect(await offered('compose/2.40.3')).toBe('1.51');
  });

  test('a ping says what clients look for', async () => {
    const manager = await over(1);
    const response = await fetch(`${manager.url}/_ping`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('api-version')).toMatch(/^1\.\d+$/);
    expect([response.headers.get('ostype'), response.headers.get('swarm')]).toEqual(['linux', 'inactive']);
  });
});
