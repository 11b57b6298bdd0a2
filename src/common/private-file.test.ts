import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writePrivate } from './private-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-private-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a file is replaced as a whole, for its owner only, and its folder made', async () => {
  const path = join(folder, 'new', 'secret');
  for (const text of ['one', 'two']) {
    await writePrivate(path, text);
    expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777]).toEqual([text, 0o600]);
  }
  expect(await readdir(join(folder, 'new'))).toEqual(['secret']);
});

test('a link stays, and the file that it leads to is replaced', async () => {
  const [link, file] = [join(folder, 'link'), join(folder, 'elsewhere', 'file')];
  await mkdir(join(folder, 'elsewhere'));
  await writeFile(file, 'old');
  await symlink(join('elsewhere', 'file'), link);
  await writePrivate(link, 'new');
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(file, 'utf8')).toBe('new');
});

test('what is no file is refused and left as it is', async () => {
  const socket = join(folder, 'socket');
  const server = createServer().listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  await symlink(socket, join(folder, 'to-socket'));
  await symlink(join(folder, 'gone', 'nothing'), join(folder, 'to-nothing'));
  for (const path of [socket, join(folder, 'to-socket'), folder])
    await expect(writePrivate(path, 'x')).rejects.toThrow(`${path} is no file that can be replaced`);
  await expect(writePrivate(join(folder, 'to-nothing'), 'x')).rejects.toThrow('is a link to what is not there');
  expect((await lstat(socket)).isSocket()).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});
