import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemPath } from '../common/command.ts';
import { cacheRoot } from './paths.ts';

/** A Docker engine release line that can be run, named after the engine Debian ships. */
export type Generation = '20.10' | '26.1' | '28.5';

/** Where one generation's programs are, whether or not they have been unpacked yet. */
export interface GenerationPrograms {
  readonly generation: Generation;
  /** Debian suite that ships it. */
  readonly suite: string;
  /** Folder its packages are unpacked into; empty if the machine itself has them installed. */
  readonly root: string;
  /** Packages to unpack. */
  readonly packages: readonly string[];
}

/** The generation that is started when none is named. */
export const defaultGeneration: Generation = '20.10';

/**
 * Newer suites: docker-cli and docker-buildx are packages of their own; runc is left out, because theirs needs a newer libc and
 * libseccomp than an older machine has.
 */
const newerPackages = ['docker.io', 'docker-cli', 'docker-compose', 'docker-buildx', 'containerd', 'tini'];

const sources: Readonly<Record<Generation, { readonly suite: string; readonly packages: readonly string[] }>> = {
  '20.10': { suite: 'bookworm', packages: ['docker.io', 'containerd', 'runc', 'tini'] },
  '26.1': { suite: 'trixie', packages: newerPackages },
  '28.5': { suite: 'forky', packages: newerPackages },
};

/** All generations, oldest first. */
export const generations: readonly Generation[] = ['20.10', '26.1', '28.5'];

/** The generation's programs: the machine's own packages if it is the Debian release that ships them, else the cache. */
export function programsOf(generation: Generation): GenerationPrograms {
  const source = sources[generation];
  return { generation, ...source, root: isInstalled(source.suite) ? '' : unpackedRoot(generation) };
}

/**
 * PATH that finds a generation's programs first. What its folder lacks comes from the machine or the oldest generation: runc
 * above all.
 */
export function pathOf(programs: GenerationPrograms): string {
  if (programs.root === '') return systemPath;
  const folders = ['usr/sbin', 'usr/bin', 'usr/libexec/docker'].map((folder) => join(programs.root, folder));
  return [...folders, systemPath, join(unpackedRoot('20.10'), 'usr/sbin'), join(unpackedRoot('20.10'), 'usr/bin')].join(
    ':',
  );
}

/** Path of a generation's program such as `usr/sbin/dockerd`. */
export function programPath(programs: GenerationPrograms, path: string): string {
  return `${programs.root}/${path}`;
}

function unpackedRoot(generation: Generation): string {
  return join(cacheRoot(), 'engines', generation);
}

/** By dpkg's records: asking dockerd for its version would cost a process each time. */
function isInstalled(suite: string): boolean {
  if (!existsSync('/var/lib/dpkg/info/docker.io.list') || !existsSync('/usr/sbin/dockerd')) return false;
  return new RegExp(`^VERSION_CODENAME=${suite}$`, 'm').test(readFileSync('/etc/os-release', 'utf8'));
}
