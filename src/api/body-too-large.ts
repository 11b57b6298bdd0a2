import { ClusterError } from '../common/errors.ts';

/** A body larger than its bound (413). */
export class BodyTooLargeError extends ClusterError {
  constructor(maxBytes: number) {
    super(`the request body is larger than ${maxBytes} bytes`, { code: 'BODY_TOO_LARGE', status: 413 });
  }
}
