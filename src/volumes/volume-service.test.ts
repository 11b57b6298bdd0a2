import { describe, expect, test } from 'vitest';
import { fullDiskRecords, memoryRecords } from '../../test/fakes/memory-records.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { HeldByNodes } from '../cluster/held-by-nodes.ts';
import type { Node } from '../cluster/node.ts';
import { systemClock } from '../common/clock.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { VolumeSummary } from '../engine/types.ts';
import { RecordView, TEXT_RECORDS } from '../kv/record-view.ts';
import type { VolumeMemory } from './kept-homes.ts';
import { GIVEN_HOMES, VOLUME_RECORDS } from './records.ts';
import { VolumeService } from './volume-service.ts';

const signal = new AbortController().signal;
const ALL = { matches: () => true, isDangling: undefined };

async function listed(service: VolumeService): Promise<readonly VolumeSummary[]> {
  return (await service.list(ALL, signal)).volumes;
}

/** A cluster of engines that only know volumes. */
class Engines {
  readonly volumes = new HeldByNodes<VolumeSummary>(({ Name }) => Name);
  readonly nodes: Node[] = [];
  readonly calls: string[] = [];
  /** The API version of each call; undefined is the engine's newest. */
  readonly versions: (string | undefined)[] = [];

  add(name: string): Node {
    const held = new Map<string, VolumeSummary>();
    const node = {
      id: name,
      name,
      isHealthy: true,
      containers: new Map(),
      refreshVolumes: async () => this.volumes.replace(node, [...held.values()]),
      client: {
        json: async ({ method, path, api, body }: { method: string; path: string; api?: string; body?: string }) => {
          this.calls.push(`${name} ${method} ${path}`);
          this.versions.push(api);
          return answer(held, method, path, body);
        },
      },
    } as unknown as Node;
    this.nodes.push(node);
    return node;
  }

  async service(kept = memoryRecords(), memory?: VolumeMemory): Promise<VolumeService> {
    const chooseByLabels = (): Node => {
      const [first] = this.nodes;
      if (!first) throw new Error('no node');
      return first;
    };
    const records = await RecordView.open(kept, VOLUME_RECORDS);
    return new VolumeService({
      cluster: this as unknown as Cluster,
      records,
      placer: { chooseByLabels },
      clock: systemClock,
      memory,
    });
  }
}

function answer(held: Map<string, VolumeSummary>, method: string, path: string, body: string | undefined): unknown {
  const name = body ? (JSON.parse(body) as { Name: string }).Name : path.replace(/^.*\/|\?.*$/g, '');
  if (method === 'POST')
    held.set(name, { ...JSON.parse(body ?? ''), Scope: 'local', Driver: 'local', Mountpoint: '/x' });
  if (!held.has(name)) throw new EngineAnswerError(`get ${name}: no such volume`, 404);
  if (method === 'DELETE') held.delete(name);
  return held.get(name);
}

async function setUp(): Promise<{ engines: Engines; one: Node; two: Node; service: VolumeService }> {
  const engines = new Engines();
  const one = engines.add('one');
  const two = engines.add('two');
  return { engines, one, two, service: await engines.service() };
}

describe('VolumeService', () => {
  test('makes a recorded volume once, at the node of the first claim, under any concurrency', async () => {
    const { engines, one, two, service } = await setUp();
    await service.create({ Name: 'data', Labels: { a: 'b' } }, signal);
    expect(engines.calls).toEqual([]);
    const use = async (wanted: Node): Promise<string> => {
      // Homes, placement and claim are one turn, as in the lifecycle.
      const home = service.homesOf(['data'])[0]?.nodeId;
      const node = home === one.id ? one : home === two.id ? two : wanted;
      service.claim(node, ['data']);
      await service.settle(node, ['data'], signal);
      return node.name;
    };
    const users = await Promise.all([use(two), use(one), use(one), use(two)]);
    expect(users).toEqual(['two', 'two', 'two', 'two']);
    expect(engines.calls).toEqual(['two POST /volumes/create']);
    expect(service.homes.isReserved('data')).toBe(false);
    expect(await listed(service)).toMatchObject([{ Name: 'data', Labels: { a: 'b' }, Mountpoint: '/x' }]);
  });

  test('an undone claim leaves the volume free; another claim keeps the home', async () => {
    const { one, two, service } = await setUp();
    const first = service.claim(one, ['data']);
    const second = service.claim(one, ['data']);
    first.undo();
    first.undo();
    expect(service.homesOf(['data'])).toMatchObject([{ nodeId: 'one' }]);
    second.undo();
    expect(service.homesOf(['data'])).toEqual([]);
    service.claim(two, ['data']);
    expect(service.homesOf(['data'])).toMatchObject([{ nodeId: 'two', reason: 'volume "data" lives on two' }]);
  });

  test('a home given to a node that left is given anew', async () => {
    const { engines, one, service } = await setUp();
    service.claim(one, ['data']);
    engines.nodes.splice(0, 1);
    expect(service.homesOf(['data'])).toEqual([]);
  });

  test('a record that cannot be written is refused and never listed; one that cannot be removed is not lost', async () => {
    const { engines, one } = await setUp();
    const disk = { isFull: true };
    const kept = fullDiskRecords(disk);
    const service = await engines.service(kept);
    const [first, second] = await Promise.allSettled([
      service.create({ Name: 'data' }, signal),
      service.create({ Name: 'data' }, signal),
    ]);
    expect([first.status, second.status]).toEqual(['rejected', 'rejected']);
    expect(await listed(service)).toEqual([]);
    await expect(service.inspect('data', signal)).rejects.toMatchObject({ status: 404 });
    disk.isFull = false;
    await service.create({ Name: 'data' }, signal);
    disk.isFull = true;
    await expect(service.remove('data', false, signal)).rejects.toThrow('No space left');
    expect(await listed(service)).toHaveLength(1);
    service.claim(one, ['data']);
    await service.settle(one, ['data'], signal);
    expect(await listed(service)).toMatchObject([{ Mountpoint: '/x' }]);
    disk.isFull = false;
    await service.remove('data', false, signal);
    expect(await kept.records.get('data')).toBeUndefined();
    expect(await listed(service)).toEqual([]);
  });

  test('records survive the service; a volume without name gets one', async () => {
    const { engines } = await setUp();
    const kept = memoryRecords();
    const before = await engines.service(kept);
    await before.create({ Name: 'data' }, signal);
    const given = (await before.create({}, signal)) as VolumeSummary;
    expect(given.Name).toMatch(/^[0-9a-f]{64}$/);
    const after = await engines.service(kept);
    expect(new Set((await listed(after)).map(({ Name }) => Name))).toEqual(new Set(['data', given.Name]));
    await after.remove('data', false, signal);
    expect((await listed(await engines.service(kept))).map(({ Name }) => Name)).toEqual([given.Name]);
  });

  test.each([
    { name: 'again', body: { Name: 'data' }, refused: false },
    { name: 'with the same options', body: { Name: 'data', DriverOpts: { b: '2', a: '1' } }, refused: false },
    { name: 'with other options', body: { Name: 'data', DriverOpts: { a: '2' } }, refused: true },
    { name: 'with another driver', body: { Name: 'data', Driver: 'nfs' }, refused: true },
  ])('creating a recorded volume $name', async ({ body, refused }) => {
    const { service } = await setUp();
    await service.create({ Name: 'data', DriverOpts: { a: '1', b: '2' } }, signal);
    const again = service.create(body, signal);
    if (refused) await expect(again).rejects.toMatchObject({ status: 409 });
    else await expect(again).resolves.toMatchObject({ Name: 'data' });
  });

  test('of copies on several nodes the first by name is meant, with a warning', async () => {
    const { one, two, service } = await setUp();
    for (const { client } of [two, one])
      await client.json({ method: 'POST', path: '/volumes/create', body: '{"Name":"data"}' });
    await Promise.all([two.refreshVolumes(), one.refreshVolumes()]);
    expect(service.homesOf(['data'])).toMatchObject([{ nodeId: 'one' }]);
    expect(await listed(service)).toHaveLength(1);
    expect((await service.list(ALL, signal)).warnings).toEqual([
      'volume data exists on one, two: the one on one is used',
    ]);
    await service.remove('data', false, signal);
    expect(await listed(service)).toEqual([]);
  });

  test('is not removed under a container that is being created', async () => {
    const { one, service } = await setUp();
    await service.create({ Name: 'data' }, signal);
    service.claim(one, ['data']);
    await expect(service.remove('data', false, signal)).rejects.toMatchObject({ status: 409 });
  });

  test('is inspected and removed in a version that knows no cluster volumes', async () => {
    const { engines, one, service } = await setUp();
    await one.client.json({ method: 'POST', path: '/volumes/create', body: '{"Name":"data"}' });
    await one.refreshVolumes();
    engines.versions.length = 0;
    await service.inspect('data', signal);
    await service.remove('data', true, signal);
    expect(engines.versions).toEqual(['1.41', '1.41']);
  });

  test.each(['x', 'a/b', '.hidden', '../up'])('refuses the name "%s"', async (name) => {
    const { service } = await setUp();
    await expect(service.create({ Name: name }, signal)).rejects.toMatchObject({ status: 400 });
  });
});

describe('what nodes hold is noted before a client is answered', () => {
  /** A service whose memory tells what `one` lists when it is asked to note that. */
  async function noting() {
    const engines = new Engines();
    const one = engines.add('one');
    const noted: string[] = [];
    const memory: VolumeMemory = {
      given: await RecordView.open(memoryRecords(), GIVEN_HOMES),
      released: await RecordView.open(memoryRecords(), TEXT_RECORDS),
      absentVolume: () => undefined,
      absentVolumes: () => [],
      releaseAbsent: async () => undefined,
      releaseOn: async () => undefined,
      flush: async () => {
        noted.push(
          engines.volumes
            .of(one)
            .map(({ Name }) => Name)
            .join(),
        );
      },
    };
    return { one, noted, service: await engines.service(memoryRecords(), memory) };
  }

  test('with a volume that was placed at once, and without it when it was removed', async () => {
    const { noted, service } = await noting();
    await service.create({ Name: 'data', Driver: 'other' }, signal);
    expect(noted.splice(0)).toEqual(['data']);
    await service.remove('data', false, signal);
    expect(noted).toEqual(['']);
  });

  test('with a volume that its first user needed, and without it when it was discarded', async () => {
    const { one, noted, service } = await noting();
    await service.create({ Name: 'data' }, signal);
    await service.settle(one, ['data']);
    expect(noted.splice(0)).toEqual(['data']);
    await service.discard('data', one);
    expect(noted).toEqual(['']);
  });
});
