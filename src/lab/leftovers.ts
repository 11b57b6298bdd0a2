import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labRoot, makeDirectory, runDirectory } from '../namespaces/paths.ts';
import { identify, isAlive, type ProcessIdentity } from '../namespaces/processes.ts';
import { removeRun } from '../namespaces/removal.ts';
import { LabError } from './errors.ts';

/** Who a run belongs to: a process, or `kept` until it is removed by name. */
type Owner = ProcessIdentity | 'kept';

const ownerFile = 'owner.json';

/**
 * Makes the folder of a run with its owner's name in it, before anything else of the run exists. The folder appears complete
 * or not at all, and two runs cannot both make it.
 */
export async function claimRun(run: string, keep: boolean): Promise<string> {
  const owner: Owner = keep ? 'kept' : (identify(process.pid) ?? 'kept');
  const directory = runDirectory(run);
  const draft = await makeDirectory(labRoot(), 'drafts', `${run}.${process.pid}`);
  await makeDirectory(labRoot(), 'runs');
  await writeFile(join(draft, ownerFile), JSON.stringify(owner));
  await rename(draft, directory).catch(async (error: NodeJS.ErrnoException) => {
    await rm(draft, { recursive: true, force: true });
    throw new LabError(
      `lab "${run}" cannot be made (${error.code}): choose another name or remove the old one`,
      'LAB_EXISTS',
      error,
    );
  });
  return directory;
}

/** Names of the runs this machine knows of; `kept` leaves out those that end with their process. */
export async function runNames(which: 'all' | 'kept' = 'all'): Promise<string[]> {
  const all = await listing(join(labRoot(), 'runs'));
  if (which === 'all') return all;
  const owners = await Promise.all(all.map(ownerOf));
  return all.filter((_, index) => owners[index] === 'kept');
}

/** Removes the runs whose owner is gone. Returns their names. Safe while other runs start, work or close. */
export async function sweepLeftovers(): Promise<string[]> {
  const dead: string[] = [];
  for (const run of await runNames()) {
    if (!(await isOrphan(run))) continue;
    await removeRun(run);
    dead.push(run);
  }
  return dead;
}

async function isOrphan(run: string): Promise<boolean> {
  const owner = await ownerOf(run);
  return owner === undefined || (owner !== 'kept' && !isAlive(owner));
}

/** Undefined only where a removal was interrupted: see {@link claimRun}. */
async function ownerOf(run: string): Promise<Owner | undefined> {
  const text = await readFile(join(runDirectory(run), ownerFile), 'utf8').catch(() => '');
  return text === '' ? undefined : (JSON.parse(text) as Owner);
}

async function listing(path: string): Promise<string[]> {
  return await readdir(path).catch(() => []);
}
