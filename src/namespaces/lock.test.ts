import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const linux = test.skipIf(process.platform !== 'linux');

linux('one holder at a time', async () => {
  let [holders, most] = [0, 0];
  const work = async () => {
    most = Math.max(most, ++holders);
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    holders--;
  };
  await Promise.all(Array.from({ length: 5 }, () => withLock(join(folder, 'a.lock'), work)));
  expect(most).toBe(1);
});

linux('is free again after its holder failed, whose error comes through', async () => {
  const path = join(folder, 'deep/b.lock');
  await expect(withLock(path, () => Promise.reject(new Error('no luck')))).rejects.toThrow('no luck');
  expect(await withLock(path, async () => 'free')).toBe('free');
});
