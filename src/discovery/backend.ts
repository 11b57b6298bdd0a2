import type { Clock } from '../common/clock.ts';
import { DiscoveryError } from '../common/errors.ts';
import type { Entry } from './entry.ts';

/**
 * What a watch reports: the entries as they are now, or why they cannot be known at present. After an error the last
 * reported entries still stand.
 */
export type WatchEvent =
  | { readonly entries: readonly Entry[]; readonly error?: undefined }
  | { readonly error: DiscoveryError; readonly entries?: undefined };

/** A place that knows where the engines of a cluster are. */
export interface DiscoveryBackend {
  /** The scheme it is asked for by: `token`, `file`, `nodes`. */
  readonly name: string;
  /** The entries as they are now, each once. Rejects with a {@link DiscoveryError}, or the signal's reason when aborted. */
  entries(signal: AbortSignal): Promise<readonly Entry[]>;
  /**
   * Reports the entries at once, then whenever they change, and once after each recovery; failures are reported while they last,
   * with a growing pause between attempts. Never throws; ends when the signal is aborted or the backend closed.
   */
  watch(signal: AbortSignal): AsyncIterable<WatchEvent>;
  /**
   * Makes `entry` known for `ttlMs` milliseconds; repeating it renews that. Absent where entries come from elsewhere.
   * Rejects with a {@link DiscoveryError}, or the signal's reason when aborted.
   */
  register?(entry: Entry, ttlMs: number, signal: AbortSignal): Promise<void>;
  /** Makes `entry` unknown at once; one that is not known is no failure. There wherever `register` is, and rejects as it does. */
  deregister?(entry: Entry, signal: AbortSignal): Promise<void>;
  /** Ends every watch and releases connections. May be called again. */
  close(): Promise<void>;
}

/** Given to every backend beside its own part of the URI. */
export interface DiscoverySettings {
  /** Time between two looks at the entries. */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  /** `--discovery-opt key=value` pairs. */
  readonly options: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told once of each registered entry that is not used, and why. */
  readonly onLeftOut?: ((entry: string, why: string) => void) | undefined;
}

/** Reasons that time does not mend: it takes another token, file or name. */
const LASTING: ReadonlySet<string> = new Set([
  'UNKNOWN_TOKEN',
  'BAD_ANSWER',
  'SERVICE_TLS',
  'SERVICE_REFUSED',
  'DISCOVERY_FILE',
  'BAD_ENTRY',
]);

/** Whether trying again cannot help, as long as nothing has worked before. */
export function isLasting(error: unknown): error is DiscoveryError {
  return error instanceof DiscoveryError && LASTING.has(error.code);
}
