import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, isAbsolute, join } from 'node:path';
import { reasonOf } from '../common/errors.ts';
import type { DriverOption } from './options.ts';

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Something on this computer without which a driver cannot make a machine. */
export interface Need {
  /** `credentials`, `library`, `program`. */
  readonly what: string;
  readonly isMet: boolean;
  /** Where it is (`HCLOUD_TOKEN`, `/usr/bin/qemu-img`), else what to do: `set LINODE_TOKEN or run …`. Never a secret. */
  readonly text: string;
}

export function met(what: string, text: string): Need {
  return { what, isMet: true, text };
}

export function unmet(what: string, text: string): Need {
  return { what, isMet: false, text };
}

/** The variable an option's value comes from; undefined when none of its variables is set. */
export function variableOf(options: readonly DriverOption[], flag: string, env: Env): string | undefined {
  return options.find((option) => option.flag === flag)?.env?.find((name) => env[name]);
}

/** npm packages that a driver loads on first use. They are looked for, not loaded: that takes seconds. */
export function libraryNeed(packages: readonly string[]): Need {
  const resolve = createRequire(import.meta.url).resolve;
  const problems = packages.map((name) => {
    try {
      resolve(name);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // It is there, for `import` alone.
      if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined;
      return code === 'MODULE_NOT_FOUND' ? name : `${name}: ${reasonOf(error).split('\n')[0]}`;
    }
  });
  const missing = problems.filter((problem) => problem !== undefined);
  return missing.length === 0 ? met('library', 'installed') : unmet('library', `npm install ${missing.join(' ')}`);
}

/** A program, by name in `$PATH` or by path. */
export async function programNeed(program: string, env: Env, advice: string): Promise<Need> {
  const found = await findProgram(program, env);
  return found === undefined ? unmet('program', `${program} (${advice})`) : met('program', found);
}

/** Path of a program that may be run; undefined when there is none. */
export async function findProgram(program: string, env: Env): Promise<string | undefined> {
  const isPath = isAbsolute(program) || /[/\\]/.test(program);
  const folders = (env.PATH ?? env.Path ?? '').split(delimiter).filter((folder) => folder !== '');
  const ends = process.platform === 'win32' ? ['', '.exe', '.cmd'] : [''];
  const files = (isPath ? [program] : folders.map((folder) => join(folder, program))).flatMap((file) =>
    ends.map((end) => `${file}${end}`),
  );
  for (const file of files) if (await isUsable(file, constants.X_OK)) return file;
  return undefined;
}

/** Whether a file is there and may be read, or what `mode` says. */
export async function isUsable(file: string, mode: number = constants.R_OK): Promise<boolean> {
  return await access(file, mode).then(
    () => true,
    () => false,
  );
}
