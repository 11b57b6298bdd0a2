import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { neededPackages } from './packages.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'enxame-packages-')));
});
afterEach(() => rm(folder, { recursive: true }));

interface Needs {
  readonly dependencies?: readonly string[];
  readonly optional?: readonly string[];
}

/** A package that says its name and version, and what those it needs say. */
async function install(at: string, name: string, version: string, needs: Needs = {}): Promise<string> {
  const { dependencies = [], optional = [] } = needs;
  const of = (names: readonly string[]): object => Object.fromEntries(names.map((each) => [each, '*']));
  const manifest = { name, version, main: 'i.js', dependencies: of(dependencies), optionalDependencies: of(optional) };
  const path = join(folder, at);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'package.json'), JSON.stringify(manifest));
  const parts = dependencies.map((each) => `require('${each}')()`).join(',');
  await writeFile(join(path, 'i.js'), `module.exports = () => '${name}@${version}(' + [${parts}].join(' ') + ')';`);
  return path;
}

async function link(at: string, to: string): Promise<void> {
  await mkdir(dirname(join(folder, at)), { recursive: true });
  await symlink(join(folder, to), join(folder, at));
}

function says(root: string): string {
  return execFileSync(process.execPath, ['-p', `require(${JSON.stringify(root)})()`], { encoding: 'utf8' }).trim();
}

const LAYOUTS: readonly { readonly layout: string; readonly root: string; make(): Promise<unknown> }[] = [
  {
    layout: 'of a checkout: packages inside',
    root: 'enxame',
    make: async () => {
      await install('enxame', 'enxame', '1', { dependencies: ['a', '@s/b'], optional: ['windows-only'] });
      await install('enxame/node_modules/a', 'a', '1', { dependencies: ['c'] });
      await install('enxame/node_modules/@s/b', '@s/b', '1', { dependencies: ['c'] });
      await install('enxame/node_modules/@s/b/node_modules/c', 'c', '2', { dependencies: ['a'] });
      await install('enxame/node_modules/c', 'c', '1');
      await install('enxame/node_modules/tool', 'tool', '1');
    },
  },
  {
    layout: 'of a global installation: some inside, some beside',
    root: 'lib/node_modules/enxame',
    make: async () => {
      await install('lib/node_modules/enxame', 'enxame', '1', { dependencies: ['a', 'b'] });
      await install('lib/node_modules/enxame/node_modules/a', 'a', '1', { dependencies: ['b'] });
      await install('lib/node_modules/enxame/node_modules/a/node_modules/b', 'b', '2', { dependencies: ['c'] });
      await install('lib/node_modules/b', 'b', '1', { dependencies: ['c'] });
      await install('lib/node_modules/c', 'c', '1');
      await install('lib/node_modules/enxame/node_modules/c', 'c', '2');
    },
  },
  {
    layout: 'of pnpm: links into a store, and packages that need each other',
    root: 'global/5/node_modules/enxame',
    make: async () => {
      const store = 'global/5/.pnpm';
      await install(`${store}/enxame@1/node_modules/enxame`, 'enxame', '1', { dependencies: ['a', 'b'] });
      await install(`${store}/a@1/node_modules/a`, 'a', '1', { dependencies: ['b', 'c'] });
      await install(`${store}/b@1/node_modules/b`, 'b', '1', { dependencies: ['c'] });
      await install(`${store}/b@2/node_modules/b`, 'b', '2', { dependencies: ['c'] });
      await install(`${store}/c@1/node_modules/c`, 'c', '1', { optional: ['a'] });
      await install(`${store}/c@2/node_modules/c`, 'c', '2');
      await link('global/5/node_modules/enxame', `${store}/enxame@1/node_modules/enxame`);
      await link(`${store}/enxame@1/node_modules/a`, `${store}/a@1/node_modules/a`);
      await link(`${store}/enxame@1/node_modules/b`, `${store}/b@1/node_modules/b`);
      await link(`${store}/a@1/node_modules/b`, `${store}/b@2/node_modules/b`);
      await link(`${store}/a@1/node_modules/c`, `${store}/c@1/node_modules/c`);
      await link(`${store}/b@1/node_modules/c`, `${store}/c@2/node_modules/c`);
      await link(`${store}/b@2/node_modules/c`, `${store}/c@1/node_modules/c`);
      await link(`${store}/c@1/node_modules/a`, `${store}/a@1/node_modules/a`);
    },
  },
];

describe('neededPackages', () => {
  it.each(LAYOUTS)('lets node find in the image what it finds in the layout $layout', async ({ root, make }) => {
    await make();
    const program = await realpath(join(folder, root));
    const image = join(folder, 'image');
    await cp(program, image, { recursive: true, filter: (path) => !path.includes('/node_modules', program.length) });
    for (const { from, to } of await neededPackages(join(folder, root)))
      await cp(from, join(image, to), {
        recursive: true,
        filter: (path) => !path.includes('/node_modules', from.length),
      });
    expect(says(image)).toBe(says(join(folder, root)));
  });

  it('takes what is needed and nothing else', async () => {
    await LAYOUTS[0]?.make();
    expect((await neededPackages(join(folder, 'enxame'))).map(({ to }) => to)).toEqual([
      'node_modules/@s/b',
      'node_modules/a',
      'node_modules/a/node_modules/c',
      'node_modules/c',
    ]);
  });

  it('names what is missing', async () => {
    await install('enxame', 'enxame', '1', { dependencies: ['gone'] });
    await expect(neededPackages(join(folder, 'enxame'))).rejects.toThrow(
      /^the package "gone", which \S+ needs, is missing: install enxame again$/,
    );
  });
});
