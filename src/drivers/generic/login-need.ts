import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_KEYS } from '../../ssh/files.ts';
import { type Env, isUsable, met, type Need, unmet } from '../needs.ts';

/** Whether there is a key to log in with: one that is named, the agent's, one that ssh's configuration names, or a usual one. */
export async function loginNeed(env: Env): Promise<Need> {
  const variable = ['GENERIC_SSH_KEY', 'SSH_AUTH_SOCK'].find((name) => env[name]);
  if (variable !== undefined) return met('credentials', variable);
  const folder = join(env.HOME || homedir(), '.ssh');
  const config = await readFile(join(folder, 'config'), 'utf8').catch(() => '');
  if (/^\s*IdentityFile\b/im.test(config)) return met('credentials', '~/.ssh/config');
  for (const name of DEFAULT_KEYS) if (await isUsable(join(folder, name))) return met('credentials', `~/.ssh/${name}`);
  return unmet('credentials', 'run ssh-keygen, start an agent, or give --generic-ssh-key');
}
