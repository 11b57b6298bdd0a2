import { BadRequestError } from '../common/errors.ts';

/** The label of anonymous volumes on engines; pruning takes those alone. */
export const ANONYMOUS_LABEL: string = 'com.docker.volume.anonymous';

const VALID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Throws 400 in the engine's words for a name that an engine would refuse later. */
export function assertVolumeName(name: string): void {
  if (VALID.test(name)) return;
  if (name.length === 1)
    throw new BadRequestError(
      'create volume: volume name is too short, names should be at least two alphanumeric characters',
      'BAD_VOLUME_NAME',
    );
  throw new BadRequestError(
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    'BAD_VOLUME_NAME',
  );
}
