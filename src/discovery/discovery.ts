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

/** What every backend is given beside its own part of the URI. */
export interface DiscoverySettings {
  /** Time between two looks at the entries. */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  /** `--discovery-opt key=value` pairs. */
  readonly options: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told once of each entry that somebody registered and that is not used, and why. */
  readonly onLeftOut?: ((entry: string, why: string) => void) | undefined;
}

/** Makes a backend from what follows `scheme://`; throws a {@link DiscoveryError} when that cannot be read. */
type DiscoveryFactory = (rest: string, settings: DiscoverySettings) => Promise<DiscoveryBackend>;

/** Every scheme a cluster can be found by, its code loaded on first use. A new backend is one line here. */
const BACKENDS: ReadonlyMap<string, () => Promise<DiscoveryFactory>> = new Map([
  ['token', async () => (await import('./backends/token.ts')).openTokenDiscovery],
  ['file', async () => (await import('./backends/file.ts')).openFileDiscovery],
  ['nodes', async () => (await import('./backends/nodes.ts')).openNodesDiscovery],
]);

/** Schemes users of the old swarm know, which have no backend here. */
const NOT_BUILT: ReadonlySet<string> = new Set(['etcd', 'consul', 'zk']);
const ENTRY_SCHEMES: ReadonlySet<string> = new Set(['tcp', 'tls', 'ssh', 'unix']);

/**
 * Opens the backend a `<discovery>` argument names: `token://…`, `file://…`, `nodes://…`, or a bare list of entries.
 * Connects to nothing yet. Throws a {@link DiscoveryError} for an unknown scheme or a malformed rest.
 */
export async function openDiscovery(uri: string, settings: DiscoverySettings): Promise<DiscoveryBackend> {
  const { name, rest } = splitScheme(uri.trim());
  const load = BACKENDS.get(name);
  if (load === undefined) throw notSupported(name);
  const open = await load();
  return open(rest, settings);
}

/** Which backend a `<discovery>` argument means, whether there is one or not: `token`, `file`, `nodes` for a bare list too. */
export function backendName(uri: string): string {
  return splitScheme(uri.trim()).name;
}

function splitScheme(uri: string): { readonly name: string; readonly rest: string } {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(uri);
  const scheme = match?.[1]?.toLowerCase();
  if (match === null || scheme === undefined || ENTRY_SCHEMES.has(scheme)) return { name: 'nodes', rest: uri };
  return { name: scheme, rest: match[2] ?? '' };
}

function notSupported(name: string): DiscoveryError {
  const known = [...BACKENDS.keys()].map((scheme) => `${scheme}://`).join(', ');
  const why = NOT_BUILT.has(name) ? `${name}:// is not built yet` : `${name}:// is unknown`;
  return new DiscoveryError(
    `discovery service not supported: ${why}. Use ${known} or a list host:port,host:port`,
    'DISCOVERY_NOT_SUPPORTED',
  );
}

/** Reasons that no time mends: the token, the file or what was named must be another one. */
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
