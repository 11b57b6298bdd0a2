import { ClusterError } from '../common/errors.ts';

/** A host made of namespaces, or the engine on it, could not be made or changed: what was tried and why it did not work. */
export class HostError extends ClusterError {
  constructor(message: string, code: string = 'HOST', cause?: unknown) {
    super(message, { code, status: 500, cause });
  }
}
