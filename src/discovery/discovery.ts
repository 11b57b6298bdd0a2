import { DiscoveryError } from '../common/errors.ts';
import type { DiscoveryBackend, DiscoverySettings } from './backend.ts';

/** Makes a backend from what follows `scheme://`; throws a {@link DiscoveryError} when that cannot be read. */
type DiscoveryFactory = (rest: string, settings: DiscoverySettings) => Promise<DiscoveryBackend>;

/** Every scheme a cluster can be found by, its code loaded on first use. A new backend is one line here. */
const BACKENDS: ReadonlyMap<string, () => Promise<DiscoveryFactory>> = new Map([
  ['token', async () => (await import('./backends/token.ts')).openTokenDiscovery],
  ['file', async () => (await import('./backends/file.ts')).openFileDiscovery],
  ['etcd', async () => (await import('./backends/etcd.ts')).openEtcdDiscovery],
  ['zk', async () => (await import('./backends/zk.ts')).openZkDiscovery],
  ['consul', async () => (await import('./backends/consul.ts')).openConsulDiscovery],
  ['nodes', async () => (await import('./backends/nodes.ts')).openNodesDiscovery],
]);

const ENTRY_SCHEMES: ReadonlySet<string> = new Set(['tcp', 'tls', 'ssh', 'agent', 'unix']);

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
  return new DiscoveryError(
    `discovery service not supported: ${name}:// is unknown. Use ${known} or a list host:port,host:port`,
    'DISCOVERY_NOT_SUPPORTED',
  );
}
