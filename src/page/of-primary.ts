import type { Services } from '../api/call.ts';
import { ClusterError } from '../common/errors.ts';

/** Among several managers only the primary does this (409): what a page asks by itself is not passed on, as clients' calls are. */
export class NotPrimaryError extends ClusterError {
  constructor(primary: string | undefined) {
    const where = primary === undefined ? 'there is none now' : `it is ${primary}`;
    super(`this manager is a replica, and only the primary does this (${where}): open the page of the primary`, {
      code: 'NOT_PRIMARY',
      status: 409,
    });
  }
}

/** Throws {@link NotPrimaryError} on a replica. */
export function assertPrimary({ toPrimary }: Pick<Services, 'toPrimary'>): void {
  if (toPrimary && !toPrimary.isPrimary) throw new NotPrimaryError(toPrimary.primary);
}
