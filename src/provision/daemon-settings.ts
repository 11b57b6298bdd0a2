import type { EngineSpec } from './provisioner.ts';

/** The content of a daemon.json. */
export type DaemonSettings = Readonly<Record<string, unknown>>;

/** Where the engine's files are on a machine. */
export const PATHS = {
  folder: '/etc/docker',
  settings: '/etc/docker/daemon.json',
  /** What we put into the settings last time, so that it can be taken out again and nothing else is. */
  ours: '/etc/docker/enxame.json',
  ca: '/etc/docker/ca.pem',
  cert: '/etc/docker/server.pem',
  key: '/etc/docker/server-key.pem',
} as const;

/** What daemon.json must say for the engine to be as wanted. `hosts` where the service's command line does not name them. */
export function wantedSettings(spec: EngineSpec, hosts: readonly string[] | undefined): DaemonSettings {
  const labels = Object.entries(spec.labels).map(([key, value]) => `${key}=${value}`);
  return {
    ...(hosts === undefined ? {} : { hosts }),
    ...(spec.port === undefined
      ? {}
      : { tlsverify: true, tlscacert: PATHS.ca, tlscert: PATHS.cert, tlskey: PATHS.key }),
    ...(labels.length === 0 ? {} : { labels }),
    ...(spec.insecureRegistries.length === 0 ? {} : { 'insecure-registries': spec.insecureRegistries }),
    ...(spec.registryMirrors.length === 0 ? {} : { 'registry-mirrors': spec.registryMirrors }),
    ...(spec.storageDriver === undefined ? {} : { 'storage-driver': spec.storageDriver }),
  };
}

/**
 * The settings to write: what is there (`current`) without what we put there last time (`last`), with what is `wanted` now. Settings
 * of other origin stay, unless another value is wanted for the very same one; of labels one per name stays, ours.
 */
export function mergeSettings(current: DaemonSettings, last: DaemonSettings, wanted: DaemonSettings): DaemonSettings {
  const merged: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(current)) {
    const kept = without(value, last[key]);
    if (kept !== undefined) merged[key] = kept;
  }
  for (const [key, value] of Object.entries(wanted)) merged[key] = joined(key, merged[key], value);
  return merged;
}

function without(value: unknown, last: unknown): unknown {
  if (last === undefined) return value;
  if (!Array.isArray(value) || !Array.isArray(last)) return same(value, last) ? undefined : value;
  const rest = value.filter((item) => !last.some((other) => same(item, other)));
  return rest.length === 0 ? undefined : rest;
}

function joined(key: string, there: unknown, wanted: unknown): unknown {
  // Other sockets than ours would be open without our knowing.
  if (!Array.isArray(there) || !Array.isArray(wanted) || key === 'hosts') return wanted;
  const nameOf = (item: unknown): unknown => (key === 'labels' ? String(item).split('=', 1)[0] : item);
  const names = new Set(wanted.map(nameOf));
  return [...there.filter((item) => !names.has(nameOf(item))), ...wanted];
}

/** Whether two settings say the same, whatever the order of their keys. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, sorted(inner)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
