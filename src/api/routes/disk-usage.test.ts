import { afterEach, describe, expect, test } from 'vitest';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';

const open: FakeManager[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function two(): Promise<FakeManager> {
  const manager = await FakeManager.start([
    { images: ['redis:latest'], containers: [{ name: 'a' }] },
    { images: ['redis:latest'], containers: [{ name: 'b' }] },
  ]);
  open.push(manager);
  return manager;
}

/** What an engine of `two` says of its disk: its container, the image that all have, a volume, a build cache. */
async function usageOf(manager: FakeManager, index: number): Promise<object> {
  const engine = manager.engine(index);
  const read = async (path: string) => (await fetch(`${engine.url}/v1.44${path}`)).json();
  const [container] = (await read('/containers/json?all=1')) as object[];
  const [image] = (await read('/images/json')) as object[];
  return {
    LayersSize: 100,
    Images: [{ ...image, Size: 60, SharedSize: 10, Containers: 1 }],
    Containers: [{ ...container, SizeRw: 5, SizeRootFs: 50 }],
    Volumes: [
      { Name: 'same', Driver: 'local', UsageData: { Size: 7, RefCount: 1 } },
      { Name: `own-${index}`, Driver: 'local', UsageData: { Size: -1, RefCount: -1 } },
    ],
    BuildCache: [{ ID: `cache-${index}`, Type: 'regular', Size: 3, InUse: false, Shared: false }],
  };
}

describe('GET /system/df', () => {
  test('lists every kind as its own listing does, with the sizes of all copies added up', async () => {
    const manager = await two();
    for (const i of [0, 1]) manager.engine(i).lie('GET /system/df', 200, await usageOf(manager, i));
    const { json } = await manager.call('GET', '/system/df');
    expect(json).toMatchObject({
      LayersSize: 200,
      Images: [{ RepoTags: ['redis:latest'], Size: 120, SharedSize: 20, Containers: 2 }],
      Volumes: [
        { Name: 'own-0', UsageData: { Size: -1 } },
        { Name: 'own-1', UsageData: { Size: -1 } },
        { Name: 'same', UsageData: { Size: 14, RefCount: 2 } },
      ],
      BuildCache: [{ ID: 'cache-0' }, { ID: 'cache-1' }],
    });
    expect(json.Containers.map(({ Names, SizeRw }: { Names: string[]; SizeRw: number }) => [Names[0], SizeRw])).toEqual(
      expect.arrayContaining([
        ['/a', 5],
        ['/b', 5],
      ]),
    );
  });

  test('of one kind only, also when an older engine tells of all', async () => {
    const manager = await two();
    for (const i of [0, 1]) manager.engine(i).lie('GET /system/df', 200, await usageOf(manager, i));
    const { json } = await manager.call('GET', '/system/df?type=volume');
    expect([json.LayersSize, json.Images, json.Containers, json.BuildCache]).toEqual([0, null, null, null]);
    expect(json.Volumes).toHaveLength(3);
    const refused = await manager.call('GET', '/system/df?type=nope');
    expect([refused.status, refused.json.message]).toEqual([400, expect.stringContaining('unknown object type: nope')]);
  });

  test('goes without a node that fails, and fails when all do', async () => {
    const manager = await two();
    manager.engine(0).lie('GET /system/df', 200, await usageOf(manager, 0));
    const heal = manager.engine(1).lie('GET /system/df', 200, { LayersSize: 'much' });
    expect((await manager.call('GET', '/system/df')).json.LayersSize).toBe(100);
    heal();
    for (const i of [0, 1]) manager.engine(i).lie('GET /system/df', 500, { message: 'busy' });
    expect(await manager.call('GET', '/system/df')).toMatchObject({ status: 500, json: { message: 'busy' } });
  });
});

describe('POST /containers/prune', () => {
  test('asks every node, spares what belongs to the swarm, and adds up what went', async () => {
    const manager = await two();
    for (const i of [0, 1])
      manager.engine(i).lie('POST /containers/prune', 200, { ContainersDeleted: [`c${i}`], SpaceReclaimed: 5 });
    const filters = encodeURIComponent(JSON.stringify({ until: ['1h'] }));
    const { status, json } = await manager.call('POST', `/containers/prune?filters=${filters}`);
    expect([status, json.SpaceReclaimed, json.ContainersDeleted.sort()]).toEqual([200, 10, ['c0', 'c1']]);
    for (const engine of manager.engines) {
      const [request] = engine.requestsTo('POST /containers/prune');
      expect(JSON.parse(request?.query.get('filters') ?? '')).toEqual({ until: ['1h'], 'label!': ['enxame.role'] });
    }
  });

  test('says which node failed and that the others did it', async () => {
    const manager = await two();
    manager.engine(0).lie('POST /containers/prune', 200, { ContainersDeleted: null, SpaceReclaimed: 0 });
    manager.engine(1).lie('POST /containers/prune', 409, { message: 'a prune operation is already running' });
    const { status, json } = await manager.call('POST', '/containers/prune');
    expect([status, json.message]).toEqual([
      409,
      'a prune operation is already running (node node-2). What is not used was removed on the other 1 node',
    ]);
  });
});

test('listings of networks and volumes by node', async () => {
  const manager = await FakeManager.start([{ volumes: ['one'] }, { volumes: ['two'] }]);
  open.push(manager);
  const by = (node: string): string => `filters=${encodeURIComponent(JSON.stringify({ node: [node] }))}`;
  const names = (list: readonly { readonly Name: string }[]): string[] => list.map(({ Name }) => Name);
  expect(names((await manager.call('GET', `/volumes?${by('node-1')}`)).json.Volumes)).toEqual(['one']);
  await manager.call('POST', '/networks/create', {
    Name: 'near',
    Driver: 'macvlan',
    Labels: { 'com.docker.swarm.constraints': '["node==node-2"]' },
  });
  const networks = async (node: string): Promise<string[]> =>
    names((await manager.call('GET', `/networks?${by(node)}`)).json);
  expect(await networks('node-2')).toContain('near');
  expect(await networks('node-1')).toContain('bridge');
  expect(await networks('node-1')).not.toContain('near');
  expect(await networks('nobody')).toEqual([]);
});
