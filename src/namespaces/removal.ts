import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run as runCommand } from '../common/command.ts';
import { hostInterface, portName } from './network.ts';
import { cgroupParent, namespaceName, runDirectory } from './paths.ts';
import { waitFor } from './processes.ts';

/**
 * Removes every trace of a run, whatever state it is in. Processes are found through the run's network namespaces, which only
 * they are in: no recorded process ID can have become another program's. Each host's first process takes its containers along.
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
  await waitFor(`removal of ${path}`, () => rmdir(path).then(() => true, isGone));
}

function isGone(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOENT' || error.code === 'ENOTDIR';
}

async function listing(path: string): Promise<string[]> {
  return await readdir(path).catch(() => []);
}
