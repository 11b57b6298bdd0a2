import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../common/command.ts';
import { DriverError } from '../../common/errors.ts';
import { isFile } from '../../common/files.ts';
import { neededPackages } from './packages.ts';

/** One file of the installation: where it is here and where it goes in the image (no slash in front). */
export interface InstalledFile {
  readonly from: string;
  readonly to: string;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** What runs this program: node with its libraries, and the program with the packages it needs at run time. */
export interface Installation {
  readonly version: string;
  /** Node and the shared libraries the dynamic loader gives it here. */
  readonly runtime: readonly InstalledFile[];
  readonly program: readonly InstalledFile[];
}

/** Where the program lies in the image. */
export const PROGRAM_FOLDER = 'opt/enxame';
/** Where node lies in the image. */
export const NODE_PATH = 'usr/local/bin/node';

/** Not read at run time. */
const LEFT_OUT = /\.(map|md|markdown|ts|mts|cts|tsbuildinfo|test\.js)$|^(LICENSE|license|CHANGELOG)/;
const LEFT_OUT_FOLDERS = new Set([
  'test',
  'tests',
  '__tests__',
  'docs',
  'example',
  'examples',
  'node_modules',
  '.github',
]);

/** Looks at the files of the running program; reads none of them but manifests. */
export async function findInstallation(): Promise<Installation> {
  if (process.platform !== 'linux')
    throw new DriverError(
      'the swarm image is made of this computer’s own programs, which must be Linux. Give --swarm-image one that engines can pull',
      'NO_SWARM_IMAGE',
    );
  const root = await packageRoot(dirname(fileURLToPath(import.meta.url)));
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  const main = join(root, 'dist', 'cli', 'main.js');
  if (!(await isFile(main)))
    throw new DriverError(`${main} is missing: compile the program first (npm run build)`, 'NO_SWARM_IMAGE');
  const own = [
    ...(await filesBelow(join(root, 'dist'), root, '')),
    await describeFile(join(root, 'package.json'), 'package.json'),
  ];
  const theirs = await Promise.all(
    (await neededPackages(root)).map(async ({ from, to }) => await filesBelow(from, from, `${to}/`)),
  );
  const program = [...own, ...theirs.flat()].map((file) => ({ ...file, to: `${PROGRAM_FOLDER}/${file.to}` }));
  return { version: manifest.version, runtime: await runtimeFiles(), program: sorted(program) };
}

async function packageRoot(folder: string): Promise<string> {
  if (await isFile(join(folder, 'package.json'))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new DriverError('this program’s package.json is missing', 'NO_SWARM_IMAGE');
  return await packageRoot(above);
}

/** The files below a folder, named by where they are below `root`, with a prefix. */
async function filesBelow(folder: string, root: string, prefix: string): Promise<InstalledFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return LEFT_OUT_FOLDERS.has(entry.name) ? [] : await filesBelow(path, root, prefix);
      if (LEFT_OUT.test(entry.name) || !entry.isFile()) return [];
      return [await describeFile(path, `${prefix}${relative(root, path)}`)];
    }),
  );
  return nested.flat();
}

/** Node where `#!/usr/bin/env node` finds it; its libraries at the very paths the loader looks for. */
async function runtimeFiles(): Promise<readonly InstalledFile[]> {
  const node = await realpath(process.execPath);
  const { stdout } = await run('ldd', [node]);
  const libraries = [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].flatMap((match) => match[1] ?? []);
  const files = [...new Set(libraries)].map(async (path) => await describeFile(await realpath(path), path.slice(1)));
  return sorted(await Promise.all([describeFile(node, NODE_PATH), ...files]));
}

async function describeFile(from: string, to: string): Promise<InstalledFile> {
  const { mode, size, mtimeMs } = await stat(from);
  return { from, to, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, sizeBytes: size, mtimeMs };
}

function sorted(files: readonly InstalledFile[]): readonly InstalledFile[] {
  return [...files].sort((a, b) => (a.to < b.to ? -1 : 1));
}
