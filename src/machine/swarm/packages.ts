import { readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DriverError } from '../../common/errors.ts';
import { isFile } from '../../common/files.ts';

/** A package the program needs at run time. */
export interface NeededPackage {
  /** Its real folder here. */
  readonly from: string;
  /** Its folder in the image, relative to the program's: `node_modules/a`, `node_modules/a/node_modules/b`. */
  readonly to: string;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

interface Placed {
  readonly from: string;
  /** Names of the packages it is in, outermost first, itself last; none for the program. */
  readonly path: readonly string[];
  readonly inside: Map<string, Placed>;
}

/** Deeper than any real tree; packages of two versions that need each other in turn would nest for ever. */
const MAX_DEPTH = 32;

/**
 * The packages below the program in `root`, laid out so that node finds in the image what it finds here. Where they are here does not matter:
 * beside the program (a global installation), above it, nested, or behind links (pnpm). Throws a {@link DriverError} that names a
 * package that is missing.
 */
export async function neededPackages(root: string): Promise<readonly NeededPackage[]> {
  const top: Placed = { from: await realpath(root), path: [], inside: new Map() };
  const queue: Placed[][] = [[top]];
  const found: NeededPackage[] = [];
  for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
    for (const placed of await placeNeedsOf(chain)) {
      found.push({ from: placed.at(-1)?.from ?? '', to: folderOf(placed.at(-1)?.path ?? []) });
      queue.push(placed);
    }
  }
  return found.sort((a, b) => (a.to < b.to ? -1 : 1));
}

/** Finds places for what the last of a chain needs; resolves to the chains of those that are new. */
async function placeNeedsOf(chain: readonly Placed[]): Promise<Placed[][]> {
  const [top, own] = [chain[0], chain.at(-1)];
  if (top === undefined || own === undefined) return [];
  const fresh: Placed[][] = [];
  for (const { name, isOptional } of needsOf(await readManifest(own.from))) {
    const from = await resolvePackage(own.from, name);
    if (from === undefined) {
      // An optional package for another platform is not there.
      if (isOptional) continue;
      throw new DriverError(
        `the package "${name}", which ${own.from} needs, is missing: install enxame again`,
        'NO_SWARM_IMAGE',
      );
    }
    const seen = chain.findLast((each) => each.inside.has(name))?.inside.get(name);
    if (seen?.from === from) continue;
    // Where the name is free at the top it goes there; where another version has it, inside the one that needs it.
    const parents = seen === undefined ? [top] : chain;
    const parent = parents.at(-1) ?? top;
    if (parent.path.length >= MAX_DEPTH)
      throw new DriverError(`the packages of enxame are nested more than ${MAX_DEPTH} deep`, 'NO_SWARM_IMAGE');
    const placed: Placed = { from, path: [...parent.path, name], inside: new Map() };
    parent.inside.set(name, placed);
    fresh.push([...parents, placed]);
  }
  return fresh;
}

function folderOf(path: readonly string[]): string {
  return path.map((name) => `node_modules/${name}`).join('/');
}

function needsOf(manifest: Manifest): readonly { readonly name: string; readonly isOptional: boolean }[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
  const names = [...new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers])];
  return names.sort().map((name) => ({ name, isOptional: name in optionalDependencies }));
}

/** The real folder of a package as node finds it from a folder; undefined when it does not. */
async function resolvePackage(folder: string, name: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const place = join(at, 'node_modules', name);
    if (await isFile(join(place, 'package.json'))) return await realpath(place);
    if (dirname(at) === at) return undefined;
  }
}

async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}
