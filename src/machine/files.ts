import { join } from 'node:path';
import { makeFolder } from '../common/make-folder.ts';

export { syncFolder, writePrivate } from '../common/private-file.ts';

/** Makes a folder with its parents, the new ones for their owner only. Returns its path. */
export async function privateFolder(...parts: readonly string[]): Promise<string> {
  const path = join(...parts);
  await makeFolder(path);
  return path;
}
