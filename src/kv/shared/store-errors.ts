import { ClusterError } from '../../common/errors.ts';

/** What time does not mend: another address, credential or certificate does. */
const LASTING: ReadonlySet<string> = new Set([
  'STORE_AUTH',
  'STORE_TLS',
  'STORE_REFUSED',
  'STORE_FORMAT',
  'STORE_CLOSED',
]);

/** A store that did not do what it was asked for: one line of what and why. */
export function storeError(code: StoreErrorCode, message: string, cause?: unknown): ClusterError {
  return new ClusterError(message, { code, status: code === 'RECORD_TOO_LARGE' ? 413 : 503, cause });
}

export type StoreErrorCode =
  /** No server of the store did it, and none will. */
  | 'STORE_UNAVAILABLE'
  /** The user is unknown, or may not do it. */
  | 'STORE_AUTH'
  /** The server's certificate or ours is not trusted, or one side speaks no TLS. */
  | 'STORE_TLS'
  /** The store understood, and will never do it. */
  | 'STORE_REFUSED'
  /** A newer version wrote it. */
  | 'STORE_FORMAT'
  | 'STORE_CLOSED'
  | 'STORE_BUSY'
  | 'RECORD_TOO_LARGE'
  /** A commit may have been made or yet be made. */
  | 'OUTCOME_UNKNOWN'
  /** The same of a write, after trying to find out for some time. */
  | 'WRITE_UNKNOWN';

export function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code;
}

/** Whether trying again later cannot help. */
export function isLastingStoreError(error: unknown): boolean {
  return LASTING.has(String(codeOf(error)));
}

export function storeClosed(): ClusterError {
  return storeError('STORE_CLOSED', 'the store was closed');
}
