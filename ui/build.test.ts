import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** Of all files of the page together, as they go over the wire. */
const MOST_BYTES = 250_000;

let folder: string;
let names: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-ui-'));
  await build({
    configFile: fileURLToPath(new URL('vite.config.ts', import.meta.url)),
    logLevel: 'error',
    build: { outDir: folder },
  });
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  names = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('weighs at most 250 kB, compressed', async () => {
  const sizes = await Promise.all(
    names.filter((name) => !name.endsWith('.gz')).map(async (name) => gzipSync(await readFile(name)).length),
  );
  expect(sizes.length).toBeGreaterThan(3);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MOST_BYTES);
});

it('has a compressed copy beside each text', () => {
  const texts = names.filter((name) => /\.(css|html|js|svg)$/.test(name));
  expect(texts.filter((name) => !names.includes(`${name}.gz`))).toEqual([]);
});

it('names files by their contents, so that they can be cached for good', () => {
  const assets = names.filter((name) => name.includes('/assets/') && !name.endsWith('.gz'));
  expect(assets.length).toBeGreaterThan(1);
  for (const name of assets) expect(name).toMatch(/-[\w-]{8}\.\w+$/);
});

it('has nothing inline and asks no other host', async () => {
  const html = await readFile(join(folder, 'index.html'), 'utf8');
  expect(html).not.toMatch(/<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=|javascript:|data:/);
  const foreign = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].filter(([, url]) => !url?.startsWith('/'));
  expect(foreign).toEqual([]);
});
