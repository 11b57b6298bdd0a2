import type { IncomingHttpHeaders } from 'node:http';
import { ClusterError } from '../common/errors.ts';

/** A body came in a transfer coding besides chunks (501, as RFC 9112 §6.1 asks for and Go's servers answer). */
export class TransferCodingError extends ClusterError {
  constructor(coding: string) {
    const shown = JSON.stringify(coding.slice(0, 60));
    super(`Transfer-Encoding ${shown} is not supported: send chunks only, and name a compression in Content-Encoding`, {
      code: 'TRANSFER_CODING',
      status: 501,
    });
  }
}

/**
 * Refuses bodies in another transfer coding than `chunked`. Node refuses those that do not end with it, and takes the chunks away of
 * `gzip, chunked`: what is left would be taken for the body, and be sent to an engine as if it had never been compressed.
 */
export function refuseOtherCodings({ 'transfer-encoding': coding }: IncomingHttpHeaders): void {
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') throw new TransferCodingError(coding);
}
