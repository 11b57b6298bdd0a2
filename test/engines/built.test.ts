import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/lab/commands.ts';
import { enxame } from './enxame-process.ts';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** Imports every file it is told of and prints why those that cannot be imported cannot. */
const IMPORT_ALL = `
for (const file of process.argv.slice(1))
  await import(file).catch((error) => console.log(file + ': ' + error.message));`;

describe('the built program', () => {
  it('can be imported by Node, file by file', async () => {
    // Vitest reads CommonJS packages more kindly than Node does.
    const all = await readdir(DIST, { recursive: true });
    const files = all.filter((file) => /\.js$/.test(file) && !/(^|\/)main\.js$/.test(file)).map((file) => DIST + file);
    expect(files.length).toBeGreaterThan(100);
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', IMPORT_ALL, ...files]);
    expect(stdout + stderr).toBe('');
  });

  it('knows its drivers', async () => {
    const drivers = enxame(['machine', 'drivers']);
    expect(await drivers.ended(), drivers.said()).toBe(0);
    for (const name of ['amazonec2', 'generic', 'local', 'qemu']) expect(drivers.said()).toMatch(`\n${name} `);
  });
});
