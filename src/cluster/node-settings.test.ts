import { describe, expect, test } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { EmbeddedRecords } from '../kv/embedded-records.ts';
import { MemoryStore } from '../kv/memory.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { FIRST_VERSION, NodeSettings } from './node-settings.ts';

const open = (records: RecordStore): Promise<NodeSettings> =>
  NodeSettings.open({ records, clock: systemClock, logger: silentLogger() });

const paused = { labels: { rack: 'r7' }, availability: 'pause' } as const;

describe('what is said of a node', () => {
  test('counts once it is durable, and is told', async () => {
    const records = new EmbeddedRecords(new MemoryStore(), 's/');
    const settings = await open(records);
    const told: unknown[] = [];
    settings.follow((nodeId) => told.push([nodeId, settings.of(nodeId)?.availability]));
    await settings.change('n1', 'bee-1', FIRST_VERSION, paused);
    expect(told).toEqual([['n1', 'pause']]);
    expect((await open(records)).of('n1')).toMatchObject({ ...paused, name: 'bee-1', version: FIRST_VERSION + 1 });
    await settings.forget('n1');
    expect([...settings.nodeIds(), told.at(-1)]).toEqual([['n1', undefined]]);
  });

  test('by two managers at once is taken from one of them', async () => {
    const records = new EmbeddedRecords(new MemoryStore(), 's/');
    const managers = [await open(records), await open(records)];
    const results = await Promise.allSettled(
      managers.map((each, i) => each.change('n1', 'bee-1', FIRST_VERSION, { ...paused, labels: { by: String(i) } })),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'OUT_OF_SEQUENCE' } });
  });

  test('and cannot be written counts nothing', async () => {
    const records = new EmbeddedRecords(new MemoryStore(), 's/');
    const settings = await open({
      get: (key) => records.get(key),
      snapshot: (visit) => records.snapshot(visit),
      watch: (after, signal) => records.watch(after, signal),
      write: () => Promise.reject(new Error('no space left on device')),
    });
    await expect(settings.change('n1', 'bee-1', FIRST_VERSION, paused)).rejects.toThrow('no space left');
    expect(settings.of('n1')).toBeUndefined();
  });

  test('by a later version keeps what this one does not know, or stays as it is', async () => {
    const records = new EmbeddedRecords(new MemoryStore(), 's/');
    const known = { ...paused, name: 'bee-1', version: 4, updatedAt: '', weight: 7 };
    const strange = JSON.stringify({ ...known, availability: 'asleep' });
    await records.write([
      { key: 'n1', value: JSON.stringify(known) },
      { key: 'n2', value: strange },
    ]);
    const settings = await open(records);
    await settings.change('n1', 'bee-1', 4, { labels: {}, availability: 'active' });
    expect(JSON.parse((await records.get('n1'))?.value ?? '')).toMatchObject({ weight: 7, version: 5, labels: {} });
    expect(settings.of('n2')).toBeUndefined();
    await expect(settings.change('n2', 'bee-2', FIRST_VERSION, paused)).rejects.toMatchObject({ status: 409 });
    expect((await records.get('n2'))?.value).toBe(strange);
  });
});
