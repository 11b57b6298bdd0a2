import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CloudBench } from '../../../test/clouds/bench.ts';
import { fastClock } from '../../../test/clouds/fast-clock.ts';
import { startLinode, TOKEN } from '../../../test/clouds/linode-server.ts';
import { driver as linode } from '../linode/linode.ts';
import { givenBytes, givenText } from './given-file.ts';

const signal = new AbortController().signal;
let file = '';
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'given-')), 'data');
});
afterEach(() => rm(join(file, '..'), { recursive: true }));

it('reads compressed data as it is, and text only where nothing else is taken', async () => {
  const compressed = gzipSync('#cloud-config\n');
  await writeFile(file, compressed);
  expect(await givenBytes(file, { flag: 'x-data' })).toEqual(compressed);
  await expect(givenText(file, { flag: 'x-data' })).rejects.toThrow(/--x-data ".*" is no text in UTF-8/);
  await writeFile(file, '#cloud-config\n# olá\n');
  expect(await givenText(file, { flag: 'x-data' })).toBe('#cloud-config\n# olá\n');
  expect(await givenText(undefined, { flag: 'x-data' })).toBeUndefined();
});

it('refuses what is too long, endless or not to be read', async () => {
  const flag = { flag: 'x-data', maxBytes: 10 };
  await writeFile(file, '0123456789');
  expect(await givenText(file, flag)).toHaveLength(10);
  await writeFile(file, '0123456789a');
  await expect(givenBytes(file, flag)).rejects.toThrow(/too long: the provider takes 10 bytes/);
  await expect(givenBytes('/dev/zero', { flag: 'x-data' })).rejects.toThrow(/too long/);
  await expect(givenBytes(join(file, '..'), flag)).rejects.toThrow(/cannot be read: it is a folder/);
  await expect(givenBytes('/nowhere/data', flag)).rejects.toThrow(/cannot be read: there is no such file/);
});

it('is looked at before anything is made', async () => {
  const server = await startLinode();
  const [env, options] = [{ LINODE_TOKEN: TOKEN }, { 'linode-url': server.url }];
  const world = { driver: linode, options, env, clock: fastClock(200), existing: async () => server.state.existing() };
  const bench = await CloudBench.open({ ...world, wrongCredentials: {}, close: server.close });
  await writeFile(file, 'a'.repeat(256 * 1024 + 1));
  const machine = bench.driver({ options: { 'linode-user-data-file': file } });
  await expect(machine.check(signal)).rejects.toThrow(/--linode-user-data-file .* is too long/);
  expect(server.requests).toEqual([]);
  await bench.close();
  await server.close();
});
