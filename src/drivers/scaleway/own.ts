import type { RestClient } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { pages } from './api.ts';
import type { ScalewayOptions } from './options.ts';

type Context = DriverContext<ScalewayOptions>;

/** Tags are texts; ours are `key=value`. */
export function tagsOf({ tags, options }: Context): readonly string[] {
  return [...Object.entries(tags).map(([key, value]) => `${key}=${value}`), ...options['scaleway-tags']];
}

/** Name of what only this machine uses. */
export function ownName({ name, id }: Context): string {
  return `enxame-${name}-${id}`;
}

/** Where the Instance API keeps what is in the machine's zone. */
export function instanceApi({ options }: Context): string {
  return `/instance/v1/zones/${options['scaleway-zone']}`;
}

/** Where the Block Storage API keeps volumes of the machine's zone. */
export function blockApi({ options }: Context): string {
  return `/block/v1/zones/${options['scaleway-zone']}`;
}

/** `fr-par` of the zone `fr-par-1`. */
export function regionOf(zone: string): string {
  return zone.replace(/-\d+$/, '');
}

/** Paths of what carries the machine's tag in a list such as `/instance/v1/zones/fr-par-1/servers`. */
export async function owned(context: Context, api: RestClient, list: string, signal: AbortSignal): Promise<string[]> {
  const tag = `enxame-id=${context.id}`;
  type Tagged = { readonly id: string; readonly tags: readonly string[] };
  const key = list.slice(list.lastIndexOf('/') + 1);
  const all = await pages<Tagged>(api, `${list}?tags=${encodeURIComponent(tag)}`, key, signal);
  return all.filter(({ tags }) => tags.includes(tag)).map(({ id }) => `${list}/${id}`);
}
