import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { engineInfo, nowhere } from '../../test/fakes/model.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import type { VolumeSummary } from '../engine/types.ts';
import { MemoryStore } from '../kv/memory.ts';
import { Cluster } from './cluster.ts';
import type { NoteStore } from './held-notes.ts';
import { Node } from './node.ts';
import { NodeMemory } from './node-memory.ts';

/** Notes whose writes wait while they are held. */
class SlowNotes implements NoteStore {
  readonly #store = new MemoryStore();
  readonly held: (() => void)[] = [];
  isHeld = false;

  pairs(prefix: string): AsyncIterable<readonly [key: string, value: string]> {
    return this.#store.pairs(prefix);
  }

  async write(changes: Parameters<NoteStore['write']>[0]): Promise<void> {
    if (this.isHeld) await new Promise<void>((resolve) => this.held.push(resolve));
    await this.#store.write(changes);
  }

  release(): void {
    this.isHeld = false;
    for (const each of this.held.splice(0)) each();
  }
}

const volume = (Name: string): VolumeSummary => ({ Name, Driver: 'local', Scope: 'local', Mountpoint: '/v' });

async function world() {
  const clock = new FakeClock();
  const logger = silentLogger();
  const cluster = new Cluster({ clock, logger });
  const notes = new SlowNotes();
  const memory = new NodeMemory({ cluster, records: memoryRecords().records, notes, clock, logger });
  await memory.start();
  const come = (): Node => {
    const node = new Node('n1:2375', new EngineClient(nowhere()), '10.0.0.1');
    cluster.addNode(node);
    cluster.setInfo(node, engineInfo('one', 'e1'));
    return node;
  };
  const node = come();
  cluster.setState(node, 'Healthy', '');
  cluster.replaceVolumes(node, [volume('a'), volume('b')]);
  const names = (of: Node): string[] => cluster.volumes.of(of).map(({ Name }) => Name);
  return { cluster, clock, notes, memory, node, come, names };
}

test('a volume is let go while its node comes back: what the node lists then stays', async () => {
  const { cluster, notes, memory, node, names } = await world();
  cluster.setState(node, 'Unhealthy', 'lost');
  notes.isHeld = true;
  const released = memory.releaseOn(node, 'a');
  await waitUntil(() => notes.held.length > 0);
  cluster.replaceVolumes(node, [volume('a'), volume('b'), volume('c')]);
  cluster.setState(node, 'Healthy', '');
  notes.release();
  await released;
  expect(names(node)).toEqual(['a', 'b', 'c']);
  cluster.setState(node, 'Unhealthy', 'lost');
  await memory.releaseOn(node, 'a');
  expect(names(node)).toEqual(['b', 'c']);
});

test('a volume of a node that left is let go while the node comes back: the node has not left any more', async () => {
  const { cluster, notes, memory, node, come } = await world();
  cluster.removeNode(node);
  await waitUntil(() => [...memory.absentNodes()].length === 1);
  notes.isHeld = true;
  const released = memory.releaseAbsent('a');
  await waitUntil(() => notes.held.length > 0);
  cluster.setState(come(), 'Healthy', '');
  expect([...memory.absentNodes()]).toEqual([]);
  notes.release();
  await released;
  expect([...memory.absentNodes()]).toEqual([]);
  expect(memory.absentVolume('b')).toBeUndefined();
});
