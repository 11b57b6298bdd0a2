import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeCluster } from '../../test/fakes/fake-cluster.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { RecordView, TEXT_RECORDS } from '../kv/record-view.ts';
import type { VolumeMemory } from './kept-homes.ts';
import { KeptSources } from './kept-sources.ts';
import { GIVEN_HOMES, VOLUME_RECORDS } from './records.ts';
import { VolumeService } from './volume-service.ts';

const SIGNAL = new AbortController().signal;
const DAY_MS = 86_400_000;

interface World {
  readonly fake: FakeCluster;
  readonly service: VolumeService;
  readonly sources: KeptSources;
  readonly clock: FakeClock;
  readonly released: RecordView<string>;
  /** On which engines a volume is. */
  readonly on: (volume: string) => readonly string[];
  readonly home: (volume: string) => string | undefined;
}

/** Two nodes; the first has the volume `data`. */
async function inWorld(act: (world: World) => Promise<void>): Promise<void> {
  await using fake = await FakeCluster.start([{}, {}]);
  const { cluster } = fake;
  const clock = new FakeClock();
  const released = await RecordView.open(memoryRecords(), TEXT_RECORDS);
  const memory: VolumeMemory = {
    given: await RecordView.open(memoryRecords(), GIVEN_HOMES),
    released,
    absentVolume: () => undefined,
    absentVolumes: () => [],
    releaseAbsent: async () => undefined,
    releaseOn: async () => undefined,
    flush: async () => undefined,
  };
  const sources = await KeptSources.open({ ...memoryRecords(), cluster, clock });
  const service = new VolumeService({
    cluster,
    clock,
    memory,
    sources,
    records: await RecordView.open(memoryRecords(), VOLUME_RECORDS),
    placer: { chooseByLabels: () => fake.at(0).node },
  });
  const on: World['on'] = (volume) =>
    fake.nodes.flatMap(({ name }, i) => (fake.at(i).engine.state.volumes.has(volume) ? name : []));
  const home: World['home'] = (volume) => service.homeOf(volume)?.name;
  fake.at(0).engine.state.needVolume('data', { tier: 'data' });
  await fake.at(0).node.refreshVolumes();
  await act({ fake, service, sources, clock, released, on, home });
}

function ids({ fake }: World): { readonly volume: string; readonly from: string; readonly to: string } {
  return { volume: 'data', from: fake.at(0).node.id, to: fake.at(1).node.id };
}

function prepare({ fake, service }: World): Promise<void> {
  return service.moves.prepare({ volume: 'data', from: fake.at(0).node, to: fake.at(1).node });
}

function commit(world: World, createdAt: string = createdOn(world, 0)): Promise<void> {
  return world.service.moves.commit(ids(world), { container: 'db', keepMs: DAY_MS, createdAt });
}

function createdOn({ fake, service }: World, index: number): string {
  return service.moves.summaryOf('data', fake.at(index).node)?.CreatedAt ?? '';
}

describe('a volume that moves', () => {
  test('is made with its labels, and is no home until its move is committed', async () => {
    await inWorld(async (world) => {
      await prepare(world);
      expect(world.on('data')).toEqual(['node-1', 'node-2']);
      expect(world.fake.at(1).engine.state.volumes.get('data')?.labels).toEqual({ tier: 'data' });
      expect(world.home('data')).toBe('node-1');
      await commit(world);
      expect(world.home('data')).toBe('node-2');
      const listing = await world.service.list({ matches: () => true, isDangling: undefined }, SIGNAL);
      expect(listing.volumes.map(({ Name }) => Name)).toEqual(['data']);
      expect(listing.warnings).toEqual([
        expect.stringMatching(/^volume data moved to node-2: what it was on node-1 is kept until /),
      ]);
    });
  });

  test('is at one home at each moment, and commit and undo may be repeated and follow each other', async () => {
    await inWorld(async (world) => {
      await prepare(world);
      await commit(world);
      await commit(world);
      await world.service.moves.undo(ids(world));
      expect([world.home('data'), world.on('data')]).toEqual(['node-1', ['node-1']]);
      expect([...world.released.keys()]).toEqual([]);
      await world.service.moves.undo(ids(world));
      expect(world.on('data')).toEqual(['node-1']);
      await prepare(world);
      await commit(world);
      expect(world.home('data')).toBe('node-2');
    });
  });

  test('keeps its new home when the manager ends between the two words of a commit', async () => {
    await inWorld(async (world) => {
      await prepare(world);
      await world.released.put(`${ids(world).from}/data`, 'source');
      expect(world.home('data')).toBe('node-2');
    });
  });

  test('is removed where it was when its time is over, and not before', async () => {
    await inWorld(async (world) => {
      await prepare(world);
      await commit(world);
      await world.sources.prune(SIGNAL);
      expect(world.on('data')).toEqual(['node-1', 'node-2']);
      world.clock.advance(DAY_MS + 1);
      await world.sources.prune(SIGNAL);
      expect(world.on('data')).toEqual(['node-2']);
      expect([...world.released.keys()]).toEqual([]);
    });
  });

  test('leaves alone another volume that has the name of what was left', async () => {
    await inWorld(async (world) => {
      await prepare(world);
      await commit(world, '2001-01-01T00:00:00Z');
      world.clock.advance(DAY_MS + 1);
      await world.sources.prune(SIGNAL);
      expect(world.on('data')).toEqual(['node-1', 'node-2']);
      await world.sources.prune(SIGNAL);
      expect(world.home('data')).toBe('node-2');
    });
  });

  test('that a client removed is forgotten: one of its name that comes later is not the source', async () => {
    await inWorld(async (world) => {
      await prepare(world);
      await commit(world);
      await world.service.remove('data', false, SIGNAL);
      expect(world.on('data')).toEqual([]);
      world.fake.at(0).engine.state.needVolume('data');
      await world.fake.at(0).node.refreshVolumes();
      world.clock.advance(DAY_MS + 1);
      await world.sources.prune(SIGNAL);
      expect([world.on('data'), world.home('data')]).toEqual([['node-1'], 'node-1']);
    });
  });

  test('is never made over another one, and goes back over what it left itself', async () => {
    await inWorld(async (world) => {
      const { fake, service } = world;
      fake.at(1).engine.state.needVolume('data', { whose: 'another' });
      await fake.at(1).node.refreshVolumes();
      await expect(prepare(world)).rejects.toThrow(
        'node-2 cannot take volume data: it has a volume "data" of its own, which is not overwritten',
      );
      await service.moves.undo(ids(world));
      expect(fake.at(1).engine.state.volumes.get('data')?.labels).toEqual({ whose: 'another' });
      fake.at(1).engine.state.volumes.delete('data');
      await fake.at(1).node.refreshVolumes();
      await prepare(world);
      await commit(world);
      await service.moves.prepare({ volume: 'data', from: fake.at(1).node, to: fake.at(0).node });
      expect([world.on('data'), world.home('data')]).toEqual([['node-1', 'node-2'], 'node-2']);
      await service.moves.undo({ volume: 'data', from: ids(world).to, to: ids(world).from });
      expect([world.on('data'), world.home('data')]).toEqual([['node-2'], 'node-2']);
    });
  });

  test('waits for what uses the source that it would replace, and says where that is', async () => {
    await inWorld(async (world) => {
      const { fake, service } = world;
      await prepare(world);
      await commit(world);
      const off = fake.at(0).engine.on('DELETE /volumes/*', (exchange) => {
        exchange.error(409, 'remove data: volume is in use - [0123]');
        return true;
      });
      const back = { volume: 'data', from: fake.at(1).node, to: fake.at(0).node };
      await expect(service.moves.prepare(back)).rejects.toMatchObject({
        code: 'MOVE_BUSY',
        message: expect.stringContaining('volume data cannot be replaced on node-1, where an earlier move left it'),
      });
      await service.moves.undo({ volume: 'data', from: ids(world).to, to: ids(world).from });
      expect([world.on('data'), world.home('data')]).toEqual([['node-1', 'node-2'], 'node-2']);
      off();
      await service.moves.prepare(back);
    });
  });

  test('whose copy cannot be removed yet is removed when its node is reached', async () => {
    await inWorld(async (world) => {
      await prepare(world);
      const { engine } = world.fake.at(1);
      const off = engine.on('DELETE /volumes/*', (exchange) => {
        exchange.error(500, 'busy');
        return true;
      });
      await world.service.moves.undo(ids(world));
      expect([world.on('data'), world.home('data')]).toEqual([['node-1', 'node-2'], 'node-1']);
      off();
      await world.sources.prune(SIGNAL);
      expect([world.on('data'), [...world.released.keys()]]).toEqual([['node-1'], []]);
    });
  });
});
