import { existsSync } from 'node:fs';
import { reasonOf, UsageError } from '../../common/errors.ts';
import { type Generation, programPath, programsOf } from '../../namespaces/generations.ts';
import { DriverError } from '../errors.ts';
import { type Env, met, type Need, unmet } from '../needs.ts';

/** The Docker of a machine that asks for none. */
export const DEFAULT_GENERATION: Generation = '20.10';

/** Throws where namespaces cannot be made. */
export function assertPossible(): void {
  if (process.platform !== 'linux')
    throw new UsageError('the driver local needs Linux: it makes namespaces. Use the driver qemu or virtualbox here');
  if (process.getuid?.() !== 0)
    throw new UsageError('the driver local needs root: it makes namespaces. Run it with sudo -E');
}

/** Throws when a program is missing that makes machines. */
export function assertTools(): void {
  for (const tool of ['ip', 'nsenter', 'unshare', 'flock'])
    if (!isInPath(tool))
      throw new DriverError(`${tool} is missing: apt-get install iproute2 util-linux`, 'MISSING_TOOL');
}

/** Throws when the engine is not here and cannot be fetched. */
export function assertEngine(generation: Generation): void {
  if (isHere(generation) || isInPath('apt-get')) return;
  throw new DriverError(
    `Docker ${generation} is not on this host and there is no apt-get to fetch Debian's: choose another driver`,
    'MISSING_TOOL',
  );
}

/** The same for lists of drivers. */
export async function hostNeeds(env: Env): Promise<readonly Need[]> {
  const generation = (env.ENXAME_LOCAL_GENERATION || DEFAULT_GENERATION) as Generation;
  return [
    needOf('host', 'Linux, root', assertPossible),
    needOf('programs', 'ip, nsenter, unshare, flock', assertTools),
    needOf('docker', isHere(generation) ? generation : `${generation}, fetched with the first machine`, () =>
      assertEngine(generation),
    ),
  ];
}

function needOf(what: string, text: string, assert: () => void): Need {
  try {
    assert();
    return met(what, text);
  } catch (error) {
    return unmet(what, reasonOf(error).replace(/^the driver local needs /, ''));
  }
}

function isHere(generation: Generation): boolean {
  return existsSync(programPath(programsOf(generation), 'usr/sbin/dockerd'));
}

function isInPath(tool: string): boolean {
  return ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((folder) =>
    existsSync(`${folder}/${tool}`),
  );
}
