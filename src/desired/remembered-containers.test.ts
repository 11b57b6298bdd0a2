import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { eventually, waitUntil } from '../../test/fakes/wait.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import { Node } from '../cluster/node.ts';
import { NodeMemory } from '../cluster/node-memory.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import type { ContainerSummary } from '../engine/types.ts';
import { MemoryStore } from '../kv/memory.ts';
import { Attempts } from './attempts.ts';
import { DesiredState } from './desired-state.ts';
import { switched, withoutStale } from './move-edits.ts';
import type { ContainerRecord, Copy, RecordBody } from './record.ts';
import { showAsRecorded } from './recorded-identities.ts';
import { RememberedContainers } from './remembered-containers.ts';

const ATTEMPTS = new Attempts('cluster');
const [FIRST, SECOND] = ['aaa1', 'bbb2'].map((id) => id.padEnd(64, '0')) as [string, string];
const CREATED_MS = 1_790_000_000_000;

const RECORD: ContainerRecord = {
  format: 1,
  key: '0'.repeat(32),
  id: FIRST,
  name: 'web',
  current: { nodeId: 'id-of-one', attempt: '0'.repeat(32), generation: 0, engineId: FIRST },
  wanted: 'created',
  terms: { restart: 'always', priority: 0 },
};

const BODY: RecordBody = {
  format: 1,
  source: {
    text: JSON.stringify({
      Image: 'redis:7',
      Cmd: ['redis-server', '--appendonly'],
      Labels: { app: 'web' },
      HostConfig: { NetworkMode: 'front', Binds: ['data:/data'] },
    }),
    api: '1.44',
    largestNodeCpus: 2,
  },
  image: { id: 'sha256:abc', digests: [] },
  createdMs: CREATED_MS,
  amendments: [{ kind: 'connect', network: 'back', body: '{}' }],
};

/** What a manager keeps, over its lives. */
async function kept() {
  return {
    notes: new MemoryStore(),
    nodes: memoryRecords().records,
    desired: await DesiredState.open({ ...memoryRecords(), bodies: memoryRecords().records }),
  };
}

type Kept = Awaited<ReturnType<typeof kept>>;

/** A manager with two nodes that are not reached yet. */
async function life({ notes, nodes, desired }: Kept) {
  const clock = new FakeClock();
  const logger = silentLogger();
  const cluster = new Cluster({ clock, logger });
  const end = showAsRecorded(cluster, desired, ATTEMPTS);
  const recollection = new RememberedContainers(desired, clock);
  const memory = new NodeMemory({ cluster, records: nodes, notes, recollection, clock, logger });
  await memory.start();
  const [one, two] = ['one', 'two'].map((name) => {
    const node = new Node(`${name}:2375`, new EngineClient(nowhere()), '10.0.0.9');
    cluster.addNode(node, memory.recall(node.entry));
    return node;
  }) as [Node, Node];
  const reach = (node: Node, ...listed: readonly ContainerSummary[]): void => {
    cluster.setInfo(node, engineInfo(node.entry.split(':')[0] ?? '', `id-of-${node.entry.split(':')[0]}`));
    cluster.replaceContainers(node, listed);
    cluster.setState(node, 'Healthy', '');
  };
  return { cluster, memory, one, two, reach, end };
}

/** A manager that noted what its nodes listed and was killed before it noted anything else. */
async function killed(state: Kept, ...listed: readonly ContainerSummary[]): Promise<void> {
  const { memory, one, two, reach, end } = await life(state);
  reach(one, ...listed);
  reach(two);
  await memory.flush();
  await eventually(async () => expect(await state.nodes.get('id-of-two')).toBeDefined());
  await memory.flush();
  end();
}

/** What the next manager shows while it reaches no node. */
async function shown(state: Kept): Promise<readonly Container[]> {
  const { cluster, memory, one, two } = await life(state);
  for (const node of [one, two]) await memory.restore(node);
  return [...cluster.containerList];
}

function listed(id: string = FIRST, more: Partial<ContainerSummary> = {}): ContainerSummary {
  const Labels = { app: 'web', [ATTEMPT_LABEL]: ATTEMPTS.labelOf(RECORD.key) };
  return containerSummary(id, { Names: ['/web'], Labels, ...more });
}

/** A copy on the other node, in its place. */
const elsewhere: Copy = { nodeId: 'id-of-two', attempt: '1'.repeat(32), generation: 1, engineId: SECOND };

function moved(record: ContainerRecord): ContainerRecord {
  return switched({ ...record, move: { to: elsewhere, how: 'replace', why: 'one is lost', sinceMs: 0 } }, elsewhere);
}

describe('of a node that is not reached, a container', () => {
  test('that was created just before is shown from its record', async () => {
    const state = await kept();
    await killed(state);
    await state.desired.add({ ...RECORD, wanted: 'running' }, BODY);
    const [web, ...others] = await shown(state);
    expect(others).toEqual([]);
    expect(web).toMatchObject({ id: FIRST, engineId: FIRST, name: 'web', state: 'running', image: 'redis:7' });
    expect(web?.node.name).toBe('one');
    expect(web?.entry()).toMatchObject({
      Created: CREATED_MS / 1_000,
      ImageID: 'sha256:abc',
      Command: 'redis-server --appendonly',
      Labels: { app: 'web' },
      HostConfig: { NetworkMode: 'front' },
      NetworkSettings: { Networks: { front: {}, back: {} } },
      Mounts: [{ Type: 'volume', Name: 'data' }],
    });
  });

  test('is shown from its record also when the body cannot be read', async () => {
    const state = await kept();
    await killed(state);
    await state.desired.add(RECORD, { ...BODY, source: { ...BODY.source, text: '{"Image":' } });
    expect(await shown(state)).toMatchObject([{ id: FIRST, name: 'web', state: 'created' }]);
  });

  test('whose create was not answered is not shown', async () => {
    const state = await kept();
    const { engineId: _, ...current } = RECORD.current;
    const { id: _id, ...open } = RECORD;
    await state.desired.add({ ...open, current }, BODY);
    await killed(state, listed(FIRST, { State: 'created' }));
    expect(await shown(state)).toEqual([]);
  });

  test('that was removed just before does not come back', async () => {
    const state = await kept();
    await state.desired.add(RECORD, BODY);
    await killed(state, listed());
    await state.desired.remove(RECORD.key);
    expect(await shown(state)).toEqual([]);
  });

  test('that is noted while it is being removed does not come back', async () => {
    const state = await kept();
    await state.desired.add(RECORD, BODY);
    const { memory, one, reach, end } = await life(state);
    reach(one, listed());
    await memory.flush();
    await state.desired.remove(RECORD.key);
    await memory.flush();
    end();
    expect(await shown(state)).toEqual([]);
  });

  test('without a record is shown as it was noted, and not after its removal was answered', async () => {
    const state = await kept();
    await killed(state, listed());
    expect(await shown(state)).toMatchObject([{ id: FIRST, name: 'web', state: 'running' }]);
    const { cluster, memory, one, reach, end } = await life(state);
    reach(one, listed());
    await waitUntil(() => one.containers.size === 1);
    cluster.removeContainer(one, FIRST);
    await memory.flush();
    end();
    expect(await shown(state)).toEqual([]);
  });

  test('has the name of its record', async () => {
    const state = await kept();
    await state.desired.add(RECORD, BODY);
    await killed(state, listed());
    await state.desired.change(RECORD.key, (record) => ({ ...record, name: 'shop' }));
    expect(await shown(state)).toMatchObject([{ id: FIRST, name: 'shop', labels: { app: 'web' } }]);
  });

  test.each([
    { noted: 'created', wanted: 'running', state: 'running' },
    { noted: 'running', wanted: 'stopped', state: 'exited' },
    { noted: 'running', wanted: 'paused', state: 'paused' },
    { noted: 'paused', wanted: 'running', state: 'running' },
    { noted: 'exited', wanted: 'running', state: 'exited' },
    { noted: 'created', wanted: 'stopped', state: 'created' },
  ] as const)('noted as $noted and wanted $wanted is $state', async ({ noted, wanted, state: expected }) => {
    const state = await kept();
    await state.desired.add(RECORD, BODY);
    await killed(state, listed(FIRST, { State: noted }));
    await state.desired.change(RECORD.key, (record) => ({ ...record, wanted }));
    expect(await shown(state)).toMatchObject([{ state: expected }]);
  });

  test('that has just moved is shown where it is now, and once', async () => {
    const state = await kept();
    await state.desired.add(RECORD, BODY);
    await killed(state, listed());
    await state.desired.change(RECORD.key, moved);
    for (const stays of ['stale', 'ended']) {
      const [web, ...others] = await shown(state);
      expect(others, stays).toEqual([]);
      expect(web, stays).toMatchObject({ id: FIRST, engineId: SECOND, name: 'web' });
      expect(web?.node.name, stays).toBe('two');
      await state.desired.change(RECORD.key, (record) => withoutStale(record, RECORD.current));
    }
  });

  test('counts for a node that has left, and no more once it was removed', async () => {
    const state = await kept();
    await killed(state);
    await state.desired.add(RECORD, BODY);
    const left = async (): Promise<readonly number[]> => {
      const { cluster, memory, one } = await life(state);
      cluster.removeNode(one);
      await waitUntil(
        () =>
          memory.seen.hasLeftLost('id-of-one') ||
          memory.seen.isLost('id-of-one') ||
          [...memory.absentNodes()].length > 0,
      );
      return [...memory.absentNodes()].map(({ containers }) => containers);
    };
    expect(await left()).toEqual([1]);
    await state.desired.remove(RECORD.key);
    expect(await left()).toEqual([]);
  });
});
