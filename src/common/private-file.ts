import { randomBytes } from 'node:crypto';
import { lstat, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from './errors.ts';
import { makeFolder } from './make-folder.ts';

/**
 * Replaces a file with one that only its owner can read, all at once: readers see the old content or the new, also after
 * a loss of power. The folder is made when absent.
 */
export async function writePrivate(path: string, content: string | Uint8Array): Promise<void> {
  const target = await replaceable(path);
  const folder = dirname(target);
  await makeFolder(folder);
  const draft = `${target}.${randomBytes(6).toString('hex')}.new`;
  try {
    await writeSynced(draft, content);
    await rename(draft, target);
    await syncFolder(folder);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/**
 * The path of the file to put another one in the place of: where links lead to. A rename would take away whatever else is there, `/dev/stdout` too:
 * rejects with a {@link UsageError} for what is no file.
 */
export async function replaceable(path: string): Promise<string> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isSymbolicLink()) return assertFile(path, path, found);
  const target = await realpath(path).catch(() => undefined);
  if (target === undefined)
    throw new UsageError(`${path} is a link to what is not there: give the path of a file`, 'NO_FILE');
  return assertFile(path, target, await lstat(target));
}

function assertFile(path: string, target: string, found: { isFile(): boolean } | undefined): string {
  if (found && !found.isFile())
    throw new UsageError(`${path} is no file that can be replaced: give the path of a file`, 'NO_FILE');
  return target;
}

async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename in the folder last. Windows has no such call and needs none. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder with its parents, the new ones for their owner only. Returns its path. */
export async function privateFolder(...parts: readonly string[]): Promise<string> {
  const path = join(...parts);
  await makeFolder(path);
  return path;
}
