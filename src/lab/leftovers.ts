import { readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError, run as runCommand } from './commands.ts';
import { hostInterface, portName } from './network.ts';
import { cgroupParent, labRoot, makeDirectory, namespaceName, runDirectory } from './places.ts';
import { identify, isAlive, type ProcessIdentity, waitFor } from './processes.ts';

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
    await removeLab(run);
    dead.push(run);
  }
  return dead;
}

/**
 * Removes every trace of a run, whatever state it is in. Processes are found through the run's network namespaces, which only
 * they are in: no recorded process ID can have become somebody else's. Each host's first process takes its containers along.
 */
export async function removeLab(run: string): Promise<void> {
  const spaces = await namespacesOf(run);
  await Promise.all(spaces.map(endProcesses));
  await Promise.all(spaces.map((space) => runCommand('ip', ['netns', 'delete', space])));
  // Goes with the switch by itself, but only after the kernel has got round to it.
  await runCommand('ip', ['link', 'delete', hostInterface(run)]);
  await removeCgroups(run);
  await rm(runDirectory(run), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/**
 * Removes every trace of one node but its folder, whatever state it is in, and leaves the rest of the run alone. Nothing to do is
 * no error.
 */
export async function removeNode(run: string, node: string, index: number): Promise<void> {
  const space = namespaceName(run, node);
  // At this end of the cable the kernel is done when the command is; at the other only after the namespace is gone.
  await runCommand('ip', ['-n', namespaceName(run), 'link', 'delete', portName(index)]);
  if ((await listing('/run/netns')).includes(space)) {
    await endProcesses(space);
    await runCommand('ip', ['netns', 'delete', space]);
  }
  await removeCgroups(run, node);
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

async function namespacesOf(run: string): Promise<string[]> {
  const own = namespaceName(run);
  return (await listing('/run/netns')).filter((name) => name === own || name.startsWith(`${own}.`));
}

async function endProcesses(space: string): Promise<void> {
  await waitFor(`end of the processes in ${space}`, async () => {
    const { stdout } = await runCommand('ip', ['netns', 'pids', space]);
    const pids = stdout.split('\n').filter(Boolean).map(Number);
    for (const pid of pids) kill(pid);
    return pids.length === 0;
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended between the listing and here.
  }
}

/** Empty control groups stay behind in every hierarchy when a container ends with its host. */
async function removeCgroups(run: string, node?: string): Promise<void> {
  const root = '/sys/fs/cgroup';
  const hierarchies = ['', ...(await listing(root))];
  for (const hierarchy of hierarchies) {
    await removeTree(join(root, hierarchy, cgroupParent(run, node)));
    // Shared by all runs: goes with the last one.
    await rmdir(join(root, hierarchy, cgroupParent('.'))).catch(() => {});
  }
}

async function removeTree(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeTree(join(path, entry.name));
  }
  // A killed process leaves its group a moment later; a group that is no more is what we want.
  await waitFor(`removal of ${path}`, () => rmdir(path).then(() => true, isGone), { timeoutMs: 10_000 });
}

function isGone(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOENT' || error.code === 'ENOTDIR';
}

async function listing(path: string): Promise<string[]> {
  return await readdir(path).catch(() => []);
}
