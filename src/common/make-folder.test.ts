import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

let place: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'enxame-folder-'));
});

afterEach(() => rm(place, { recursive: true, force: true }));

test('a folder is made with its parents, for the owner only, and may be there already', async () => {
  const path = join(place, 'a', 'b', 'c');
  await makeFolder(path);
  await makeFolder(path);
  for (const part of ['a', 'a/b', 'a/b/c']) expect((await stat(join(place, part))).mode & 0o777).toBe(0o700);
});

test('several may make the same folders at once', async () => {
  const names = Array.from({ length: 20 }, (_, i) => join(place, 'a', 'b', 'c', `d${i % 4}`));
  await Promise.all(names.map((name) => makeFolder(name)));
  for (const name of names) expect((await stat(name)).isDirectory()).toBe(true);
});

test('a file in the way is said', async () => {
  await writeFile(join(place, 'file'), '');
  await expect(makeFolder(join(place, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(place, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.runIf(process.platform === 'linux')('where no folder can be made, it ends with the reason', async () => {
  await expect(makeFolder('/proc/enxame/state')).rejects.toMatchObject({ code: 'ENOENT' });
});
