import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from './errors.ts';

/** Names of runs and nodes: they become folders, host names and parts of namespace names. */
const namePattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Root of all runs. On a real disk, not on an overlay: the engines' overlay2 needs it. */
export function labRoot(): string {
  return process.env.ENXAME_LAB_DIR ?? '/var/tmp/enxame-lab';
}

/** What outlives a run: unpacked engines and images. */
export function cacheRoot(): string {
  return process.env.ENXAME_CACHE_DIR ?? '/var/tmp/enxame-cache';
}

/** The folder of one run. */
export function runDirectory(run: string): string {
  return join(labRoot(), 'runs', run);
}

/** A file to lock for `purpose`, shared by all runs of the machine that use the same root. */
export function lockPath(purpose: string): string {
  return join(labRoot(), `${purpose}.lock`);
}

/** Name of a run's switch namespace, or of one of its nodes. A dot is in no name, so one run's prefix is never another's. */
export function namespaceName(run: string, node?: string): string {
  return node === undefined ? `enxame.${run}` : `enxame.${run}.${node}`;
}

/** Where the engine of a node puts its cgroups, below the root of each hierarchy. */
export function cgroupParent(run: string, node?: string): string {
  return node === undefined ? `/enxame-lab/${run}` : `/enxame-lab/${run}/${node}`;
}

/** Throws unless `name` can name a run or a node. */
export function assertName(kind: 'run' | 'node', name: string): void {
  if (namePattern.test(name) && name.length <= (kind === 'run' ? 16 : 40)) return;
  throw new HostError(
    `${kind} name "${name}": use lower-case letters, digits and dashes, at most ${kind === 'run' ? 16 : 40}`,
  );
}

/** Makes the folder with its parents and returns it. */
export async function makeDirectory(...parts: readonly string[]): Promise<string> {
  const path = join(...parts);
  await mkdir(path, { recursive: true });
  return path;
}
