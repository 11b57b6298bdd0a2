import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SmallDisk } from '../../test/fakes/small-disk.ts';
import { openStateStore } from './state-store.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-store-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('what was put is there after the store was opened again, by kind', async () => {
  const first = await openStateStore(folder);
  await first.records('volumes').put('data/with/slashes', '{"a":1}');
  await first.records('volumes').put('gone', 'x');
  await first.records('volumes').delete('gone');
  await first.records('networks').put('data/with/slashes', 'other');
  await first.close();
  const again = await openStateStore(folder);
  expect([...again.records('volumes').list()]).toEqual([['data/with/slashes', '{"a":1}']]);
  expect([...again.records('networks').list()]).toEqual([['data/with/slashes', 'other']]);
  await again.close();
});

test('a second owner is refused in one line', async () => {
  const first = await openStateStore(folder);
  await expect(openStateStore(folder)).rejects.toThrow(/is in use by another process/);
  await first.close();
});

test('without a folder nothing is kept', async () => {
  const store = await openStateStore(undefined);
  await store.records('volumes').put('data', '1');
  expect(store.records('volumes').list().get('data')).toBe('1');
  await store.close();
  const again = await openStateStore(undefined);
  expect(again.records('volumes').list().size).toBe(0);
});

test('a record that was refused is not listed, and one whose removal was refused is', async (context) => {
  using disk = SmallDisk.mount(600);
  if (!disk) return context.skip('nothing may be mounted here');
  const store = await openStateStore(join(disk.folder, 'state'));
  const records = store.records('volumes');
  await records.put('kept', '1');
  disk.fill();
  const tries = await Promise.allSettled(
    Array.from({ length: 40 }, (_, i) => [
      records.put(`v${i}`, 'x'.repeat(500)),
      store.records('substrate').put('known', 'x'.repeat(500)),
    ]).flat(),
  );
  expect(tries.at(-1)?.status).toBe('rejected');
  await expect(records.delete('kept')).rejects.toMatchObject({ code: 'STATE_NOT_WRITTEN' });
  const listed = [...records.list().keys()];
  expect(listed).toContain('kept');
  disk.free();
  await store.close();
  const again = await openStateStore(join(disk.folder, 'state'));
  expect([...again.records('volumes').list().keys()].sort()).toEqual(listed.sort());
  await again.close();
});
