import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** Text of a file below the person's configuration folder (`$XDG_CONFIG_HOME`, else `~/.config`); undefined when it is not there. */
export async function configFile(env: Env, ...path: string[]): Promise<string | undefined> {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  return await readFile(join(folder, ...path), 'utf8').catch(() => undefined);
}
