import { ClusterError } from '../common/errors.ts';

/**
 * A name that is one holder's for as long as it is kept alive, which the store's client does by itself. Writes that are made under a
 * lease (`WriteOptions.lease`) are refused once it is not this holder's any more.
 */
export interface Lease {
  readonly name: string;
  /** Greater than that of every earlier lease of this name. */
  readonly term: number;
  /**
   * Aborted, with a `ClusterError` (code `LEASE_LOST`), when the lease was released, is gone from the store, or could not be renewed for so
   * long that it may end there: by the holder's own clock, and before the store gives it to anybody else.
   */
  readonly lost: AbortSignal;
  /** How long it stands for certain if it is not renewed, in milliseconds of the machine's time, suspension included; 0 once it is lost. */
  remainingMs(): number;
  /** Gives the name free for the next one. Never rejects: what the store cannot be told ends with the time to live. Idempotent. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  /** How long the lease stands without being renewed, in milliseconds. A store may round it up to what it can do. */
  readonly ttlMs: number;
  /** Ends the waiting: `acquire` rejects with its reason. */
  readonly signal: AbortSignal;
}

/** Leases on the names of one store. Every store passes `test/conformance/leases.ts`. */
export interface LeaseStore {
  /**
   * Waits until the name is free and takes it. `holder` is what others see. Goes on waiting while the store does not answer; rejects with a
   * {@link ClusterError} for what time does not mend, and when the store is closed.
   */
  acquire(name: string, holder: string, options: LeaseOptions): Promise<Lease>;
  /**
   * Who holds a name, now and after each change; undefined for nobody. Changes in quick succession may be told as one. Ends when
   * `signal` is aborted or the store is closed; throws when the store cannot be asked.
   */
  holders(name: string, signal: AbortSignal): AsyncIterable<string | undefined>;
}

/** What `Lease.lost` and writes under a lost lease end with. */
export function leaseLost(name: string, why: string): ClusterError {
  return new ClusterError(`the lease ${name} is lost: ${why}`, { code: 'LEASE_LOST', status: 503 });
}

/**
 * Whether a write of a shared store failed so that it may have been made, or that another manager may be the primary by now: what it was about is not undone
 * here then, but resolved by the primary from the records. What fails on a manager's own disk was not made, and nobody else decides.
 */
export function isForPrimary(error: unknown): boolean {
  const code = String((error as { readonly code?: unknown } | undefined)?.code ?? '');
  return /^(LEASE_LOST|NOT_PRIMARY|WRITE_UNKNOWN|STORE_\w+)$/.test(code);
}
