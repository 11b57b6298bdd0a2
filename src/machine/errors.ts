import { ClusterError, ConflictError, NotFoundError } from '../common/errors.ts';

/** What docker-machine ends with when nothing was made because the driver's check failed. */
export const PRE_CREATE_EXIT_CODE = 3;

/** The driver's check before anything is made failed. */
export class PreCreateError extends ClusterError {
  constructor(message: string, code: string, cause: unknown) {
    super(message, { code, status: 500, cause, exitCode: PRE_CREATE_EXIT_CODE });
  }
}

/** The store holds something we cannot read, or cannot be written. */
export class StoreError extends ClusterError {
  constructor(message: string, code: string = 'MACHINE_STORE', cause?: unknown) {
    super(message, { code, status: 500, cause });
  }
}

/** For a machine that is not in the store. */
export function noSuchMachine(name: string): NotFoundError {
  return new NotFoundError(
    `Docker machine "${name}" does not exist. Use "enxame machine ls" to list machines. Use "enxame machine create" to add a new one.`,
    'NO_SUCH_MACHINE',
  );
}

/** For a name that is taken. */
export function machineExists(name: string): ConflictError {
  return new ConflictError(`Docker machine "${name}" already exists`, 'MACHINE_EXISTS');
}
