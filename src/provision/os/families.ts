import { DriverError } from '../../common/errors.ts';
import type { OsRelease } from '../facts.ts';
import { alpine } from './alpine.ts';
import { debian } from './debian.ts';
import type { OsFamily } from './family.ts';
import { fedora } from './fedora.ts';
import { suse } from './suse.ts';

const FAMILIES: readonly OsFamily[] = [debian, fedora, alpine, suse];

/** The family of a system: by its own ID, else by what it says it is like. Throws UNSUPPORTED_OS. */
export function familyOf(os: OsRelease, host: string): OsFamily {
  for (const id of [os.id, ...os.like]) {
    const family = FAMILIES.find(({ ids }) => ids.includes(id));
    if (family !== undefined) return family;
  }
  const known = FAMILIES.map(({ title }) => title).join(', ');
  throw new DriverError(
    `${host} runs ${os.title}; an engine can be installed on ${known}. Install Docker there by hand, then repeat this, or use the engine as it is: --driver generic --adopt`,
    'UNSUPPORTED_OS',
  );
}
