import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FileEntry, tar, tarStream } from '../common/tar.ts';
import { imageTar } from './images.ts';

const files: FileEntry[] = [
  { path: 'bin/', mode: 0o755 },
  { path: 'tmp/', mode: 0o1777 },
  { path: 'bin/tool', mode: 0o755, content: Buffer.from('#!/bin/sh\necho hello\n') },
  { path: 'bin/alias', mode: 0o777, target: 'tool' },
  { path: 'block', mode: 0o644, content: Buffer.alloc(1024, 'x') },
];
const config = { Cmd: ['sh'], Env: [] };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'images-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.skipIf(process.platform !== 'linux')('tar reads the archive as it was meant', async () => {
  writeFileSync(join(folder, 'a.tar'), await tar(files));
  const listing = execFileSync('tar', ['--numeric-owner', '-tvf', join(folder, 'a.tar')], {
    env: { ...process.env, TZ: 'UTC' },
  });
  const lines = listing
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' '));
  expect(lines).toEqual([
    'drwxr-xr-x 0/0 0 1970-01-01 00:00 bin/',
    'drwxrwxrwt 0/0 0 1970-01-01 00:00 tmp/',
    '-rwxr-xr-x 0/0 21 1970-01-01 00:00 bin/tool',
    'lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/alias -> tool',
    '-rw-r--r-- 0/0 1024 1970-01-01 00:00 block',
  ]);
});

test('an archive that is written piece by piece has the same bytes, and reads files from the disk', async () => {
  const file = join(folder, 'content');
  writeFileSync(file, '#!/bin/sh\necho hello\n');
  const stored = files.map((entry) =>
    entry.path === 'bin/tool' ? { path: entry.path, mode: entry.mode, file, sizeBytes: 21 } : entry,
  );
  expect((await written(stored)).equals(await tar(files))).toBe(true);
  for (const sizeBytes of [20, 22]) {
    await expect(written([{ path: 'bin/tool', mode: 0o755, file, sizeBytes }])).rejects.toThrow(/size/i);
  }
});

test('paths are as long as they like', async () => {
  const path = `${'long/'.repeat(60)}${'x'.repeat(120)}`;
  writeFileSync(join(folder, 'a.tar'), await tar([{ path, mode: 0o644, content: Buffer.from('x') }]));
  expect(execFileSync('tar', ['-tf', join(folder, 'a.tar')]).toString()).toBe(`${path}\n`);
});

test('an image names its configuration and its layer by their contents', async () => {
  const image = await imageTar('demo', config, files);
  writeFileSync(join(folder, 'image.tar'), image);
  execFileSync('tar', ['-xf', join(folder, 'image.tar'), '-C', folder]);
  const [entry] = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const settings = readFileSync(join(folder, entry.Config));
  expect(entry).toEqual({ Config: `${sha256(settings)}.json`, RepoTags: ['demo:latest'], Layers: ['layer.tar'] });
  expect(JSON.parse(settings.toString()).rootfs.diff_ids).toEqual([
    `sha256:${sha256(readFileSync(join(folder, 'layer.tar')))}`,
  ]);
});

test('equal files make equal images', async () => {
  const [one, other] = [await imageTar('demo', config, files), await imageTar('demo', config, [...files])];
  expect(one.equals(other)).toBe(true);
});

async function written(entries: Parameters<typeof tarStream>[0]): Promise<Buffer> {
  return await buffer(tarStream(entries));
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
