import { readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run as runCommand } from './commands.ts';
import { hostInterface } from './network.ts';
import { cgroupParent, labRoot, makeDirectory, namespaceName, runDirectory } from './places.ts';
import { identify, isAlive, type ProcessIdentity, waitFor } from './processes.ts';

/** Who a run belongs to: a process, or `kept` until it is removed by name. */
export type Owner = ProcessIdentity | 'kept';

const ownerFile = 'owner.json';

/** Makes the folder of a run and writes down who owns it, before anything else of the run exists. */
export async function claimRun(run: string, keep: boolean): Promise<string> {
  const directory = await makeDirectory(runDirectory(run));
  const owner: Owner = keep ? 'kept' : (identify(process.pid) ?? 'kept');
  await writeFile(join(directory, ownerFile), JSON.stringify(owner));
  return directory;
}

/** Names of the runs this machine knows of. */
export async function listRuns(): Promise<string[]> {
  return await listing(join(labRoot(), 'runs'));
}

/** Removes the runs whose owner is gone. Returns their names. Safe while other runs start, work or close. */
export async function sweepLeftovers(): Promise<string[]> {
  const dead: string[] = [];
  for (const run of await listRuns()) {
    if (!(await isOrphan(run))) continue;
    await removeRun(run);
    dead.push(run);
  }
  return dead;
}

/**
 * Removes every trace of a run, whatever state it is in. Processes are found through the run's network namespaces, which only
 * they are in: no recorded process ID can have become somebody else's. Each host's first process takes its containers along.
 */
export async function removeRun(run: string): Promise<void> {
  const spaces = await namespacesOf(run);
  await Promise.all(spaces.map(endProcesses));
  await Promise.all(spaces.map((space) => runCommand('ip', ['netns', 'delete', space])));
  // Goes with the switch by itself, but only after the kernel has got round to it.
  await runCommand('ip', ['link', 'delete', hostInterface(run)]);
  await removeCgroups(run);
  await rm(runDirectory(run), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function isOrphan(run: string): Promise<boolean> {
  const text = await readFile(join(runDirectory(run), ownerFile), 'utf8').catch(() => undefined);
  // No owner yet or no longer: being made or being removed by someone else.
  if (text === undefined || text === '') return false;
  const owner = JSON.parse(text) as Owner;
  return owner !== 'kept' && !isAlive(owner);
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
async function removeCgroups(run: string): Promise<void> {
  const root = '/sys/fs/cgroup';
  const hierarchies = ['', ...(await listing(root))];
  for (const hierarchy of hierarchies) {
    await removeTree(join(root, hierarchy, cgroupParent(run)));
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
