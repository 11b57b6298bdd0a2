import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
