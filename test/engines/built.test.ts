import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/common/command.ts';
import { enxame } from './enxame-process.ts';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** Imports every file it is told of and prints why those that cannot be imported cannot. */
const IMPORT_ALL = `
for (const file of process.argv.slice(1))
  await import(file).catch((error) => console.log(file + ': ' + error.message));`;

describe('the built program', () => {
  it('can be imported by Node, file by file', async () => {
    // Vitest reads CommonJS packages more kindly than Node does. What is below ui/ is for browsers.
    const all = await readdir(DIST, { recursive: true });
    const files = all
      .filter((file) => /\.js$/.test(file) && !/(^|[/-])main\.js$/.test(file) && !file.startsWith('ui/'))
      .map((file) => DIST + file);
    expect(files.length).toBeGreaterThan(100);
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', IMPORT_ALL, ...files]);
    expect(stdout + stderr).toBe('');
  });

  it('makes many machines at once without a warning of Node', async () => {
    const folder = await mkdtemp('/var/tmp/enxame-many-');
    // No engine, but all wait for its answer together.
    const slow = createServer((socket) => {
      socket.on('error', () => undefined);
      setTimeout(() => socket.destroy(), 500);
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const { port } = slow.address() as AddressInfo;
    try {
      const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
      const env = { ENXAME_MACHINE_STORAGE_PATH: join(folder, 'store'), HOME: folder };
      const create = enxame(['machine', 'create', '-d', 'none', '--url', `tcp://127.0.0.1:${port}`, ...names], env);
      expect(await create.ended(), create.said()).toBe(0);
      expect(create.said()).not.toContain('Warning');
    } finally {
      slow.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('says what is wrong when the token service does not listen, after waiting for it', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const create = enxame(['create', '--service', `http://127.0.0.1:${port}`]);
    expect(await create.ended(), create.said()).toBe(1);
    expect(create.said()).toContain(`127.0.0.1:${port}`);
  });

  it('knows its drivers', async () => {
    const drivers = enxame(['machine', 'drivers']);
    expect(await drivers.ended(), drivers.said()).toBe(0);
    for (const name of ['amazonec2', 'generic', 'local', 'qemu']) expect(drivers.said()).toMatch(`\n${name} `);
  });
});

const DRIVER = `
export const driver = {
  api: 1,
  name: 'hive',
  summary: 'engines in a hive',
  options: [{ flag: 'hive-url', type: 'string', help: 'its URL', isRequired: true }],
  open: ({ options, journal, change }) => ({
    provisioning: 'none',
    check: async () => undefined,
    create: () => journal.ensure('comb', {
      find: async () => undefined,
      make: () => change({ action: 'POST /combs' }, async () => ({ id: 'comb-1' }), { id: '<comb>' }),
    }),
    state: async () => 'Running',
    ip: async () => '127.0.0.1',
    url: async () => options['hive-url'],
    shell: async () => undefined,
    labels: async () => ({}),
    remove: async () => undefined,
    close: async () => undefined,
  }),
};`;

describe('a driver from a package', () => {
  it('is found in the working folder, listed, explained and used', async () => {
    const folder = await mkdtemp('/var/tmp/enxame-package-');
    try {
      const place = join(folder, 'node_modules/enxame-driver-hive');
      await mkdir(place, { recursive: true });
      await writeFile(join(place, 'package.json'), '{"type":"module","exports":"./hive.js"}');
      await writeFile(join(place, 'hive.js'), DRIVER);
      const env = { ENXAME_MACHINE_STORAGE_PATH: join(folder, 'store'), HOME: folder };
      const type = async (line: string): Promise<string> => {
        const script = `cd ${folder} && ${process.execPath} ${DIST}cli/main.js machine ${line} 2>&1`;
        const { stdout, exitCode } = await run('sh', ['-c', script], { env });
        expect(exitCode, stdout).toBe(0);
        return stdout;
      };
      expect(await type('drivers')).toMatch(/^hive +engines in a hive +- +-$/m);
      expect(await type('create -d hive --help')).toMatch(/--hive-url <value> +its URL \(required\)/);
      expect(await type('create -d hive --hive-url tcp://127.0.0.1:1 --dry-run one')).toBe('one: POST /combs\n');
      await type('create -d hive --hive-url tcp://127.0.0.1:1 one');
      expect(await type("inspect -f '{{json .resources}}' one")).toContain('"kind":"comb"');
      expect(await type('url one')).toBe('tcp://127.0.0.1:1\n');
      await type('rm -y one');
      expect(await type('ls -q')).toBe('');
      await writeFile(join(place, 'hive.js'), 'export const driver = 1;');
      expect(await type('drivers')).toMatch(/^hive .* no +cannot be loaded: /m);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
