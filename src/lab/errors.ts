import { ClusterError } from '../common/errors.ts';

/** An error of the lab itself: what it tried and why it did not work. */
export class LabError extends ClusterError {
  constructor(message: string, code: string = 'LAB', cause?: unknown) {
    super(message, { code, status: 500, cause });
  }
}
