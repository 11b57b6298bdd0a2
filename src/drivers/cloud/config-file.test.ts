import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { configFile, parseSettings, settingsText } from './config-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('finds configuration files where they are kept', async () => {
  await writeFile(join(folder, 'x.toml'), 'token');
  expect(await configFile({ XDG_CONFIG_HOME: folder }, 'x.toml')).toBe('token');
  expect(await configFile({ HOME: folder }, 'x.toml')).toBeUndefined();
});

it('names configuration files that are there and cannot be read', async () => {
  await expect(configFile({ XDG_CONFIG_HOME: dirname(folder) }, basename(folder))).rejects.toThrow(/it is a folder/);
  await writeFile(join(folder, 'huge'), ' '.repeat(1024 * 1024 + 1));
  await expect(configFile({ XDG_CONFIG_HOME: folder }, 'huge')).rejects.toThrow(/huge cannot be read: .*1 MiB/);
  await expect(settingsText('/dev/zero')).rejects.toThrow(/1 MiB/);
});

it.each([
  'password: "SEKRET',
  'password: @SEKRET',
  'password: a: SEKRET',
  'password: *SEKRET',
  'password: !SEKRET x',
  '[SEKRET',
])('never quotes a configuration file: %s', (text) => {
  const warned = vi.spyOn(process, 'emitWarning');
  const read = (): unknown => parseSettings('x.yaml', text);
  expect(read).toThrow(/^x\.yaml cannot be read: .*quotes make text/);
  expect(read).not.toThrow(/SEKRET/);
  expect(warned).not.toHaveBeenCalled();
  warned.mockRestore();
});

it('reads numbers in configuration files as the texts they are', () => {
  const text = 'password: 0012\nid: 12345678901234567890\nname: 1e5\nverify: false\nnothing:\n';
  const content = { password: '0012', id: '12345678901234567890', name: '1e5', verify: false, nothing: null };
  expect(parseSettings('x.yaml', text)).toEqual(content);
});
