import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { Tombstones } from '../cluster/tombstones.ts';
import { silentLogger } from '../common/logger.ts';
import { Undertaker } from './undertaker.ts';

/** A node whose engine answers its removals with these statuses, one after the other. */
async function returning(...statuses: number[]) {
  const kept = memoryRecords();
  const tombstones = await Tombstones.open(kept);
  await tombstones.bury({ engineId: 'c', nodeId: 'e1', name: 'web', search: '?force=1&v=1' });
  let listener: (event: ClusterEvent) => void = () => undefined;
  const subscribe = (given: typeof listener) => {
    listener = given;
    return () => undefined;
  };
  const calls: string[] = [];
  const request = async ({ method, path }: { method: string; path: string }) => {
    const statusCode = statuses[Math.min(calls.push(`${method} ${path}`), statuses.length) - 1] ?? 500;
    return { statusCode, rawHeaders: [], body: Buffer.from('{"message":"no"}') };
  };
  const clock = new FakeClock();
  const healthy: unknown[] = [];
  const find = (id: string) => (healthy as { readonly id: string }[]).find((each) => each.id === id);
  const cluster = { subscribe, healthyNodes: () => healthy, node: find } as unknown as Cluster;
  const disk = { isFull: false };
  const forgotten: string[] = [];
  const forgetContainer = async (nodeId: string, engineId: string): Promise<void> => {
    if (disk.isFull) throw new Error('No space left on device');
    expect(tombstones.has(engineId)).toBe(true);
    forgotten.push(`${nodeId}/${engineId}`);
  };
  const undertaker = new Undertaker({
    cluster,
    tombstones,
    memory: { forgetContainer },
    clock,
    logger: silentLogger(),
  });
  undertaker.start();
  const node = (id: string) => ({ id, name: id, isHealthy: true, client: { request } });
  const back = (id: string) =>
    listener({ kind: 'node-state', to: 'Healthy', node: node(id) } as unknown as ClusterEvent);
  const reach = (id: string) => undertaker.reached(node(id) as unknown as Node, new AbortController().signal);
  const stay = (id: string) => healthy.push(node(id));
  return { tombstones, kept, calls, forgotten, disk, clock, undertaker, back, reach, stay };
}

test.each([204, 404])('what was removed is removed when the node is back (%d)', async (status) => {
  const { tombstones, kept, calls, undertaker, back } = await returning(status);
  back('another');
  back('e1');
  await waitUntil(() => tombstones.size === 0);
  expect(calls).toEqual(['DELETE /containers/c?force=1&v=1']);
  expect(await kept.records.get('c')).toBeUndefined();
  await undertaker.stop();
});

test('a refusal is tried again', async () => {
  const { tombstones, calls, clock, undertaker, back } = await returning(500, 409, 204);
  back('e1');
  for (const count of [1, 2]) {
    await waitUntil(() => calls.length === count && clock.sleeping === 1);
    expect(tombstones.has('c')).toBe(true);
    clock.advance(60_000);
  }
  await waitUntil(() => tombstones.size === 0);
  await undertaker.stop();
});

test('what is not done when the manager stops is kept', async () => {
  const { kept, clock, undertaker, back } = await returning(500);
  back('e1');
  await waitUntil(() => clock.sleeping === 1);
  await undertaker.stop();
  expect((await Tombstones.open(kept)).has('c')).toBe(true);
});

test('a second start makes up for what was left, on nodes that are there already', async () => {
  const { tombstones, calls, clock, undertaker, back, stay } = await returning(500, 204);
  back('e1');
  await waitUntil(() => clock.sleeping === 1);
  await undertaker.stop();
  back('e1');
  expect(calls).toHaveLength(1);
  stay('e1');
  undertaker.start();
  await waitUntil(() => tombstones.size === 0);
  expect(calls).toHaveLength(2);
  await undertaker.stop();
});

test('a removal that became durable just after its node came back is carried out', async () => {
  const { tombstones, calls, undertaker, stay } = await returning(204);
  stay('e1');
  await tombstones.bury({ engineId: 'd', nodeId: 'e1', name: 'db', search: '?force=1' });
  await waitUntil(() => tombstones.size === 0);
  expect(calls).toContain('DELETE /containers/d?force=1');
  await undertaker.stop();
  await tombstones.bury({ engineId: 'e', nodeId: 'e1', name: 'later', search: '' });
  expect(calls).toHaveLength(2);
});

test('what was noted of it goes before the word that it was removed', async () => {
  const { tombstones, forgotten, disk, clock, undertaker, back } = await returning(204, 404);
  disk.isFull = true;
  back('e1');
  await waitUntil(() => clock.sleeping === 1);
  expect([tombstones.has('c'), forgotten]).toEqual([true, []]);
  disk.isFull = false;
  clock.advance(60_000);
  await waitUntil(() => tombstones.size === 0);
  expect(forgotten).toEqual(['e1/c']);
  await undertaker.stop();
});

test('what was removed is removed before the node counts as healthy, and one that will not go holds it up no longer', async () => {
  const { tombstones, calls, undertaker, reach, back } = await returning(500, 204);
  await reach('another');
  expect(calls).toEqual([]);
  await reach('e1');
  expect([calls.length, tombstones.size]).toEqual([1, 1]);
  back('e1');
  await waitUntil(() => tombstones.size === 0);
  expect(calls).toHaveLength(2);
  await undertaker.stop();
});
