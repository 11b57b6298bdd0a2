/** An Engine API version such as `1.41`, ordered as numbers, not as text. */
export type ApiVersion = `${number}.${number}`;

/** The newest Engine API we know and advertise. Newer fields still pass through untouched. */
export const NEWEST_API: ApiVersion = '1.51';
/** The oldest Engine API a client may ask for. */
export const OLDEST_API: ApiVersion = '1.24';
/** Docker CLI 29.0 to 29.2 refuses servers that report less (reference: its vendored client). */
export const LEAST_ADVERTISED_API: ApiVersion = '1.44';

/** Reads `1.41` or `v1.41`; undefined when it is no version. */
export function parseApiVersion(text: string | null | undefined): ApiVersion | undefined {
  const match = /^v?(\d{1,3})\.(\d{1,3})$/.exec(text ?? '');
  return match ? (`${Number(match[1])}.${Number(match[2])}` as ApiVersion) : undefined;
}

/** Negative when `a` is older than `b`, 0 when equal, positive when newer. */
export function compareApi(a: ApiVersion, b: ApiVersion): number {
  return a === b ? 0 : ordinal(a) - ordinal(b);
}

/** Versions as numbers of the same order; a part has three digits at most. */
function ordinal(version: ApiVersion): number {
  const dot = version.indexOf('.');
  return Number(version.slice(0, dot)) * 1000 + Number(version.slice(dot + 1));
}

/** The older of two versions. */
export function olderApi(a: ApiVersion, b: ApiVersion): ApiVersion {
  return compareApi(a, b) <= 0 ? a : b;
}

/** The version to speak to an engine for a client that asked for `wanted`: within what the engine understands. */
export function clampApi(wanted: ApiVersion, engineMin: ApiVersion, engineMax: ApiVersion): ApiVersion {
  if (compareApi(wanted, engineMin) < 0) return engineMin;
  return olderApi(wanted, engineMax);
}
