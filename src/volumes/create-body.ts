import { randomBytes } from 'node:crypto';
import { ConflictError } from '../common/errors.ts';
import type { VolumeSummary } from '../engine/types.ts';
import { pendingSummary } from './homes.ts';
import { ANONYMOUS_LABEL } from './names.ts';

/** A client's `POST /volumes/create`; passes through. */
export interface VolumeBody {
  readonly Name?: string;
  readonly Driver?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
}

export type NamedVolumeBody = VolumeBody & { readonly Name: string };

/** A volume without a name gets one, and the label by which pruning tells such volumes (Engine API 1.42). */
export function withName(body: VolumeBody): NamedVolumeBody {
  if (body.Name) return { ...body, Name: body.Name };
  return { ...body, Name: randomBytes(32).toString('hex'), Labels: { ...body.Labels, [ANONYMOUS_LABEL]: '' } };
}

/** Labels that ask for a node at once (`com.docker.swarm.constraints`, …). */
const PLACING_LABEL = /^com\.docker\.swarm\.(constraints|affinities|whitelists)$/;

/** Whether a volume is made at once, on a node the scheduler chooses: its driver or its labels ask for that. */
export function isPlacedAtOnce({ Driver, Labels }: VolumeBody): boolean {
  return (Driver ?? 'local') !== 'local' || Object.keys(Labels ?? {}).some((key) => PLACING_LABEL.test(key));
}

/** A volume that is there already, unless it is asked for with another driver or other options. */
export function sameOrConflict(before: VolumeSummary, body: NamedVolumeBody): VolumeSummary {
  const now = pendingSummary({ name: body.Name, body: JSON.stringify(body), createdAt: '' });
  const isOther =
    now.Driver !== before.Driver ||
    (now.Options != null && JSON.stringify(sorted(now.Options)) !== JSON.stringify(sorted(before.Options)));
  if (isOther)
    throw new ConflictError(`create ${body.Name}: conflict: volume name must be unique`, 'VOLUME_NAME_IN_USE');
  return before;
}

function sorted(options: Readonly<Record<string, string>> | null | undefined): readonly (readonly [string, string])[] {
  return Object.entries(options ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
