import { join } from 'node:path';
import { systemPath } from './commands.ts';
import { cacheRoot } from './places.ts';
import type { Generation } from './types.ts';

/** Where one generation's programs are. */
export interface GenerationPrograms {
  readonly generation: Generation;
  /** Debian suite that ships it. */
  readonly suite: string;
  /** Folder its packages are unpacked into; empty for the packages installed on this machine. */
  readonly root: string;
  /** Compose release that belongs to it. */
  readonly composeVersion: string;
}

/** The generation whose packages are installed on the machine itself (Debian bookworm's docker.io and docker-compose). */
export const installedGeneration: Generation = '20.10';

const suites: Readonly<Record<Generation, { readonly suite: string; readonly composeVersion: string }>> = {
  '20.10': { suite: 'bookworm', composeVersion: '1.29.2' },
  '26.1': { suite: 'trixie', composeVersion: '2.26.1' },
  '28.5': { suite: 'forky', composeVersion: '2.40.3' },
};

/** All generations, oldest first. */
export const generations: readonly Generation[] = ['20.10', '26.1', '28.5'];

/** Where a generation's programs are, whether or not they have been unpacked yet. */
export function programsOf(generation: Generation): GenerationPrograms {
  const { suite, composeVersion } = suites[generation];
  const root = generation === installedGeneration ? '' : join(cacheRoot(), 'engines', generation);
  return { generation, suite, root, composeVersion };
}

/**
 * PATH that finds a generation's programs first. What its folder lacks comes from the machine: runc above all, because a newer
 * suite's runc needs a newer libc and libseccomp than the machine has.
 */
export function pathOf(programs: GenerationPrograms): string {
  if (programs.root === '') return systemPath;
  const own = ['usr/sbin', 'usr/bin', 'usr/libexec/docker'].map((folder) => join(programs.root, folder));
  return `${own.join(':')}:${systemPath}`;
}

/** Path of a generation's program such as `usr/sbin/dockerd`. */
export function programPath(programs: GenerationPrograms, path: string): string {
  return `${programs.root}/${path}`;
}
