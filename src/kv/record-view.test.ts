import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { EmbeddedRecords } from './embedded-records.ts';
import { MemoryStore } from './memory.ts';
import type { RecordStore } from './record-store.ts';
import { type RecordFormat, type RecordListener, RecordView } from './record-view.ts';

const NUMBERS: RecordFormat<number> = {
  read: (text) => (/^\d+$/.test(text) ? Number(text) : undefined),
  write: String,
};

const opened: RecordView<number>[] = [];

async function open(records: RecordStore, onChange?: RecordListener<number>): Promise<RecordView<number>> {
  const view = await RecordView.open({ records, clock: systemClock, logger: silentLogger() }, NUMBERS, onChange);
  opened.push(view);
  return view;
}

afterEach(async () => {
  for (const view of opened.splice(0)) await view.close();
});

test('shows what is there and what it wrote, and leaves alone what it cannot read', async () => {
  const records = new EmbeddedRecords(new MemoryStore(), 'n/');
  await records.write([
    { key: 'a', value: '1' },
    { key: 'strange', value: 'x' },
  ]);
  const view = await open(records);
  await view.put('b', 2);
  expect([...view.keys()].map((key) => [key, view.get(key)])).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  await view.delete('a');
  expect([view.has('a'), view.size]).toEqual([false, 1]);
  expect((await records.get('strange'))?.value).toBe('x');
});

test('follows what others write', async () => {
  const records = new EmbeddedRecords(new MemoryStore(), 'n/');
  const heard: unknown[] = [];
  await open(records, (...change) => heard.push(change));
  const other = await open(records);
  await other.put('a', 1);
  await other.put('a', 2);
  await other.delete('a');
  await waitUntil(() => heard.length === 3);
  expect(heard).toEqual([
    ['a', 1, undefined],
    ['a', 2, 1],
    ['a', undefined, 2],
  ]);
});

test('shows the last of writes that are under way together', async () => {
  const view = await open(new EmbeddedRecords(new MemoryStore(), 'n/'));
  const writes = Array.from({ length: 100 }, (_, i) => (i % 3 === 2 ? view.delete('k') : view.put('k', i)));
  await Promise.all(writes);
  expect(view.get('k')).toBe(99);
});

test('reads everything anew when it fell behind, and goes on', async () => {
  const inner = new EmbeddedRecords(new MemoryStore(), 'n/');
  const records: RecordStore = {
    get: (key) => inner.get(key),
    snapshot: (visit) => inner.snapshot(visit),
    write: (writes) => inner.write(writes),
    watch: (after, signal) => inner.watch(after, signal),
  };
  const heard: string[] = [];
  const view = await open(records, (key, value) => heard.push(`${key} ${value}`));
  await view.put('gone', 1);
  // In one turn of the store: the view sees none of them before the first are forgotten.
  const writes = Array.from({ length: 2_000 }, (_, i) => records.write([{ key: 'k', value: `${i}` }]));
  await Promise.all([...writes, records.write([{ key: 'gone' }])]);
  await view.put('last', 3);
  expect([view.get('k'), view.has('gone'), view.get('last')]).toEqual([1_999, false, 3]);
  expect(heard).toEqual(['gone 1', 'gone undefined', 'k 1999', 'last 3']);
});

test('sees each write of a store that tells them at once, also one whose listener failed', async () => {
  const records = new EmbeddedRecords(new MemoryStore(), 'n/');
  const heard: string[] = [];
  const view = await open(records, (key, value) => {
    heard.push(`${key} ${value}`);
    if (heard.length === 2) throw new Error('a listener failed');
  });
  const seen: unknown[] = [];
  const others = Array.from({ length: 4 }, (_, i) =>
    records.write([{ key: 'k', value: `${i}` }]).then(() => seen.push(view.get('k'))),
  );
  await Promise.all(others);
  await view.put('last', 4);
  expect([view.get('k'), view.get('last'), heard.slice(0, 2)]).toEqual([3, 4, ['k 0', 'k 1']]);
  expect(heard.slice(-1)).toEqual(['last 4']);
  expect(seen).toHaveLength(4);
});

test('tries again when the store cannot be followed', async () => {
  const inner = new EmbeddedRecords(new MemoryStore(), 'n/');
  let failures = 2;
  const records: RecordStore = {
    get: (key) => inner.get(key),
    snapshot: (visit) => inner.snapshot(visit),
    write: (writes) => inner.write(writes),
    watch: (after, signal) => {
      if (failures-- > 0) throw new Error('connection lost');
      return inner.watch(after, signal);
    },
  };
  const view = await open(records);
  await view.put('a', 1);
  expect(view.get('a')).toBe(1);
});

test('complains of one outage once', async () => {
  const inner = new EmbeddedRecords(new MemoryStore(), 'n/');
  let failures = 3;
  const records: RecordStore = {
    get: (key) => inner.get(key),
    snapshot: (visit) => inner.snapshot(visit),
    write: (writes) => inner.write(writes),
    watch: (after, signal) => {
      if (failures-- > 0) throw new Error('connection lost');
      return inner.watch(after, signal);
    },
  };
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const view = await RecordView.open({ records, clock: systemClock, logger }, NUMBERS);
  opened.push(view);
  await waitUntil(() => failures < 0);
  expect(lines.map((line) => JSON.parse(line).reason)).toEqual(['connection lost']);
});

test('a write that the store refuses changes nothing', async () => {
  const inner = new EmbeddedRecords(new MemoryStore(), 'n/');
  const refusing = Object.assign(Object.create(inner) as RecordStore, {
    get: (key: string) => inner.get(key),
    snapshot: inner.snapshot.bind(inner),
    watch: inner.watch.bind(inner),
    follow: inner.follow.bind(inner),
    write: () => Promise.reject(new Error('the disk is full')),
  });
  const view = await open(refusing);
  await expect(view.put('a', 1)).rejects.toThrow('the disk is full');
  expect(view.has('a')).toBe(false);
});

test('nothing waits for ever when the store is closed', async () => {
  const records = new EmbeddedRecords(new MemoryStore(), 'n/');
  const view = await open(records);
  const writing = view.put('a', 1);
  await records.close();
  await writing;
  expect(view.get('a')).toBe(1);
});
