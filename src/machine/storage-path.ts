import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * The folder machines are kept in: `--storage-path`, else `$ENXAME_MACHINE_STORAGE_PATH`, else below `$XDG_DATA_HOME` when that is
 * set, else `~/.enxame/machine`. Absolute; nothing is made.
 */
export function storagePath(flag: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  const asked = flag || env.ENXAME_MACHINE_STORAGE_PATH;
  if (asked) return resolve(asked);
  // The XDG specification: relative paths are to be ignored.
  if (env.XDG_DATA_HOME && isAbsolute(env.XDG_DATA_HOME)) return join(env.XDG_DATA_HOME, 'enxame', 'machine');
  return join(env.HOME || homedir(), '.enxame', 'machine');
}
