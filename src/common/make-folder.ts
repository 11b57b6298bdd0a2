import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A parent that another process makes at the same time may be there right after it was not. */
const ATTEMPTS = 3;

/**
 * Makes a folder and the parents it lacks, for their owner only; one that is there already stays as it is. Node's own `recursive`
 * never comes back below /proc, where a folder cannot be made although its parent exists.
 */
export async function makeFolder(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await mkdir(path, { mode: 0o700 });
      return;
    } catch (error) {
      if (await isFolder(path)) return;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ATTEMPTS) throw error;
    }
    const parent = dirname(path);
    if (!(await isFolder(parent))) await makeFolder(parent);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
