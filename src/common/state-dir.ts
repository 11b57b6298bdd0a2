import { join } from 'node:path';
import { UsageError } from './errors.ts';

/**
 * The folder for what a process keeps: `--state-dir`, else `$ENXAME_STATE_DIR`, else `/var/lib/enxame` for root, else below
 * `$XDG_STATE_HOME` (`~/.local/state`). Undefined for `none`: keep nothing. Nothing is created here.
 */
export function stateDir(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  isRoot: boolean,
): string | undefined {
  const asked = flag || env.ENXAME_STATE_DIR;
  if (asked === 'none') return undefined;
  if (asked) return asked;
  if (isRoot) return '/var/lib/enxame';
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, 'enxame');
  if (env.HOME) return join(env.HOME, '.local', 'state', 'enxame');
  throw new UsageError(
    'no place to keep state: $HOME is not set. Give --state-dir FOLDER, or --state-dir none',
    'NO_STATE_DIR',
  );
}
