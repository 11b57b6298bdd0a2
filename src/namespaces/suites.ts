import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must, run } from '../common/command.ts';
import { machineMirror } from './apt-sources.ts';
import { HostError } from './errors.ts';
import type { Generation } from './generations.ts';
import { type GenerationPrograms, programPath, programsOf } from './generations.ts';
import { withLock } from './lock.ts';
import { cacheRoot, lockPath } from './paths.ts';

/**
 * Makes the programs of the generations available: the machine's own packages where they are that generation, else a Debian
 * suite unpacked in the cache. Nothing is installed. Quick the second time; several processes may ask at once.
 */
export async function ensureGenerations(
  generations: readonly Generation[],
  onProgress: (line: string) => void = () => {},
): Promise<void> {
  for (const generation of new Set(generations)) {
    const programs = programsOf(generation);
    if (await isPresent(programs)) continue;
    await withLock(lockPath(`suite-${programs.suite}`), async () => {
      if (!(await isPresent(programs))) await unpackSuite(programs, onProgress);
    });
  }
}

async function isPresent(programs: GenerationPrograms): Promise<boolean> {
  return await stat(programPath(programs, 'usr/sbin/dockerd')).then(
    () => true,
    () => false,
  );
}

/** Downloads and unpacks beside the final place and renames at the end: the folder exists complete or not at all. */
async function unpackSuite(programs: GenerationPrograms, onProgress: (line: string) => void): Promise<void> {
  const { suite, generation, root, packages } = programs;
  onProgress(`Docker ${generation}: reading Debian ${suite}'s package list`);
  const work = join(cacheRoot(), `unpack-${generation}`);
  await rm(work, { recursive: true, force: true });
  const apt = await privateApt(work, suite);
  await must('apt-get', [...apt, '-qq', 'update'], { timeoutMs: 600_000 });
  onProgress(`Docker ${generation}: downloading and unpacking (about 90 MB)`);
  const downloads = join(work, 'downloads');
  await mkdir(downloads, { recursive: true });
  await must('sh', ['-c', 'cd "$0" && exec apt-get "$@"', downloads, ...apt, '-qq', 'download', ...packages], {
    timeoutMs: 900_000,
  });
  const tree = join(work, 'tree');
  await must('sh', ['-c', 'for deb in "$0"/*.deb; do dpkg -x "$deb" "$1" || exit 1; done', downloads, tree], {
    timeoutMs: 300_000,
  });
  await rm(join(tree, 'usr/share'), { recursive: true, force: true });
  await checkRuns(tree, generation);
  await mkdir(join(root, '..'), { recursive: true });
  await rename(tree, root);
  await rm(work, { recursive: true, force: true });
}

/** apt-get options that leave the machine's own lists, cache and status alone. */
async function privateApt(work: string, suite: string): Promise<string[]> {
  for (const part of ['state/lists/partial', 'cache/archives/partial'])
    await mkdir(join(work, part), { recursive: true });
  const { uri, options } = await machineMirror();
  const list = join(work, 'sources.list');
  await writeFile(list, `deb ${options}${uri} ${suite} main\n`);
  await writeFile(join(work, 'status'), '');
  const settings = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '/nonexistent',
    'Dir::State': join(work, 'state'),
    'Dir::State::status': join(work, 'status'),
    'Dir::Cache': join(work, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    // A dated mirror serves a Release file that has run out.
    'Acquire::Check-Valid-Until': 'false',
  };
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

async function checkRuns(tree: string, generation: Generation): Promise<void> {
  const { stdout, stderr } = await run(join(tree, 'usr/sbin/dockerd'), ['--version']);
  if (stdout.includes(`version ${generation}.`)) return;
  throw new HostError(`Debian's package is not Docker ${generation}: ${(stdout || stderr).trim()}`, 'HOST_GENERATION');
}
