import type { RestClient } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { type Firewall, type Instance, pages } from './api.ts';
import type { LinodeOptions } from './options.ts';

type Context = DriverContext<LinodeOptions>;

/** Lists of the API that hold what is the machine's. */
export const LISTS = { server: '/linode/instances', firewall: '/networking/firewalls' } as const;

/** Tags are texts of 3 to 50 characters; ours are `key=value`. */
export function tagsOf({ tags, options }: Context): readonly string[] {
  return [...Object.entries(tags).map(([key, value]) => `${key}=${value}`.slice(0, 50)), ...options['linode-tags']];
}

/** The one tag that no other machine has. */
function ownTag({ id }: Context): string {
  return `enxame-id=${id}`;
}

/** Whether it carries the machine's tag. */
export function isOurs(context: Context, { tags }: { readonly tags: readonly string[] }): boolean {
  return tags.includes(ownTag(context));
}

/** Identifiers of what carries the machine's tag. */
export async function owned(
  context: Context,
  api: RestClient,
  kind: keyof typeof LISTS,
  signal: AbortSignal,
): Promise<string[]> {
  const all = await pages<Instance | Firewall>(api, LISTS[kind], signal);
  return all.filter((each) => isOurs(context, each)).map(({ id }) => String(id));
}

/** Labels have 3 to 64 characters, begin and end with a letter or digit and never repeat a dash or dot. */
export function labelOf({ name, options }: Context): string {
  const given = options['linode-label'];
  if (given !== undefined) return given;
  const label = name.replace(/([-.])[-.]*/g, '$1').replace(/^[-.]+|[-.]+$/g, '');
  return label.length < 3 ? `enxame-${label}` : label;
}
