import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SmallDisk } from '../../test/fakes/small-disk.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { openStateStore } from './state-store.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-store-'));
});

async function listed(records: RecordStore): Promise<readonly (readonly [string, string])[]> {
  const found: [string, string][] = [];
  await records.snapshot(({ key, value }) => found.push([key, value]));
  return found;
}

afterEach(() => rm(folder, { recursive: true, force: true }));

test('what was put is there after the store was opened again, by kind', async () => {
  const first = await openStateStore(folder);
  await first.records('volumes').write([{ key: 'data/with/slashes', value: '{"a":1}' }]);
  await first.records('volumes').write([{ key: 'gone', value: 'x' }]);
  await first.records('volumes').write([{ key: 'gone' }]);
  await first.records('networks').write([{ key: 'data/with/slashes', value: 'other' }]);
  await first.close();
  const again = await openStateStore(folder);
  expect(await listed(again.records('volumes'))).toEqual([['data/with/slashes', '{"a":1}']]);
  expect(await listed(again.records('networks'))).toEqual([['data/with/slashes', 'other']]);
  await again.close();
});

test('a second owner is refused in one line', async () => {
  const first = await openStateStore(folder);
  await expect(openStateStore(folder)).rejects.toThrow(/is in use by another process/);
  await first.close();
});

test('without a folder nothing is kept', async () => {
  const store = await openStateStore(undefined);
  await store.records('volumes').write([{ key: 'data', value: '1' }]);
  expect(await listed(store.records('volumes'))).toEqual([['data', '1']]);
  await store.close();
  const again = await openStateStore(undefined);
  expect(await listed(again.records('volumes'))).toEqual([]);
});

test('a record that was refused is not listed, and one whose removal was refused is', async (context) => {
  using disk = SmallDisk.mount(600);
  if (!disk) return context.skip('nothing may be mounted here');
  const store = await openStateStore(join(disk.folder, 'state'));
  const records = store.records('volumes');
  await records.write([{ key: 'kept', value: '1' }]);
  disk.fill();
  const tries = await Promise.allSettled(
    Array.from({ length: 40 }, (_, i) => [
      records.write([{ key: `v${i}`, value: 'x'.repeat(500) }]),
      store.records('substrate').write([{ key: `n${i}`, value: 'x'.repeat(500) }]),
    ]).flat(),
  );
  expect(tries.at(-1)?.status).toBe('rejected');
  await expect(records.write([{ key: 'kept' }])).rejects.toMatchObject({ code: 'STATE_NOT_WRITTEN' });
  const before = await listed(records);
  expect(before).toContainEqual(['kept', '1']);
  disk.free();
  await store.close();
  const again = await openStateStore(join(disk.folder, 'state'));
  expect(await listed(again.records('volumes'))).toEqual(before);
  await again.close();
});
