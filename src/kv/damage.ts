import { link, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Second names of LevelDB's logs, which it knows nothing of. */
const KEPT = '.kept';
const DAMAGED = '.damaged';

/**
 * Gives the logs of a store that is about to be opened second names: LevelDB leaves out what it cannot read of a log, goes on without a word, and
 * removes the log.
 */
export async function keepLogs(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => each.endsWith('.log'))) {
    const kept = join(folder, name + KEPT);
    await rm(kept, { force: true });
    // Without links on this file system there is none to keep.
    await link(join(folder, name), kept).catch(() => undefined);
  }
}

/**
 * What LevelDB left out when it opened the store, in words; undefined when it read all. What was written last and not synchronized before a loss
 * of power is no damage. The damaged logs are kept, all others lose their second names.
 */
export async function damageIn(folder: string): Promise<string | undefined> {
  const diary = await readFile(join(folder, 'LOG'), 'utf8').catch(() => '');
  const dropped = [...diary.matchAll(/(\d+\.log): dropping (\d+) bytes; /g)];
  const damaged = new Set(dropped.map(([, name]) => name));
  for (const file of (await readdir(folder)).filter((each) => each.endsWith(KEPT))) {
    const name = file.slice(0, -KEPT.length);
    if (damaged.has(name)) await rename(join(folder, file), join(folder, name + DAMAGED));
    else await rm(join(folder, file), { force: true });
  }
  if (dropped.length === 0) return undefined;
  const bytes = dropped.reduce((sum, [, , size]) => sum + Number(size), 0);
  const files = [...damaged].map((name) => join(folder, name + DAMAGED)).join(', ');
  return `${bytes} bytes of the last changes in ${folder} were damaged and are left out (kept in ${files}): check the disk, and what the changes were about`;
}
