import type { RestClient } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { pages } from './api.ts';
import type { OpenStackOptions } from './options.ts';

type Context = DriverContext<OpenStackOptions>;

/** Name of what only this machine uses. */
export function ownName({ name, id }: Context): string {
  return `enxame-${name}-${id}`;
}

/** The tags as a text, for what Neutron makes: tags proper could only be added later, which would leave a moment without. */
export function ownText({ tags }: Context): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** Identifiers of servers or volumes with the machine's metadata. */
export async function ownByMetadata(
  { id }: Context,
  api: RestClient,
  list: '/compute/servers' | '/volume/volumes',
  signal: AbortSignal,
): Promise<string[]> {
  type Marked = { readonly id: string; readonly metadata?: Readonly<Record<string, string>> };
  const all = await pages<Marked>(api, `${list}/detail`, list.slice(list.lastIndexOf('/') + 1), signal);
  return all.filter(({ metadata }) => metadata?.['enxame-id'] === id).map((each) => each.id);
}

/** Identifiers of what Neutron has with the machine's description. */
export async function ownByText(
  context: Context,
  api: RestClient,
  list: '/network/security-groups' | '/network/floatingips',
  signal: AbortSignal,
): Promise<string[]> {
  type Described = { readonly id: string; readonly description?: string };
  const key = list.slice('/network/'.length).replace('-', '_');
  const all = await pages<Described>(api, list, key, signal);
  return all.filter(({ description }) => description === ownText(context)).map(({ id }) => id);
}

/** The machine's key pair, if it is there: key pairs have no identifiers but their names. */
export async function ownKeypairs(context: Context, api: RestClient, signal: AbortSignal): Promise<string[]> {
  const name = ownName(context);
  return (await api.find(`/compute/os-keypairs/${name}`, signal)) === undefined ? [] : [name];
}
